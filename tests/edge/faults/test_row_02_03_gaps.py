"""Rows 2 and 3: a broker's acknowledgement is no delivery, and what got lost behind it is asked for."""

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from monitor.store import Store
from tests.brokers import Broker, mosquitto
from tests.edge.faults.caller import caller
from tests.edge.test_agent import DEADLINE_S, agent
from tests.monitor.running import monitor


def debian(folder: Path) -> str:
    """mosquitto.conf as Debian ships it: what is kept is written every half hour, or at the end."""
    return f"persistence true\npersistence_location {folder}/\nallow_anonymous true"


def room(broker: Broker) -> list[object]:
    """A simulated room that makes fifty records a second."""
    where = ["--broker", f"127.0.0.1:{broker.port}", "--wait", "--bundle", "none"]
    return ["--source", "simulator", "--speed", 500, "--commit-s", 0.2, *where]


@contextmanager
def watched(broker: Broker, tmp_path: Path) -> Iterator[httpx.Client]:
    with monitor(broker, tmp_path / "monitor.db", wait=True) as (_, client):
        yield client


def told(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/api/devices/cellar")
    return dict(answer.json()) if answer.status_code == 200 else {"counts": {}, "journals": {}}


def received(client: httpx.Client) -> int:
    return int(told(client)["counts"].get("received", 0))


def until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def in_journal(folder: Path) -> set[int]:
    with closing(sqlite3.connect(folder / "journal.db")) as database:
        return {seq for (seq,) in database.execute("select seq from records")}


def in_monitor(folder: Path) -> list[int]:
    with closing(Store(folder / "monitor.db")) as store:
        return [judged.record.seq for judged in store.records("cellar")]


def nothing_is_lost(client: httpx.Client, tmp_path: Path, process: Any) -> None:
    """Sampling ends by a stop of the process, so that repair has to reach to the very last record."""
    with closing(
        sqlite3.connect(f"file:{tmp_path / 'journal.db'}?mode=ro", uri=True, timeout=10)
    ) as database:
        (top,) = database.execute("select max(seq) from records").fetchone()
    until(lambda: _is_whole(client, top), f"records up to {top}: {told(client)['counts']}")
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0
    had = in_monitor(tmp_path)
    assert len(had) == len(set(had))
    first = min(had)
    assert {seq for seq in in_journal(tmp_path) if first <= seq <= top} <= set(had)
    assert told(client)["counts"]["gone"] == 0


def _is_whole(client: httpx.Client, top: int) -> bool:
    now = told(client)
    reached = max((journal["last"] for journal in now["journals"].values()), default=0)
    return reached >= top and now["counts"]["missing"] == 0


def test_row_02_a_broker_killed_mid_stream_costs_a_live_monitor_nothing(tmp_path: Path) -> None:
    with (
        mosquitto(debian(tmp_path)) as broker,
        watched(broker, tmp_path) as client,
        agent(tmp_path, *room(broker)) as process,
    ):
        for killed in range(3):
            so_far = received(client)
            until(lambda so_far=so_far: received(client) > so_far + 100, f"records after {killed} kills")
            broker.kill()
            broker.start()
        nothing_is_lost(client, tmp_path, process)
        assert min(in_monitor(tmp_path)) <= 50, "it was there from the beginning"


def test_row_03_what_came_while_the_monitor_was_away_is_asked_for(tmp_path: Path) -> None:
    with mosquitto("persistence false\nallow_anonymous true") as broker:
        with agent(tmp_path, *room(broker)) as process:
            with watched(broker, tmp_path) as client:
                until(lambda: received(client) > 50, "the first records")
            top = max(in_monitor(tmp_path))
            _while_away(broker, top)
            broker.kill()
            broker.start()
            with watched(broker, tmp_path) as client:
                until(lambda: received(client) > top, "records after the return")
                nothing_is_lost(client, tmp_path, process)
        had = in_monitor(tmp_path)
        assert set(range(top + 1, top + 100)) <= set(had), "acknowledged while nobody listened"


def _while_away(broker: Broker, top: int) -> None:
    """The broker acknowledges a hundred records and more that no monitor gets."""
    with caller(broker) as other:
        other.wait(lambda: other.newest > top + 150)


def test_what_the_journal_let_go_is_declared_and_all_is_accounted_for(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text("[journal]\nmost_records = 200\n")
    with mosquitto() as broker, agent(tmp_path, "--config", config, *room(broker)):
        with watched(broker, tmp_path) as client:
            until(lambda: received(client) > 30, "the first records")
        _while_away(broker, max(in_monitor(tmp_path)) + 400)
        with watched(broker, tmp_path) as client:
            until(lambda: told(client)["counts"].get("gone", 0) > 50, "a declared gap")
            until(lambda: told(client)["counts"]["missing"] == 0, "all is had or declared")
            now = told(client)
            (journal,) = now["journals"].values()
            sent = journal["last"] - journal["first"] + 1
            assert sent == sum(now["counts"][name] for name in ("received", "missing", "gone"))
            causes = {why for *_, why in journal["gone"]}
            assert causes == {"the journal was full: old records made way"}
