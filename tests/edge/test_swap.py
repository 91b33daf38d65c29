"""A running agent takes another model by file, signal or MQTT, and loses no reading; a bad one is refused."""

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
import paho.mqtt.publish
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.bundle.bundle import Bundle, load, pack
from edge.bundle.keys import generate, write_pair
from tests.brokers import Broker, mosquitto
from tests.edge.test_agent import Subscriber, agent, schema, subscriber

TRIAL_READINGS = 60


@dataclass(frozen=True, slots=True)
class Device:
    """An agent with a simulated room, its configuration, and somebody who listens."""

    folder: Path
    broker: Broker
    listening: Subscriber
    process: subprocess.Popen[str]
    key: Ed25519PrivateKey

    @property
    def bundle(self) -> Path:
        """The configured file."""
        return self.folder / "room.canary"

    def replace(self, content: bytes) -> None:
        """As a person or a tool replaces the file: written beside, then renamed."""
        beside = self.folder / "next"
        beside.write_bytes(content)
        beside.replace(self.bundle)

    def send(self, content: bytes, retain: bool = False) -> None:
        """As `deploy rollout` sends it."""
        topic = "picanary/v1/cellar/model/set"
        paho.mqtt.publish.single(topic, content, qos=1, retain=retain, port=self.broker.port)

    def stories(self) -> list[dict[str, Any]]:
        return self.listening.of("model")

    def wait_for(self, told: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        self.listening.wait(lambda: any(told(story) for story in self.stories()))
        return next(story for story in self.stories() if told(story))


@contextmanager
def running(folder: Path, broker: Broker, listening: Subscriber, *flags: object) -> Iterator[Device]:
    with agent(folder, "--config", folder / "edge.toml", *flags) as process:
        yield Device(folder, broker, listening, process, read_key(folder))


def read_key(folder: Path) -> Ed25519PrivateKey:
    from edge.bundle.keys import read_private

    return read_private(folder / "maker.key")


def configure(folder: Path, port: int, *, trusted: bool = True, trial_readings: int = TRIAL_READINGS) -> None:
    keys = f'["{folder / "maker.pub"}"]' if trusted else "[]"
    (folder / "edge.toml").write_text(
        f"""
[agent]
bundle = "{folder / "room.canary"}"
[source]
kind = "simulator"
speed = 600.0
[journal]
commit_s = 0.2
[broker]
address = "127.0.0.1:{port}"
[model]
trusted_keys = {keys}
trial_readings = {trial_readings}
"""
    )


@pytest.fixture
def device(room_bundle: Path, tmp_path: Path) -> Iterator[Device]:
    """A device that has published a reading judged by version 1 of its model."""
    write_pair(tmp_path / "maker", generate())
    (tmp_path / "room.canary").write_bytes(version(room_bundle, 1, read_key(tmp_path)))
    with mosquitto() as broker, subscriber(broker) as listening:
        configure(tmp_path, broker.port)
        with running(tmp_path, broker, listening) as made:
            listening.wait(lambda: bool(listening.of("data")))
            yield made


def version(room_bundle: Path, number: int, key: Ed25519PrivateKey | None, **changed: Any) -> bytes:
    return pack(replace(load(room_bundle), version=number, **changed), key)


def crying_wolf(room_bundle: Path) -> dict[str, Any]:
    """A detector whose levels any reading passes."""
    settings = load(room_bundle).detector
    return {"detector": replace(settings, levels=dict.fromkeys(settings.levels, 1e-9))}


def models(folder: Path) -> list[str]:
    """The model of each record in the journal, in order, once the numbers are known to have no hole."""
    with sqlite3.connect(folder / "journal.db") as db:
        rows = db.execute("select seq, body from records order by seq").fetchall()
    assert [seq for seq, _ in rows] == list(range(rows[0][0], rows[-1][0] + 1))
    return [json.loads(body)["model"] for _, body in rows]


def runs(labels: list[str]) -> list[str]:
    """The labels without repeats of the one before."""
    return [label for label, before in zip(labels, [None, *labels], strict=False) if label != before]


def label(content: bytes) -> str:
    from edge.bundle.bundle import unpack

    return unpack(content, "test").label


def told(state: str, content: bytes | None = None) -> Callable[[dict[str, Any]], bool]:
    name = None if content is None else label(content)
    return lambda story: story["state"] == state and name in (None, story["latest"])


def passed(content: bytes) -> Callable[[dict[str, Any]], bool]:
    name = label(content)
    return lambda s: s["state"] == "idle" and s["installed"] == name and "passed" in (s["why"] or "")


def test_a_file_replaced_by_rename_is_taken_tried_and_kept(device: Device, room_bundle: Path) -> None:
    new = version(room_bundle, 2, device.key)
    device.replace(new)
    device.wait_for(passed(new))
    device.process.send_signal(signal.SIGTERM)
    assert device.process.wait(20) == 0
    assert [name.rsplit("-", 1)[0] for name in runs(models(device.folder))] == ["room-1", "room-2"]
    # a state that lasts less than the way to the broker may be skipped; the order may not change
    order = ["idle", "verifying", "warming", "trial", "idle"]
    told_of = iter(order)
    assert all(state in told_of for state in runs([story["state"] for story in device.stories()]))


def test_sighup_looks_at_the_file_at_once(device: Device, room_bundle: Path) -> None:
    new = version(room_bundle, 2, device.key)
    times = device.bundle.stat()
    with device.bundle.open("r+b") as file:  # in place, with the old times and as long as before
        file.write(new)
    os.utime(device.bundle, ns=(times.st_atime_ns, times.st_mtime_ns))
    device.process.send_signal(signal.SIGHUP)
    device.wait_for(passed(new))


def test_a_signed_model_by_mqtt_is_taken_once(device: Device, room_bundle: Path) -> None:
    new = version(room_bundle, 2, device.key)
    device.send(new, retain=True)
    device.wait_for(passed(new))
    count = len(device.stories())
    device.send(new)
    device.send(b"not a bundle")
    device.wait_for(told("refused"))
    assert {story["state"] for story in device.stories()[count:]} <= {"verifying", "refused"}


def test_what_a_model_must_not_be_is_refused_in_one_sentence(device: Device, room_bundle: Path) -> None:
    good = version(room_bundle, 3, device.key)
    device.send(good)
    device.wait_for(passed(good))
    flipped = bytearray(good)
    flipped[len(flipped) // 2] ^= 4
    garbage = version(room_bundle, 4, device.key, model=b"TFL3" * 1000)
    bad = {
        "signed by nobody": version(room_bundle, 4, generate()),
        "not signed": version(room_bundle, 4, None),
        "older than 3": version(room_bundle, 2, device.key),
        "damaged": bytes(flipped),
        "not a bundle": good[:1000],
        "does not load|crashed": garbage,
    }
    for content in bad.values():
        before = len(device.stories())
        device.send(content)
        device.listening.wait(lambda n=before: any(told("refused")(each) for each in device.stories()[n:]))
    whys = [story["why"] for story in device.stories() if story["state"] == "refused"]
    assert len(whys) == len(bad)
    for why in whys:
        assert why and "\n" not in why
    assert {story["installed"] for story in device.stories()[-len(bad) :]} == {label(good)}
    newest = device.listening.of("data")[-1]["records"][-1]["seq"]
    device.listening.wait(lambda: max(device.listening.records()) > newest)  # it lives, on its old model
    assert device.listening.records()[max(device.listening.records())]["model"] == label(good)


def test_a_model_that_cries_wolf_is_rolled_back_and_not_tried_again(
    device: Device, room_bundle: Path
) -> None:
    wolf = version(room_bundle, 2, device.key, **crying_wolf(room_bundle))
    device.replace(wolf)
    story = device.wait_for(told("rolled_back"))
    assert "strange" in story["why"]
    first = label(device.bundle.read_bytes())
    assert story["installed"] != first
    device.process.send_signal(signal.SIGHUP)
    refused = device.wait_for(told("refused"))
    assert "was rolled back on this device" in refused["why"]
    device.process.send_signal(signal.SIGTERM)
    assert device.process.wait(20) == 0
    names = [name.rsplit("-", 1)[0] for name in runs(models(device.folder))]
    assert names == ["room-1", "room-2", "room-1"]


def test_each_story_keeps_to_the_schema(device: Device, room_bundle: Path) -> None:
    new = version(room_bundle, 2, device.key)
    device.send(new)
    device.wait_for(passed(new))
    device.send(b"nonsense")
    device.wait_for(told("refused"))
    check = schema("model")
    for story in device.stories():
        jsonschema.validate(story, check.schema, registry=check._registry)  # type: ignore[attr-defined]


def test_a_model_that_was_taken_is_there_after_a_restart(device: Device, room_bundle: Path) -> None:
    new = version(room_bundle, 2, device.key)
    device.send(new)  # the configured file stays as it is
    device.wait_for(passed(new))
    device.process.kill()
    device.process.wait()
    with running(device.folder, device.broker, device.listening) as again:
        before = len(again.stories())
        again.listening.wait(lambda: len(again.stories()) > before)
        assert again.stories()[-1]["installed"] == label(new)
        last = max(again.listening.records())
        again.listening.wait(lambda: max(again.listening.records()) > last + 5)
        assert again.listening.records()[max(again.listening.records())]["model"] == label(new)


def test_a_trial_that_a_restart_interrupts_begins_anew(room_bundle: Path, tmp_path: Path) -> None:
    write_pair(tmp_path / "maker", generate())
    key = read_key(tmp_path)
    (tmp_path / "room.canary").write_bytes(version(room_bundle, 1, key))
    with mosquitto() as broker, subscriber(broker) as listening:
        configure(tmp_path, broker.port, trial_readings=100_000)
        new = version(room_bundle, 2, key)
        with running(tmp_path, broker, listening) as first:
            listening.wait(lambda: bool(listening.of("data")))
            first.replace(new)
            first.wait_for(told("trial", new))
            first.process.kill()
        configure(tmp_path, broker.port)
        with running(tmp_path, broker, listening) as second:
            second.wait_for(passed(new))


def test_without_a_key_no_model_is_taken_by_mqtt(room_bundle: Path, tmp_path: Path) -> None:
    write_pair(tmp_path / "maker", generate())
    (tmp_path / "room.canary").write_bytes(version(room_bundle, 1, None))
    with mosquitto() as broker, subscriber(broker) as listening:
        configure(tmp_path, broker.port, trusted=False)
        with running(tmp_path, broker, listening) as device:
            listening.wait(lambda: bool(listening.of("data")))
            device.send(version(room_bundle, 2, None))
            assert "this device knows no key" in device.wait_for(told("refused"))["why"]
            new = version(room_bundle, 2, None)
            device.replace(new)  # who can write the file is trusted as the one who made it
            device.wait_for(passed(new))


def test_a_bad_file_in_the_configuration_leaves_the_packages_model_at_work(
    room_bundle: Path, tmp_path: Path
) -> None:
    write_pair(tmp_path / "maker", generate())
    (tmp_path / "room.canary").write_bytes(room_bundle.read_bytes()[:2000])
    with mosquitto() as broker, subscriber(broker) as listening:
        configure(tmp_path, broker.port)
        with running(tmp_path, broker, listening) as device:
            story = device.wait_for(told("refused"))
            assert story["installed"].startswith("default-1-")
            listening.wait(lambda: bool(listening.of("data")))
            record = listening.of("data")[0]["records"][0]
            assert (record["state"], record["model"]) == ("warming", story["installed"])
            assert "getting to know the room" in record["why"]


def test_typed_bundles_are_refused_before_the_agent_begins(room_bundle: Path, tmp_path: Path) -> None:
    bundle: Bundle = load(room_bundle)
    for number, name in ((2, "new"), (1, "old")):
        (tmp_path / name).write_bytes(pack(replace(bundle, version=number), None))
    with agent(tmp_path, "--source", "simulator", "--speed", 600, "--bundle", tmp_path / "new") as process:
        assert process.stderr is not None
        while "device cellar" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with agent(tmp_path, "--source", "simulator", "--bundle", tmp_path / "old") as process:
        _, complaint = process.communicate(timeout=30)
        assert process.returncode == 2
    assert "is older than 2, which was here; --allow-older" in complaint
    assert len(complaint.strip().splitlines()) == 1
