"""Monitor and broker are killed at random while real agents send: in the end nothing is missing.

`PICANARY_KILLS_S=600` does it for ten minutes.
"""

import os
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.fleet import Fleet
from monitor.store import Store
from tests.brokers import Broker, free_port, mosquitto
from tests.monitor.flood import command
from tests.monitor.running import until
from tests.soak.account import content, peek
from tests.soak.supervised import Supervised

SECONDS = float(os.environ.get("PICANARY_KILLS_S", 25.0))
PATIENCE_S = 90.0
AGENTS = ("attic", "cellar", "hall")
CONFIGURATION = """
[agent]
device = "{device}"
[source]
kind = "simulator"
speed = 200.0
seed = {seed}
[journal]
path = "{folder}/{device}.db"
commit_s = 1.0
[broker]
address = "127.0.0.1:{port}"
keepalive_s = 5
"""


def agent(folder: Path, device: str, port: int, seed: int) -> Supervised:
    """A real one, twenty readings a second."""
    settings = folder / f"{device}.toml"
    settings.write_text(CONFIGURATION.format(folder=folder, device=device, port=port, seed=seed))
    line = [sys.executable, "-m", "edge", "--config", str(settings)]
    return Supervised(device, line, folder / f"{device}.log")


@contextmanager
def started(*processes: Supervised) -> Iterator[None]:
    """Until the block ends."""
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in processes:
            process.kill()


def torment(broker: Broker, monitor: Supervised, chance: random.Random) -> int:
    """Kill either, or both, again and again; how often."""
    until_s, kills = time.monotonic() + SECONDS, 0
    while time.monotonic() < until_s or kills < SECONDS / 6:
        time.sleep(chance.uniform(0.3, 4.0))  # what is tormented is at work meanwhile
        victims = chance.choice([(True, False), (False, True), (True, True)])
        if victims[0]:
            monitor.kill()
        if victims[1]:
            broker.kill()
        kills += 1
        time.sleep(chance.uniform(0.0, 1.0))
        if victims[1]:
            broker.start()
        monitor.start()
    return kills


@pytest.mark.parametrize("seed", [6])
def test_whoever_is_killed_at_random_nothing_is_missing_in_the_end(tmp_path: Path, seed: int) -> None:
    page = free_port()
    store = tmp_path / "m.db"
    with mosquitto("allow_anonymous true\npersistence false") as broker:
        line = command(broker.port, store, "--wait", listen=f"127.0.0.1:{page}")
        monitor = Supervised("monitor", line, tmp_path / "monitor.log")
        agents = [agent(tmp_path, name, broker.port, number) for number, name in enumerate(AGENTS)]
        # what an agent tells before a monitor was ever there is promised to nobody
        with started(monitor), connected(page), started(*agents):
            wait_for(page, lambda counts: [each["received"] > 0 for each in counts] == [True] * len(AGENTS))
            kills = torment(broker, monitor, random.Random(seed))
            wait_for(page, lambda counts: all(each["missing"] == 0 for each in counts))
            for each in agents:
                each.terminate(PATIENCE_S)
            sent = {name: peek(tmp_path / f"{name}.db") for name in AGENTS}
            # an agent that is told to end waits only so long: the rest goes out at its next start
            taken = {name: acknowledged(tmp_path / f"{name}.db") for name in AGENTS}
            wait_for(page, lambda _: reached(page, taken))
            monitor.terminate(PATIENCE_S)
            surprises = [each.surprises for each in (monitor, *agents)]
    assert kills >= SECONDS / 6
    assert not any(surprises), surprises
    with closing(sqlite3.connect(store)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with closing(Store(store)) as kept:
        fleet = Fleet.load(kept)
        for name, journal in sent.items():
            (ledger,) = fleet.devices[name].ledgers.values()
            stored = {one.record.seq: one for one in kept.records(name)}
            assert (ledger.missing, ledger.gone) == (0, 0)
            assert sorted(stored) == list(range(ledger.first, ledger.last + 1))
            assert taken[name] <= ledger.last <= max(journal.records)
            assert taken[name] > 50, "some were taken by a broker"
            assert ledger.first <= 40, "what was sent before the monitor was there"
            for seq, one in stored.items():
                told = {"epoch": one.record.epoch, "mono_ms": one.record.mono_ms, **one.values}
                assert content(told) == journal.records[seq]


@contextmanager
def connected(page: int) -> Iterator[None]:
    """From when that monitor gets what agents send."""
    until(lambda: asked(page, "/healthz").get("ok"), PATIENCE_S)
    yield


def asked(page: int, path: str) -> dict[str, Any]:
    """What the monitor answers; nothing while it is not there, or has no time."""
    try:
        found: dict[str, Any] = httpx.get(f"http://127.0.0.1:{page}{path}", timeout=20.0).json()
    except (httpx.HTTPError, ValueError):
        return {}
    return found


def counts_at(page: int) -> dict[str, dict[str, int]]:
    """What the monitor says of each device; nothing while it is not there."""
    return {one["id"]: one["counts"] for one in asked(page, "/api/devices").get("devices", [])}


def wait_for(page: int, holds) -> None:
    """Until that is so of the figures of all devices."""
    until(lambda: (found := counts_at(page)) and holds(list(found.values())), PATIENCE_S)


def acknowledged(journal: Path) -> int:
    """Up to which number a broker has taken the records of an agent that ended in order."""
    with closing(sqlite3.connect(journal)) as file:
        found: int = file.execute("SELECT value FROM facts WHERE name = 'sent'").fetchone()[0]
    return found


def reached(page: int, newest: dict[str, int]) -> bool:
    """Whether the monitor has heard of all these, and lacks none."""
    for name, last in newest.items():
        found = asked(page, f"/api/devices/{name}")
        if not found or found["counts"]["missing"]:
            return False
        (journal,) = found["journals"].values()
        if journal["last"] < last:
            return False
    return True
