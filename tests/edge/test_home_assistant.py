"""Home Assistant itself takes what we tell it: its schemas, templates and entities, over a real broker."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.message import topic
from edge.reading import CHANNELS, Channel, channel
from edge.uplink.discovery import discovery, discovery_topic
from tests.brokers import mosquitto
from tests.edge.test_discovery import MODELS, birth, model
from tests.monitor.messages import health, record, status, valid

HERE = Path(__file__).parent
PINS = HERE / "home_assistant.txt"
DEVICE = "cellar"
ENTITIES = [
    "sensor.cellar_temperature",
    "sensor.cellar_humidity",
    "sensor.cellar_pressure",
    "sensor.cellar_anomaly_score",
    "sensor.cellar_records_waiting",
    "sensor.cellar_board_temperature",
    "binary_sensor.cellar_anomaly",
    "binary_sensor.cellar_sensor_fault",
    "update.cellar_model",
]

# the first test installs Home Assistant, which takes a minute or two on a slow line
pytestmark = pytest.mark.timeout(900)


def python_3_13() -> str:
    """A Python 3.13: the one at work, one on the PATH, or one of pyenv's. Skips without one."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [sys.executable, shutil.which("python3.13")]
    found += [str(path) for path in sorted(pyenv.glob("versions/3.13*/bin/python3.13"))]
    ask = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    for path in filter(None, found):
        answer = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=False)
        if answer.stdout.strip() == "3.13":
            return path
    pytest.skip("Python 3.13 with venv is missing, and Home Assistant 2025.1 needs it (PATH, PYENV_ROOT)")


def install(folder: Path) -> Path:
    """An environment with Home Assistant, made once for each list of packages. Skips if it cannot be had."""
    python, done = folder / "venv/bin/python", folder / "installed"
    if done.exists():
        return python
    subprocess.run([python_3_13(), "-m", "venv", "--clear", folder / "venv"], check=True, capture_output=True)
    # --timeout: without an index the test is skipped soon; --no-compile: it imports a tenth of the files
    flags = [
        "--quiet",
        "--no-deps",
        "--no-compile",
        "--disable-pip-version-check",
        "--timeout=20",
        "--retries=1",
    ]
    command = [python, "-m", "pip", "install", *flags, "-r", PINS]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        reason = [line for line in answer.stderr.splitlines() if "ERROR" in line] or ["pip failed"]
        pytest.skip(f"Home Assistant cannot be installed from the package index: {reason[-1]}")
    done.touch()
    return python


@pytest.fixture(scope="session")
def home_assistant() -> Path:
    """The Python that has Home Assistant, kept between runs in the folder for temporary files."""
    name = f"picanary-home-assistant-{os.getuid()}-{hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]}"
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        pytest.skip(f"{folder} belongs to somebody else")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests may run in several processes
        return install(folder)


class Home:
    """A running Home Assistant."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, **question: Any) -> dict[str, Any]:
        """One answer; every warning that Home Assistant logged meanwhile fails the test."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "Home Assistant has ended"
        answer: dict[str, Any] = json.loads(line)
        assert not answer["complaints"]
        assert "error" not in answer, answer
        return answer

    def publish(self, *messages: tuple[str, bytes], **until: str) -> dict[str, Any]:
        """All states after these messages; `until` are states of our device to wait for."""
        wanted = {
            next(e for e in ENTITIES if e.endswith(f"cellar_{key}")): value for key, value in until.items()
        }
        sent = [[where, payload.decode()] for where, payload in messages]
        return self.ask(publish=sent, until=wanted)


