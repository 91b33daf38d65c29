"""Pressure as a third channel: from the sensor through model, journal and broker, in every mix of the two."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.bundle.bundle import Bundle, load, unpack
from edge.bundle.default import default_content
from edge.csvfile import write_csv
from edge.detection.detector import Detector
from edge.detection.replay import judge
from edge.detection.verdict import Verdict
from edge.event import Event
from edge.reading import CHANNELS
from edge.recording import Recording
from edge.settling import settle
from edge.sources.fault import Fault
from edge.sources.simulator import simulate
from edge.uplink.discovery import discovery_topic
from tests.brokers import mosquitto
from tests.edge.test_agent import DEADLINE_S, ROOT, Subscriber, agent, schema, subscriber
from tests.edge.test_iio import BME280

HOUR_S, DAY_S, PERIOD_S = 3600.0, 86_400.0, 60.0
KEYS = ["temperature_c", "humidity_pct", "pressure_hpa"]
BAROMETER = ["--source", "simulator", "--sensor", "BME280"]


def room(*faults: Fault, days: float = 3.0) -> Recording:
    return simulate(days * DAY_S, PERIOD_S, 5, faults, sensor="bme280")


def run(module: str, *flags: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, flags)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def settled() -> Bundle:
    """The package's model, which judges temperature and humidity, at home in the room."""
    default, history = unpack(default_content(), "default"), room(days=2.0)
    judged = replace(history, channels=history.channels[:2], values=history.values[:, :2])
    return settle(default, judged, 2.0, 1.0).of(default)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that was trained on a CSV with pressure, by the commands that a user types."""
    pytest.importorskip("tensorflow", reason="needs picanary[train]")
    folder = tmp_path_factory.mktemp("three")
    write_csv(room(days=10.0), folder / "attic.csv")
    for module, *flags in (
        ("trainer", "--data", folder / "attic.csv", "--out", folder / "run", "--epochs", 2),
        ("convert", folder / "run", "--out", folder / "attic.canary"),
    ):
        done = run(module, *flags)
        assert done.returncode == 0, done.stderr
    return folder / "attic.canary"


def verdicts(bundle: Bundle, recording: Recording) -> list[Verdict]:
    """One by one, as the agent of a sensor with these channels sees them; and all at once, the same."""
    detector: Detector = bundle.open_detector(measured=recording.channels)
    streamed = [detector.see(recording.reading(row))[1] for row in range(len(recording))]
    together = judge(recording, bundle.network(), bundle.windowing, bundle.detector).verdicts
    assert streamed == list(together)
    return streamed


def begun(found: list[Verdict], fault: Fault) -> list[Event]:
    """Alarms and sensor faults that began during the fault; people live in the room before and after."""
    during = found[round(fault.onset_s / PERIOD_S) : round(fault.end_s / PERIOD_S) + 1]
    changes = [change for each in during for change in each.changes if change.phase == "start"]
    return [change.event for change in changes if change.event.kind != "advisory"]


def kinds(found: list[Verdict], fault: Fault) -> set[str]:
    """What they were."""
    return {event.kind for event in begun(found, fault)}


def broken(fault: Fault) -> Recording:
    """The room with that fault; one of the kind `range` is a barometer that says what cannot be."""
    if fault.kind != "range":
        return room(fault)
    calm = room()
    values = calm.values.copy()
    values[round(fault.onset_s / PERIOD_S) : round(fault.end_s / PERIOD_S), 2] = fault.size
    return replace(calm, values=values)


def test_a_model_of_temperature_and_humidity_judges_on_beside_a_barometer(settled: Bundle) -> None:
    shift = Fault("level_shift", 60 * HOUR_S, HOUR_S, 4.0, "temperature")
    found = verdicts(settled, room(shift))
    assert found[-1].state == "normal" and len(found[-1].expected or ()) == 2
    assert kinds(found, shift) == {"anomalous"}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("range", 60 * HOUR_S, HOUR_S, 1500.0), {"sensor_fault"}),
        (Fault("frozen", 60 * HOUR_S, 2 * HOUR_S), {"sensor_fault"}),
        (Fault("spike", 60 * HOUR_S, PERIOD_S, 60.0, "pressure"), set()),  # one reading
        (Fault("drift", 60 * HOUR_S, 2 * HOUR_S, 20.0, "pressure"), set()),  # which it knows nothing of
    ],
)
def test_a_broken_barometer_is_no_strange_room(settled: Bundle, fault: Fault, expected: set[str]) -> None:
    assert kinds(verdicts(settled, broken(fault)), fault) == expected


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("range", 60 * HOUR_S, HOUR_S, 0.0), {"sensor_fault"}),
        (Fault("frozen", 60 * HOUR_S, 2 * HOUR_S), {"sensor_fault"}),
        (Fault("spike", 60 * HOUR_S, PERIOD_S, 60.0, "pressure"), set()),
        (Fault("level_shift", 60 * HOUR_S, HOUR_S, 15.0, "pressure"), {"anomalous"}),
        (Fault("level_shift", 60 * HOUR_S, HOUR_S, 4.0, "temperature"), {"anomalous"}),
    ],
)
def test_a_model_of_three_channels_judges_all_three_and_the_sensor_apart(
    three: Path, fault: Fault, expected: set[str]
) -> None:
    bundle = load(three)
    assert [c.name for c in bundle.channels] == list(CHANNELS)
    found = verdicts(bundle, broken(fault))
    assert kinds(found, fault) == expected
    if expected == {"anomalous"}:
        event = begun(found, fault)[0]
        assert event.channel == fault.channel and len(event.share or ()) == 3


def told(heard: Subscriber, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first record of which the condition holds."""
    heard.wait(lambda: any(condition(record) for record in heard.records().values()))
    return next(record for record in heard.records().values() if condition(record))


