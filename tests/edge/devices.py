"""An agent with a simulated room and a model that may be followed by another, and somebody who listens."""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import paho.mqtt.publish
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.bundle.bundle import load, pack, unpack
from edge.bundle.keys import read_private
from tests.brokers import Broker
from tests.edge.faults.journals import by_number
from tests.edge.test_agent import Subscriber, agent

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
    """An agent as `configure` has written it."""
    with agent(folder, "--config", folder / "edge.toml", *flags) as process:
        yield Device(folder, broker, listening, process, read_key(folder))


def read_key(folder: Path) -> Ed25519PrivateKey:
    """The key of who makes this device's models."""
    return read_private(folder / "maker.key")


def configure(folder: Path, port: int, *, trusted: bool = True, trial_readings: int = TRIAL_READINGS) -> None:
    """Write the configuration of a device; `trusted`: it takes only what its maker has signed."""
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


def version(room_bundle: Path, number: int, key: Ed25519PrivateKey | None, **changed: Any) -> bytes:
    """The room's model under another version number, and with other changes."""
    return pack(replace(load(room_bundle), version=number, **changed), key)


def crying_wolf(room_bundle: Path) -> dict[str, Any]:
    """A detector whose levels any reading passes."""
    settings = load(room_bundle).detector
    return {"detector": replace(settings, levels=dict.fromkeys(settings.levels, 1e-9))}


def models(folder: Path) -> list[str]:
    """The model of each record in the journal, in order, once the numbers are known to have no hole."""
    with sqlite3.connect(folder / "journal.db") as db:
        records = by_number(db)
    assert list(records) == list(range(min(records), max(records) + 1))
    return [record["model"] for record in records.values()]


def runs(labels: list[str]) -> list[str]:
    """The labels without repeats of the one before."""
    return [label for label, before in zip(labels, [None, *labels], strict=False) if label != before]


def label(content: bytes) -> str:
    """What records call that model."""
    return unpack(content, "test").label


def told(state: str, content: bytes | None = None) -> Callable[[dict[str, Any]], bool]:
    """Whether a story is of that state, and of that model."""
    name = None if content is None else label(content)
    return lambda story: story["state"] == state and name in (None, story["latest"])


def passed(content: bytes) -> Callable[[dict[str, Any]], bool]:
    """Whether a story tells that this model is past its trial."""
    name = label(content)
    return lambda s: s["state"] == "idle" and s["installed"] == name and "passed" in (s["why"] or "")
