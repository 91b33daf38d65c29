"""What cannot be rolled out is said in one sentence, before anybody is given anything."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest

from deploy.__main__ import main
from edge.bundle.bundle import load, pack
from edge.bundle.keys import generate, write_pair
from edge.reading import TEMPERATURE
from tests.brokers import Broker, free_port, mosquitto
from tests.deploy.broker.provisioned import provisioned
from tests.deploy.rollout.conducting import rollout
from tests.deploy.rollout.crowd import House, crowd
from tests.deploy.rollout.small import QUICK
from tests.monitor.messages import info, status

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """A mosquitto that knows one device, which measures no humidity."""
    only = [{"name": TEMPERATURE.name, "key": TEMPERATURE.key, "unit": TEMPERATURE.unit}]
    with mosquitto() as made:
        for leaf, payload in (("info", info(device="dry", channels=only)), ("status", status("online"))):
            topic = f"picanary/v1/dry/{leaf}"
            paho.mqtt.publish.single(topic, payload, qos=1, retain=True, port=made.port)
        yield made


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs the command, and gives the sentence with which it ended."""

    def run(*words: object) -> str:
        assert main(["rollout", *map(str, words)]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        (sentence,) = told.err.splitlines()
        assert sentence.startswith("python -m deploy: ")
        return sentence

    return run


def at(broker: Broker) -> tuple[str, str]:
    return "--broker", f"127.0.0.1:{broker.port}"


def test_without_a_bundle_or_with_an_unsigned_or_damaged_one(
    house: House, refused: Refused, broker: Broker, room_bundle: Path
) -> None:
    file = house.file(pack(load(room_bundle)))
    assert "no such file" in refused(house.folder / "none.canary", *at(broker))
    assert "is not signed, and no device takes that over MQTT" in refused(file, *at(broker))
    file.write_bytes(house.models.good[:-100])
    assert "cut short" in refused(file, *at(broker)) or "damaged" in refused(file, *at(broker))
    write_pair(house.folder / "other", generate())
    file.write_bytes(house.models.good)
    trusted = ("--trusted", house.folder / "other.pub")
    assert "signed by nobody" in refused(file, *at(broker), *trusted)


def test_without_a_broker_or_devices(house: House, refused: Refused, broker: Broker) -> None:
    file = house.file(house.models.good)
    assert "nobody listens at 127.0.0.1" in refused(file, "--broker", f"127.0.0.1:{free_port()}")
    assert "must be HOST or HOST:PORT" in refused(file, "--broker", "a b")
    assert "no device that is meant" in refused(file, *at(broker), "--only", "attic-*")
    assert "no device attic; there is dry" in refused(file, *at(broker), "--devices", "attic")
    with mosquitto() as empty:
        assert "knows no device: " in refused(file, *at(empty))


def test_where_a_channel_is_missing(house: House, refused: Refused, broker: Broker) -> None:
    said = refused(house.file(house.models.good), *at(broker))
    assert "judges by humidity_pct, which dry cannot measure" in said
    assert "--only" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--canary", "0"), "--canary '0' must be a share"),
        (("--waves", "50%,200%"), "--waves '200%' must be a share"),
        (("--watch", "soon"), "--watch 'soon' must be a time"),
        (("--watch", "7d"), "what has judged for a week cannot be withdrawn"),
        (("--min-records", "-1"), "--min-records -1"),
        (("--bad-share", "100"), "--bad-share 100%"),
        (("--most-alarms", "0"), "--most-alarms 0"),
        (("--take", "0"), "--take and --offline"),
        (("--state", "/proc/none"), "cannot be written"),
        (("--withdraw",), "nobody knows who was given room-2-"),
        (("--cafile", "/none.crt"), "no such certificate or key file"),
    ],
)
def test_flags_that_make_no_sense(
    house: House, refused: Refused, broker: Broker, words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(house.file(house.models.good), *at(broker), *words)


def change(file: Path, **changed: Any) -> None:
    path = Path(f"{file}.rollout")
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def test_a_state_that_is_damaged_or_of_another_rollout(house: House, refused: Refused) -> None:
    with mosquitto() as broker, crowd(house, broker, 4):
        file = house.file(house.models.good)
        with rollout(file, broker, *QUICK, "--watch", "60s") as going:
            going.wait_for("before")  # by then its state is on disk
            assert "runs already" in refused(file, *at(broker), *QUICK, "--watch", "60s")
        assert "begun with another watch" in refused(file, *at(broker), *QUICK, "--watch", "61s")
        file.write_bytes(house.models.wolf)
        assert "is of room-2-" in refused(file, *at(broker), *QUICK)
        file.write_bytes(house.models.good)
        change(file, members=[{"name": "attic"}])
        assert "is damaged" in refused(file, *at(broker), *QUICK)
        change(file, format=99)
        assert "another version of picanary" in refused(file, *at(broker), *QUICK)
        Path(f"{file}.rollout").write_bytes(b"\xff{")
        assert "is damaged" in refused(file, *at(broker), *QUICK)
        with rollout(file, broker, *QUICK, "--fresh") as fresh:
            assert fresh.end() == 0, fresh.lines[-3:]


def test_who_may_not_offer_models_is_told_whose_certificate_may(house: House) -> None:
    with provisioned(house.folder / "house") as place:
        files = place.let_in("add-monitor", "page")
        place.let_in("add-device", "cellar")
        with place.guest("cellar") as cellar:
            cellar.say("picanary/v1/cellar/info", info(device="cellar"), retain=True)
            cellar.say("picanary/v1/cellar/status", status("online"), retain=True)
            words = ["--broker", f"localhost:{place.port}", "--cafile", files / "ca.crt"]
            pair = ["--certfile", files / "page.crt", "--keyfile", files / "page.key"]
            quick = (*QUICK, "--canary", 1, "--watch", "1s")
            with rollout(house.file(house.models.good), None, *words, *pair, *quick) as going:
                assert going.end() == 2
    (sentence,) = going.complaint.splitlines()
    assert "does not let us publish picanary/v1/cellar/model/set" in sentence
    assert "add-rollout" in sentence


def test_what_no_agent_has_said_stops_no_rollout(house: House) -> None:
    with mosquitto() as broker, crowd(house, broker, 4) as people:
        for leaf in ("status", "info", "model", "health", "event", "res/x"):
            for payload in (
                "{",
                "[]",
                "7",
                '{"state": [], "session": {}, "installed": {}, "phase": 1}',
                "\x00",
            ):
                for device in ("room-000", "nobody", "a b"):
                    topic = f"picanary/v1/{device}/{leaf}"
                    paho.mqtt.publish.single(topic, payload, qos=1, port=broker.port)
        with rollout(house.file(house.models.good), broker, *QUICK) as going:
            going.wait_for("has")
            for leaf in ("model", "health", "event", "info", "res/x"):
                junk = '{"installed": 7, "journal": [], "uptime_s": "x", "state": "anomalous", "model": {}}'
                topic = f"picanary/v1/room-001/{leaf}"
                paho.mqtt.publish.single(topic, junk, qos=1, port=broker.port)
            assert going.end() in (0, 1, 3), going.complaint
        assert not going.complaint
        assert people.residents
