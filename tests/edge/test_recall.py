"""The journal's records as readings again: one timeline over restarts and reboots, whatever the clock did."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import JournalError
from edge.journal import Journal
from edge.journal_reader import JournalReader
from edge.message import encode
from edge.reading import HUMIDITY, TEMPERATURE
from edge.recall import history, recall

CHANNELS = (TEMPERATURE, HUMIDITY)
PERIOD_MS = 10_000
WALL_MS = 1_790_000_000_000


def record(number: int, **changed: Any) -> dict[str, Any]:
    usual = {
        "ts_ms": WALL_MS + number * PERIOD_MS,
        "mono_ms": 500_000 + number * PERIOD_MS,
        "boot": "first",
        "clk": "ntp",
        "q": "ok",
        "temperature_c": 20.0 + number / 100.0,
        "humidity_pct": 50.0,
    }
    return {**usual, **changed}


def journal_of(tmp_path: Path, *records: dict[str, Any]) -> Path:
    path = tmp_path / "journal.db"
    journal = Journal(path)
    for each in records:
        journal.append(encode(each))
    journal.close()
    return path


def test_readings_come_back_as_they_were_taken(tmp_path: Path) -> None:
    path = journal_of(tmp_path, *map(record, range(50)))
    readings = recall(path, CHANNELS, "first")
    assert [each.mono_ms for each in readings] == [500_000 + n * PERIOD_MS for n in range(50)]
    assert readings[7].values == {"temperature": 20.07, "humidity": 50.0}


def test_only_the_newest_and_only_those_after_a_number_are_recalled(tmp_path: Path) -> None:
    path = journal_of(tmp_path, *map(record, range(50)))
    assert len(recall(path, CHANNELS, "first", most=10)) == 10
    assert len(recall(path, CHANNELS, "first", since=45)) == 5
    assert recall(path, CHANNELS, "first", since=50) == []


def test_a_reboot_is_bridged_by_the_wall_clock(tmp_path: Path) -> None:
    later = [
        record(n, boot="second", mono_ms=3_000 + (n - 25) * PERIOD_MS, ts_ms=WALL_MS + n * PERIOD_MS + 60_000)
        for n in range(25, 50)
    ]
    path = journal_of(tmp_path, *map(record, range(25)), *later)
    readings = recall(path, CHANNELS, "second")
    steps = np.diff([each.mono_ms for each in readings])
    assert steps[24] == PERIOD_MS + 60_000
    assert set(np.delete(steps, 24)) == {PERIOD_MS}
    assert readings[-1].mono_ms == 3_000 + 24 * PERIOD_MS  # a reading of now follows on it


def test_a_clock_that_was_not_set_makes_a_gap_too_long_to_bridge(tmp_path: Path) -> None:
    later = [record(n, boot="second", mono_ms=n, ts_ms=946_684_800_000 + n, clk="unsynced") for n in range(2)]
    path = journal_of(tmp_path, *map(record, range(5)), *later)
    steps = np.diff([each.mono_ms for each in recall(path, CHANNELS, "second")])
    assert steps[4] > 86_400_000


def test_a_clock_that_was_set_back_moves_no_reading_within_one_boot(tmp_path: Path) -> None:
    path = journal_of(tmp_path, *map(record, range(5)), record(5, ts_ms=WALL_MS - 3_600_000))
    assert set(np.diff([each.mono_ms for each in recall(path, CHANNELS, "first")])) == {PERIOD_MS}


def test_a_history_has_the_good_readings_in_the_rooms_own_time(tmp_path: Path) -> None:
    bad = [record(5, q="rejected", temperature_c=-99.0), record(6, q="missing", humidity_pct=None)]
    path = journal_of(tmp_path, *map(record, range(5)), *bad, *map(record, range(7, 20)))
    found = history(path, CHANNELS, 10.0)
    assert len(found) == 18
    assert found.ts_ms[-1] == WALL_MS + 19 * PERIOD_MS
    assert found.ts_ms[5] - found.ts_ms[4] == 3 * PERIOD_MS
    assert np.isfinite(found.values).all()


def test_a_room_that_lives_faster_has_more_time_in_its_history(tmp_path: Path) -> None:
    path = journal_of(tmp_path, *map(record, range(20)))
    found = history(path, CHANNELS, 1000.0, speed=100.0)
    assert set(np.diff(found.ts_ms)) == {100 * PERIOD_MS}


def test_the_history_ends_where_it_is_too_old(tmp_path: Path) -> None:
    path = journal_of(tmp_path, *map(record, range(100)))
    assert len(history(path, CHANNELS, 10.0, days=30 * 10 / 86_400)) == 30


def test_an_agent_that_writes_is_not_disturbed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    for number in range(30):
        journal.append(encode(record(number)))
    journal.commit()
    with JournalReader(tmp_path / "journal.db") as reader:
        first = next(records := reader.records())
        for number in range(30, 60):
            journal.append(encode(record(number)))
        journal.commit()
        assert first["mono_ms"] == 500_000
        assert len(list(records)) >= 29
        assert reader.last_seq == 60
    journal.close()


def test_what_is_no_journal_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("no journal")
    for name in ("notes.db", "nowhere.db"):
        with pytest.raises(JournalError, match=name):
            JournalReader(tmp_path / name)


def test_the_past_is_looked_at_without_holding_all_that_its_records_say(tmp_path: Path) -> None:
    told = {"expected": {"temperature_c": 20.5, "humidity_pct": 51.5}, "why": "as expected " * 5}
    path = journal_of(tmp_path, *(record(n, epoch="0" * 16, **told) for n in range(3000)))
    tracemalloc.start()
    try:
        assert len(recall(path, CHANNELS, "first")) == 3000
        assert tracemalloc.get_traced_memory()[1] / 3000 < 1200, "bytes a record, at the worst moment"
    finally:
        tracemalloc.stop()
