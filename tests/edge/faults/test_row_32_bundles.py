"""Row 32: a model file that is missing, truncated, flipped, of another shape or by nobody we know."""

import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.bundle.bundle import load, pack
from edge.bundle.keys import generate, write_pair
from tests.brokers import mosquitto
from tests.edge.devices import Device, configure, label, passed, read_key, running, told, version
from tests.edge.test_agent import subscriber


def flipped(content: bytes) -> bytes:
    """With one bit of the middle turned over."""
    damaged = bytearray(content)
    damaged[len(damaged) // 2] ^= 4
    return bytes(damaged)


def misshapen(room_bundle: Path, number: int, key: Ed25519PrivateKey) -> bytes:
    """Whole and well signed, but its windows are not those that its model takes."""
    bundle = load(room_bundle)
    smaller = bundle.windowing.with_views(bundle.windowing.views[:1])
    golden = {
        **bundle.golden,
        "inputs": [row[: smaller.width] for row in bundle.golden["inputs"]],
        "answers": [row[: smaller.outputs] for row in bundle.golden["answers"]],
    }
    return pack(replace(bundle, version=number, windowing=smaller, golden=golden), key)


def bad_ones(room_bundle: Path, key: Ed25519PrivateKey) -> dict[str, bytes]:
    """Models that no device with version 3 of its own may take, by a pattern of why."""
    return {
        "signed by nobody": version(room_bundle, 4, generate()),
        "not signed": version(room_bundle, 4, None),
        "older than 3": version(room_bundle, 2, key),
        "damaged": flipped(version(room_bundle, 4, key)),
        "cut short": version(room_bundle, 4, key)[:1000],
        "does not load|crashed": version(room_bundle, 4, key, model=b"TFL3" * 1000),
        "takes inputs of": misshapen(room_bundle, 4, key),
    }


def still_judging(device: Device, by: str) -> None:
    """Readings flow, judged by that model."""
    newest = max(device.listening.records())
    device.listening.wait(lambda: max(device.listening.records()) > newest + 5)
    assert device.listening.records()[max(device.listening.records())]["model"] == by


def test_row_32_a_running_agent_refuses_what_is_no_good_and_keeps_its_model(
    device: Device, room_bundle: Path
) -> None:
    good = version(room_bundle, 3, device.key)
    device.send(good)
    device.wait_for(passed(good))
    for reason, content in bad_ones(room_bundle, device.key).items():
        device.send(content)
        refused(device, reason)
    device.bundle.unlink()
    device.process.send_signal(signal.SIGHUP)
    refused(device, "no such file")
    assert {story["installed"] for story in device.stories() if story["state"] == "refused"} == {label(good)}
    still_judging(device, label(good))


def refused(device: Device, reason: str) -> None:
    """Wait until it says so, in one sentence."""

    def said(story: dict[str, Any]) -> bool:
        return story["state"] == "refused" and bool(re.search(reason, story["why"]))

    assert "\n" not in device.wait_for(said)["why"]


@pytest.mark.parametrize("fault", ["missing", "truncated", "flipped", "unsigned", "misshapen"])
def test_row_32_a_bad_file_at_the_start_leaves_the_packages_model_at_work(
    room_bundle: Path, tmp_path: Path, fault: str
) -> None:
    write_pair(tmp_path / "maker", generate())
    key = read_key(tmp_path)
    good = version(room_bundle, 1, key)
    content = {
        "truncated": good[:2000],
        "flipped": flipped(good),
        "unsigned": version(room_bundle, 1, None),
        "misshapen": misshapen(room_bundle, 1, key),
    }
    if fault in content:
        (tmp_path / "room.canary").write_bytes(content[fault])
    with mosquitto() as broker, subscriber(broker) as listening:
        configure(tmp_path, broker.port)
        with running(tmp_path, broker, listening) as device:
            story = device.wait_for(told("refused"))
            assert story["installed"].startswith("default-1-")
            listening.wait(lambda: bool(listening.of("data")))
            record = listening.of("data")[0]["records"][0]
            assert (record["state"], record["model"]) == ("warming", story["installed"])
            assert "getting to know the room" in record["why"]


def test_row_32_a_bad_file_at_the_start_leaves_the_last_good_model_at_work(
    device: Device, room_bundle: Path
) -> None:
    good = label(device.bundle.read_bytes())
    device.process.kill()
    device.process.wait()
    device.replace(version(room_bundle, 2, device.key)[:2000])
    with running(device.folder, device.broker, device.listening) as again:
        assert again.wait_for(told("refused"))["installed"] == good
        still_judging(again, good)
