"""Rows 22 and 23: a clock that is set late, or jumps."""

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.clock import BELIEVABLE_MS
from edge.journal_reader import JournalReader
from tests.brokers import free_port, is_listening, mosquitto
from tests.edge.connections import self_signed
from tests.edge.faults.agents import agent, numbers, until
from tests.edge.faults.clocks import FakeClock
from tests.edge.faults.proxy import proxy
from tests.edge.test_agent import subscriber


def by_seq(table: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    return [table[seq] for seq in sorted(table)]


def test_row_22_records_from_before_the_clock_was_set_are_corrected_once_it_is(tmp_path: Path) -> None:
    clock = FakeClock(tmp_path)
    to_2000_s = 946_684_800 - time.time()
    clock.move(to_2000_s)
    folder = tmp_path / "disk"
    folder.mkdir()
    began_ms = time.time() * 1000.0
    with mosquitto() as broker, proxy(broker.port) as way, subscriber(broker) as heard:
        with agent(folder, way, **clock.environment):
            heard.wait(lambda: len(heard.records()) > 30)
            early = by_seq(heard.records())
            way.refuse()  # what comes now waits in the journal
            until(lambda: len(numbers(folder / "journal.db")) > len(early) + 30, "it goes on")
            waited = numbers(folder / "journal.db")[-1]
            clock.move(0)
            until(lambda: numbers(folder / "journal.db")[-1] > waited + 30, "it goes on")
            with subscriber(broker) as later:
                way.accept()
                later.wait(lambda: max(later.records(), default=0) > waited + 60)
                late = later.records()
        ended_ms = time.time() * 1000.0
    assert all(record["clk"] == "unsynced" and record["ts_ms"] < BELIEVABLE_MS for record in early)
    unsent = [late[seq] for seq in sorted(late) if early[-1]["seq"] < seq <= waited]
    assert len(unsent) > 20
    assert all(record["clk"] != "unsynced" for record in late.values() if record["seq"] > early[-1]["seq"])
    with JournalReader(folder / "journal.db") as journal:
        history = list(journal.records())
    for records in (unsent, history):
        times = [record["ts_ms"] for record in records]
        assert times == sorted(times), "in the order of their numbers"
        assert began_ms - 2000 <= times[0] <= times[-1] <= ended_ms + 2000
    assert [record["seq"] for record in history] == list(range(1, len(history) + 1)), "none expired"
    # whoever got the early ones can correct them by what the later ones say of the same boot
    offsets = {record["ts_ms"] - record["mono_ms"] for record in history}
    assert max(offsets) - min(offsets) <= 50


@pytest.mark.parametrize("seconds", [-3600, 10 * 365 * 86_400], ids=["back an hour", "forward ten years"])
def test_row_23_intervals_hold_when_the_clock_jumps(tmp_path: Path, seconds: int) -> None:
    clock = FakeClock(tmp_path)
    clock.move(0)
    folder = tmp_path / "disk"
    folder.mkdir()
    with mosquitto() as broker, subscriber(broker) as heard:
        with agent(folder, broker, **clock.environment) as process:
            heard.wait(lambda: len(heard.records()) > 30)
            clock.move(seconds)
            reached = max(heard.records())
            heard.wait(lambda: max(heard.records()) > reached + 50)
            assert process.poll() is None
        records = by_seq(heard.records())
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1)), "none is lost"
    steps = [after["mono_ms"] - before["mono_ms"] for before, after in pairwise(records)]
    assert min(steps) >= 0
    assert max(steps) < 5000
    wall = records[-1]["ts_ms"] - records[0]["ts_ms"]
    assert abs(wall - seconds * 1000) < 60_000, "the wall clock did jump"


def test_row_23_times_are_utc_whatever_the_season(tmp_path: Path) -> None:
    clock = FakeClock(tmp_path)
    autumn = 1_792_890_000  # 25 October 2026, 01:00 UTC: summer time ends in Berlin
    clock.move(autumn - 3 - time.time())
    folder = tmp_path / "disk"
    folder.mkdir()
    with mosquitto() as broker, subscriber(broker) as heard:
        with agent(folder, broker, **clock.environment):
            heard.wait(lambda: any(r["ts_ms"] > autumn * 1000 + 1000 for r in heard.records().values()))
        records = by_seq(heard.records())
    for before, after in pairwise(records):
        wall, monotonic = (after[name] - before[name] for name in ("ts_ms", "mono_ms"))
        assert abs(wall - monotonic) < 500


def test_row_23_a_certificate_of_the_future_is_said_clearly_and_tried_again(tmp_path: Path) -> None:
    clock = FakeClock(tmp_path)
    clock.move(946_684_800 - time.time())
    certificate, key = self_signed(tmp_path)
    plain = free_port()
    (tmp_path / "edge.toml").write_text(f'[broker]\ncafile = "{certificate}"\n')
    folder, said = tmp_path / "disk", tmp_path / "agent.log"
    folder.mkdir()
    two = f"allow_anonymous true\nlistener {plain} 127.0.0.1"
    with mosquitto(two, f"certfile {certificate}\nkeyfile {key}") as broker:
        until(lambda: is_listening(plain), "the second listener is there")
        named = replace(broker, host="localhost")
        flags = ("--wait", "--config", str(tmp_path / "edge.toml"))
        with (
            subscriber(replace(broker, port=plain)) as heard,
            agent(folder, named, 500.0, *flags, **clock.environment) as process,
        ):
            until(lambda: "is not yet valid: it is 2000-01-0" in said.read_text(), "it says so")
            clock.move(0)
            heard.wait(lambda: len(heard.records()) > 20, 240.0)  # tries come up to a minute apart
            assert process.poll() is None