@pytest.fixture(scope="module")
def home(home_assistant: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Home Assistant at a broker of its own, which knows our device."""
    with mosquitto() as broker:
        # its thousand modules are compiled once and not at every start, whatever holds for our own
        env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        command = [home_assistant, HERE / "home_assistant_child.py", str(broker.port)]
        with subprocess.Popen(
            [*command, tmp_path_factory.mktemp("home")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        ) as process:
            home = Home(process)
            home.publish((discovery_topic(DEVICE), payload()), tell("status", status("online")))
            home.publish(tell("state", valid("record", record(1))), anomaly_score="0.3")
            home.publish(tell("health", health()), records_waiting="0")
            home.publish(tell("model", model("idle")), model="off")
            yield home
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(30) == 0


def payload(channels: tuple[Channel, ...] = tuple(CHANNELS.values()), device: str = DEVICE) -> bytes:
    return json.dumps(discovery(device, birth(), channels)).encode()


def tell(leaf: str, message: bytes) -> tuple[str, bytes]:
    return topic(DEVICE, leaf), message


def spoken(**other: Any) -> tuple[str, bytes]:
    """A record on the `state` topic."""
    return tell("state", valid("record", record(2, **other)))


@pytest.mark.parametrize(
    "names", [list(CHANNELS), ["temperature"], ["temperature", "co2", 'a "b" }} \\', "Öl °"]]
)
def test_its_schemas_take_the_payload_and_each_of_its_components(home: Home, names: list[str]) -> None:
    assert home.ask(check=json.loads(payload(tuple(map(channel, names)))))["wrong"] == []


def test_its_schemas_would_have_refused_a_wrong_one(home: Home) -> None:
    wrong = json.loads(payload())
    wrong["components"]["temperature"]["device_class"] = "warmth"
    wrong["components"]["humidity"]["expire_after"] = -1
    wrong["components"]["model"]["no_such_option"] = 1
    told = home.ask(check=wrong)["wrong"]
    assert {line.split(":")[0] for line in told} == {"temperature", "humidity", "model"}


def test_all_entities_appear_on_one_device_and_keep_their_names(home: Home) -> None:
    seen = home.publish()
    ours = {name: each for name, each in seen["states"].items() if "cellar" in name}
    assert sorted(ours) == sorted(ENTITIES)
    components = json.loads(payload())["components"].values()
    assert {each["unique_id"] for each in ours.values()} == {each["unique_id"] for each in components}
    device = seen["devices"][DEVICE]
    assert device == {"model": "a laptop, simulated room", "sw_version": "0.1.0", "maker": "picanary"}


def test_a_record_becomes_states_in_the_units_of_the_room(home: Home) -> None:
    states = home.publish(spoken(pressure_hpa=1013.25), pressure="1013.25")["states"]
    told = {name: states[f"sensor.cellar_{name}"] for name in ("temperature", "humidity", "pressure")}
    assert [told[name]["state"] for name in told] == ["21.5", "45.0", "1013.25"]
    units = [told[name]["attributes"]["unit_of_measurement"] for name in told]
    assert units == ["°C", "%", "hPa"]
    classes = [told[name]["attributes"]["device_class"] for name in told]
    assert classes == ["temperature", "humidity", "atmospheric_pressure"]
    assert states["binary_sensor.cellar_anomaly"]["state"] == "off"
    assert states["binary_sensor.cellar_sensor_fault"]["state"] == "off"


def test_an_anomaly_is_a_problem_with_score_and_reason(home: Home) -> None:
    why = 'temperature 17.4 °C, expected "20.9" ± 0.2 °C & <falling>'
    sent = spoken(pressure_hpa=1000.0, state="anomalous", score=3.2, why=why)
    states = home.publish(sent, anomaly="on")["states"]
    anomaly = states["binary_sensor.cellar_anomaly"]
    assert anomaly["state"] == "on"
    assert anomaly["attributes"]["score"] == 3.2
    assert anomaly["attributes"]["why"] == why
    assert anomaly["attributes"]["expected"] == {"temperature_c": 21.4, "humidity_pct": 45.2}
    assert states["sensor.cellar_anomaly_score"]["state"] == "3.2"


@pytest.mark.parametrize(
    ("state", "fault"), [("sensor_fault", "on"), ("warming", "off"), ("no_model", "off")]
)
def test_what_is_null_is_unknown_and_not_zero(home: Home, state: str, fault: str) -> None:
    home.publish(spoken(pressure_hpa=1000.0, state="anomalous", score=3.2), anomaly="on")
    nothing = dict.fromkeys(
        ("temperature_c", "humidity_pct", "pressure_hpa", "score", "anomaly", "why", "model")
    )
    sent = spoken(state=state, q="missing", expected={}, spread={}, **nothing)
    states = home.publish(sent, anomaly="unknown")["states"]
    for name in ("temperature", "humidity", "pressure", "anomaly_score"):
        assert states[f"sensor.cellar_{name}"]["state"] == "unknown"
    assert states["binary_sensor.cellar_anomaly"]["state"] == "unknown"
    assert states["binary_sensor.cellar_sensor_fault"]["state"] == fault


def test_health_tells_what_waits_and_how_warm_the_board_is(home: Home) -> None:
    told = json.loads(health())
    told["journal"]["unsent"], told["host"]["temperature_c"] = 17, 48.3
    states = home.publish(tell("health", valid("health", told)), records_waiting="17")["states"]
    assert states["sensor.cellar_board_temperature"]["state"] == "48.3"
    states = home.publish(tell("health", health()), records_waiting="0")["states"]
    assert states["sensor.cellar_board_temperature"]["state"] == "unknown"


@pytest.mark.parametrize("state", MODELS)
def test_every_state_of_the_model_is_one_of_its_update_entity(home: Home, state: str) -> None:
    template = json.loads(payload())["components"]["model"]["value_template"]
    rendered = home.ask(render=template, **{"with": model(state).decode()})["rendered"]
    told = json.loads(model(state))
    assert rendered["installed_version"] == (told["installed"] or "no model")
    under_way = state in ("verifying", "warming", "trial")
    wanted = "on" if told["latest"] not in (told["installed"], None) else "off"
    entity = home.publish(tell("model", model(state)), model=wanted)["states"]["update.cellar_model"]
    assert entity["state"] == wanted
    shown = entity["attributes"]
    assert shown["in_progress"] is under_way
    assert shown["update_percentage"] == (told["progress"] if under_way else None)
    assert shown["release_summary"] == (told["why"] or "")
    assert shown["stage"] == state
    assert shown["installed_version"] == rendered["installed_version"]
    assert shown["latest_version"] == rendered["latest_version"]


@pytest.mark.parametrize("gone", ["offline", "disconnected"])
def test_a_device_that_is_away_is_unavailable_until_it_is_back(home: Home, gone: str) -> None:
    states = home.publish(tell("status", status(gone)), model="unavailable", temperature="unavailable")[
        "states"
    ]
    assert {states[name]["state"] for name in ENTITIES} == {"unavailable"}
    back = home.publish(tell("status", status("online")), spoken(pressure_hpa=1000.0), anomaly_score="0.3")[
        "states"
    ]
    assert "unavailable" not in {back[name]["state"] for name in ENTITIES}


def test_a_channel_that_picanary_does_not_know_is_a_sensor_too(home: Home) -> None:
    values = {"co2 \"ppm\" }} {{ 1 }} \\ 'x'": 412.5, "CO2": 1.5, "co2": 2.5}
    other = "greenhouse"
    messages = {
        discovery_topic(other): payload(tuple(map(channel, values)), other),
        topic(other, "status"): status("online"),
        topic(other, "state"): valid("record", record(1, **values)),
    }
    sent = [[where, message.decode()] for where, message in messages.items()]
    until = {"sensor.greenhouse_co2": "1.5", "sensor.greenhouse_co2_2": "2.5"}
    states = home.ask(publish=sent, until=until)["states"]
    told = {each["state"] for name, each in states.items() if name.startswith("sensor.greenhouse_co2")}
    assert told == {"412.5", "1.5", "2.5"}


def test_a_channel_that_the_source_no_longer_has_leaves_home_assistant(home: Home) -> None:
    where = discovery_topic("shed")
    some = tuple(map(channel, ("temperature", "humidity")))
    online = [topic("shed", "status"), status("online").decode()]
    first = home.ask(
        publish=[[where, payload(some, "shed").decode()], online],
        until={"sensor.shed_humidity": "unavailable"},
    )["states"]
    assert "sensor.shed_humidity" in first
    home.ask(publish=[[where, payload(some[:1], "shed").decode()]], until={})
    deadline = time.monotonic() + 20
    while "sensor.shed_humidity" in (states := home.publish()["states"]) and time.monotonic() < deadline:
        pass
    assert "sensor.shed_humidity" not in states
    assert "sensor.shed_temperature" in states