def test_the_packages_model_passes_the_pressure_on_to_every_topic(tmp_path: Path) -> None:
    with mosquitto() as broker, subscriber(broker) as heard:
        where = ["--broker", f"127.0.0.1:{broker.port}", "--commit-s", 0.2, "--faults-every", 2]
        with agent(tmp_path, *BAROMETER, "--speed", 3000, *where) as process:
            first = told(heard, lambda record: record["seq"] == 1)
            assert 900 < first["pressure_hpa"] < 1100 and first["state"] == "warming"
            judged = told(heard, lambda record: record["score"] is not None)
            assert 900 < judged["pressure_hpa"] < 1100
            assert list(judged["expected"]) == list(judged["spread"]) == KEYS[:2]
            heard.wait(lambda: any(e["state"] == "anomalous" and e["window"] for e in heard.of("event")))
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0
        assert [each["key"] for each in heard.of("info")[-1]["channels"]] == KEYS
        assert heard.of("info")[-1]["channels"][2] == {
            "name": "pressure",
            "key": "pressure_hpa",
            "unit": "hPa",
        }
        event = next(e for e in heard.of("event") if e["state"] == "anomalous" and e["window"])
        assert set(KEYS) <= event["window"][-1].keys()
        assert event["channel"] in KEYS[:2] and list(event["share"]) == KEYS[:2]
        assert "pressure_hpa" in heard.of("state")[-1]
        for leaf, message, _ in heard.messages:
            schema("record" if leaf == "state" else leaf).validate(message)


def test_a_bundle_of_three_channels_judges_them_on_the_device(three: Path, tmp_path: Path) -> None:
    with mosquitto() as broker, subscriber(broker) as heard:
        where = ["--broker", f"127.0.0.1:{broker.port}", "--commit-s", 0.2]
        with agent(tmp_path, *BAROMETER, "--bundle", three, "--speed", 3000, *where):
            judged = told(heard, lambda record: record["score"] is not None)
            assert list(judged["expected"]) == list(judged["spread"]) == KEYS
            assert 900 < judged["expected"]["pressure_hpa"] < 1100


def test_home_assistant_is_told_of_a_kernels_barometer(tmp_path: Path) -> None:
    folder = tmp_path / "sys" / "iio:device0"
    folder.mkdir(parents=True)
    for name, text in BME280.items():
        (folder / name).write_text(text + "\n")
    config = tmp_path / "edge.toml"
    config.write_text(f'[source]\nkind = "iio"\nsysfs = "{tmp_path / "sys"}"\n')
    topic = discovery_topic("cellar")
    with mosquitto() as broker, subscriber(broker) as heard:
        heard._client.subscribe(topic, 1)
        where = ["--broker", f"127.0.0.1:{broker.port}", "--commit-s", 0.2]
        with agent(tmp_path, "--config", config, "--period", 0.2, *where):
            heard.wait(lambda: any("components" in message for _, message, _ in list(heard.messages)))
            record = told(heard, lambda record: record["seq"] == 1)
    assert record["pressure_hpa"] == pytest.approx(1009.1234, abs=1e-3)
    assert (record["src"], record["sim"]) == ("iio", False)
    payload = next(message for _, message, _ in heard.messages if "components" in message)
    sensor = payload["components"]["pressure"]
    assert (sensor["device_class"], sensor["unit_of_measurement"]) == ("atmospheric_pressure", "hPa")
    assert "pressure_hpa" in sensor["value_template"]


def test_a_bundle_with_pressure_for_a_sensor_without_is_refused_in_one_sentence(
    three: Path, tmp_path: Path
) -> None:
    journal = ["--journal", tmp_path / "journal.db"]
    done = run("edge", "--source", "simulator", "--bundle", three, *journal)
    assert done.returncode == 2
    [sentence] = [line for line in done.stderr.splitlines() if line.startswith("python -m edge:")]
    assert "source simulator has no pressure (only temperature, humidity)" in sentence
    assert "Traceback" not in done.stderr


def test_in_a_configuration_file_it_is_refused_and_the_packages_model_judges(
    three: Path, tmp_path: Path
) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(f'[agent]\nbundle = "{three}"\n[source]\nkind = "simulator"\nspeed = 600\n')
    with mosquitto() as broker, subscriber(broker) as heard:
        where = ["--broker", f"127.0.0.1:{broker.port}", "--commit-s", 0.2]
        with agent(tmp_path, "--config", config, *where):
            record = told(heard, lambda record: record["seq"] == 1)
            heard.wait(lambda: bool(heard.of("model")))
    model = heard.of("model")[0]
    assert model["state"] == "refused" and "has no pressure" in model["why"]
    assert record["model"].startswith("default") and "pressure_hpa" not in record


def test_a_simulated_sensor_that_there_is_not_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = run("edge", "--source", "simulator", "--sensor", "DHT11", "--journal", tmp_path / "journal.db")
    assert done.returncode == 2
    assert "simulated sensor 'dht11' is unknown; choose one of bme280, dht22" in done.stderr
    assert json.dumps(done.stderr).count("\\n") == 1
