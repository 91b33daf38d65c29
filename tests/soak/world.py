"""All that takes part in a soak: broker, bad lines, two agents on small disks, two monitors, one consumer.

`cellar` and the monitor `hall` are killed and restarted; the agent `attic` and the monitor `office` live
from the beginning to the end, so that their memory and descriptors can be watched.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.request import urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.bundle.keys import generate, read_private, write_pair
from tests.brokers import Broker, free_port, mosquitto
from tests.edge.faults.disks import small_disk
from tests.edge.faults.proxy import Proxy, proxy
from tests.soak.consumer import Consumer
from tests.soak.supervised import Supervised

READINGS_PER_S = 20.0
SPEED = 200.0  # the package's model wants a reading in ten seconds of the room's time
COMMIT_RECORDS, COMMIT_S = 10, 2.0
DISK_KB = 12_000
STOP_S = 10.0  # five are promised; this machine is noisy
AGENTS, MONITORS = ("cellar", "attic"), ("hall", "office")
CONFIGURATION = """
[agent]
device = "{device}"
[source]
kind = "simulator"
speed = {speed}
seed = {seed}
faults_every_s = {faults_every_s}
[model]
trusted_keys = ["{folder}/maker.pub"]
trial_readings = 60
[journal]
path = "{folder}/{device}/journal.db"
commit_s = {commit_s}
commit_records = {commit_records}
most_records = {most_records}
[broker]
address = "127.0.0.1:{port}"
keepalive_s = 10
"""


@dataclass(slots=True)
class Kill:
    """What one SIGKILL of an agent cost."""

    epoch: str
    kept: int  # the newest number on the disk
    seen: int  # and of those on the live topic
    age_s: float  # of the newest record on the disk
    disk_full: bool

    @property
    def holds(self) -> bool:
        """At most the commit interval; nothing is promised for a disk that takes nothing.

        Where all that was seen is kept, the age only says how long a busy machine gave the agent no turn.
        """
        lost = self.seen - self.kept
        return self.disk_full or lost <= 0 or (lost <= COMMIT_RECORDS and self.age_s <= COMMIT_S + 1.0)


@dataclass
class World:
    """The parts, and what was noted about them on the way."""

    folder: Path
    broker: Broker
    agents_line: Proxy
    monitors_line: Proxy
    consumer: Consumer
    agents: dict[str, Supervised]
    monitors: dict[str, Supervised]
    pages: dict[str, int]  # a monitor's port
    disks: dict[str, Path]  # those that can be filled, by agent
    key: Ed25519PrivateKey
    chance: random.Random
    full: dict[str, list[list[float]]] = field(default_factory=dict)  # ms from and to, by agent
    kills: list[Kill] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)

    def journal(self, device: str) -> Path:
        """That agent's journal."""
        return self.folder / device / "journal.db"

    def store(self, monitor: str) -> Path:
        """That monitor's store."""
        return self.folder / f"{monitor}.db"

    @property
    def processes(self) -> list[Supervised]:
        """Agents and monitors."""
        return [*self.agents.values(), *self.monitors.values()]

    def look(self) -> None:
        """Restart what has ended, and have the consumer ask."""
        for process in self.processes:
            process.look()
        self.consumer.look()

    def measure(self) -> None:
        """Memory and descriptors of all processes."""
        for process in self.processes:
            process.measure()

    def persistence(self, keeps: bool) -> None:
        """Whether the broker, from its next start on, writes to its disk."""
        settings = Path(self.broker.command[-1])
        other, wanted = f"persistence {str(not keeps).lower()}", f"persistence {str(keeps).lower()}"
        settings.write_text(settings.read_text().replace(other, wanted))

    def note_full(self, device: str, is_full: bool) -> None:
        """The disk of that agent fills up, or has room again."""
        now_ms = 1000.0 * time.time()
        if is_full:
            self.full.setdefault(device, []).append([now_ms, float("inf")])
        else:
            self.full[device][-1][1] = now_ms

    def was_full(self, device: str, from_ms: float, to_ms: float) -> bool:
        """Whether the disk refused at some time in that span, or ten seconds around it."""
        return any(a - 10_000 <= to_ms and b + 10_000 >= from_ms for a, b in self.full.get(device, []))


def _configure(folder: Path, device: str, port: int, seed: int, most_records: int) -> list[str]:
    settings = folder / f"{device}.toml"
    about = {"speed": SPEED, "faults_every_s": 20.0, "commit_s": COMMIT_S, "commit_records": COMMIT_RECORDS}
    settings.write_text(
        CONFIGURATION.format(
            folder=folder, device=device, port=port, seed=seed, most_records=most_records, **about
        )
    )
    return [sys.executable, "-m", "edge", "--config", str(settings)]


def _monitor(folder: Path, name: str, port: int, page: int) -> Supervised:
    where = ["--broker", f"127.0.0.1:{port}", "--listen", f"127.0.0.1:{page}", "--wait"]
    store = ["--store", str(folder / f"{name}.db")]
    return Supervised(name, [sys.executable, "-m", "monitor", *where, *store], folder / f"{name}.log")


def hears(page: int) -> bool:
    """Whether the monitor with that page says that it is connected to its broker."""
    try:
        with urlopen(f"http://127.0.0.1:{page}/healthz", timeout=5.0) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


@contextmanager
def world(folder: Path, seed: int, most_records: int) -> Iterator[World]:
    """Everything made and nothing started but the broker, the lines and the consumer."""
    data = folder / "broker"
    data.mkdir(parents=True)
    write_pair(folder / "maker", generate())
    # as Debian ships it: what is kept is written every half hour, or at the end
    config = f"persistence true\npersistence_location {data}/\nallow_anonymous true"
    with ExitStack() as stack:
        broker = stack.enter_context(mosquitto(config))
        agents_line = stack.enter_context(proxy(broker.port))
        monitors_line = stack.enter_context(proxy(broker.port))
        disks = {name: disk for name in AGENTS if (disk := _disk(stack, folder / name))}
        consumer = Consumer(broker.port)
        stack.callback(consumer.go)
        pages = {name: free_port() for name in MONITORS}
        commands = {
            name: _configure(folder, name, agents_line.port, seed + n, most_records)
            for n, name in enumerate(AGENTS)
        }
        made = World(
            folder,
            broker,
            agents_line,
            monitors_line,
            consumer,
            {name: Supervised(name, command, folder / f"{name}.log") for name, command in commands.items()},
            {name: _monitor(folder, name, monitors_line.port, pages[name]) for name in MONITORS},
            pages,
            disks,
            read_private(folder / "maker.key"),
            random.Random(seed),
        )
        for process in made.processes:
            stack.callback(process.kill)
        stack.callback(_thaw, broker)
        yield made


def _disk(stack: ExitStack, folder: Path) -> Path | None:
    """A small one that can be filled; a plain folder where nobody may mount one."""
    try:
        return stack.enter_context(small_disk(folder, DISK_KB))
    except pytest.skip.Exception:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        return None


def _thaw(broker: Broker) -> None:
    """A stopped process would not end."""
    if broker.process is not None:
        with suppress(ProcessLookupError):
            broker.process.send_signal(signal.SIGCONT)
