"""A running agent takes another model by file, signal or MQTT, and loses no reading."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import jsonschema

from edge.bundle.bundle import Bundle, load, pack
from edge.bundle.keys import generate, write_pair
from tests.brokers import mosquitto
from tests.edge.devices import (
    Device,
    configure,
    crying_wolf,
    label,
    models,
    passed,
    read_key,
    running,
    runs,
    told,
    version,
)
from tests.edge.test_agent import DEADLINE_S, agent, schema, subscriber


def test_a_file_replaced_by_rename_is_taken_tried_and_kept(device: Device, room_bundle: Path) -> None:
    new = version(room_bundle, 2, device.key)
    device.replace(new)
    device.wait_for(passed(new))
    device.process.send_signal(signal.SIGTERM)
    assert device.process.wait(DEADLINE_S) == 0
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
    assert device.process.wait(DEADLINE_S) == 0
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


def test_a_model_that_comes_after_the_restart_is_not_turned_out_by_the_one_from_before(
    room_bundle: Path, tmp_path: Path
) -> None:
    write_pair(tmp_path / "maker", generate())
    key = read_key(tmp_path)
    (tmp_path / "room.canary").write_bytes(version(room_bundle, 1, key))
    with mosquitto() as broker, subscriber(broker) as listening:
        configure(tmp_path, broker.port, trial_readings=100_000)
        interrupted, newest = version(room_bundle, 2, key), version(room_bundle, 3, key)
        with running(tmp_path, broker, listening) as first:
            listening.wait(lambda: bool(listening.of("data")))
            first.replace(interrupted)
            first.wait_for(told("trial", interrupted))
            first.process.kill()
            first.send(newest, retain=True)
        configure(tmp_path, broker.port, trial_readings=600)  # for ten seconds: there is time to interfere
        with running(tmp_path, broker, listening) as second:
            second.wait_for(passed(newest))


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


def test_typed_bundles_are_refused_before_the_agent_begins(room_bundle: Path, tmp_path: Path) -> None:
    bundle: Bundle = load(room_bundle)
    for number, name in ((2, "new"), (1, "old")):
        (tmp_path / name).write_bytes(pack(replace(bundle, version=number), None))
    with agent(tmp_path, "--source", "simulator", "--speed", 600, "--bundle", tmp_path / "new") as process:
        assert process.stderr is not None
        while "device cellar" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
    with agent(tmp_path, "--source", "simulator", "--bundle", tmp_path / "old") as process:
        _, complaint = process.communicate(timeout=30)
        assert process.returncode == 2
    assert "is older than 2, which was here; --allow-older" in complaint
    assert len(complaint.strip().splitlines()) == 1
