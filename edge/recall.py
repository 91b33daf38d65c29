"""The journal's records as readings again, in one monotonic time: how a model gets to know the past."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from sys import intern
from typing import Any, cast

import numpy as np

from edge.journal_reader import JournalReader
from edge.reading import Channel, Quality, Reading
from edge.recording import Recording, find_gaps

# More records than this no window reaches back (42 hours at one in ten seconds).
MOST_RECALLED = 20_000
# Between two boots with a clock that was not set, nobody knows how long it was.
_UNKNOWN_MS = 7 * 86_400_000

Timed = tuple[int, dict[str, Any]]  # monotonic milliseconds since the first, and the record


def recall(
    path: Path, channels: tuple[Channel, ...], boot: str, *, most: int = MOST_RECALLED, since: int = 0
) -> list[Reading]:
    """The newest records of a journal, at most so many and with numbers above `since`, oldest first.

    Their monotonic time is that of this `boot`, so that a reading of now follows on them; before
    the boot it goes on backwards by the wall clock, as far as that was set. Raises JournalError.
    """
    found: list[Reading] = []
    last: dict[str, Any] = {}
    with JournalReader(path) as journal:
        # one record at a time: as they stand in the journal, so many would take 60 MB
        for mono_ms, last in _timed(journal.records(max(since, journal.last_seq - most))):
            values = {c.name: last.get(c.key) for c in channels}
            found.append(
                Reading(
                    int(last["ts_ms"]), mono_ms, values, cast(Quality, intern(last["q"])), last.get("fault")
                )
            )
    if not found:
        return []
    shift = _now_of(last, boot) - found[-1].mono_ms
    return [replace(each, mono_ms=each.mono_ms + shift) for each in found]


def history(
    path: Path,
    channels: tuple[Channel, ...],
    period_s: float,
    *,
    speed: float = 1.0,
    days: float = 28.0,
    since: int = 0,
) -> Recording:
    """The good readings of a journal's newest `days`, in the room's own time up to the last one's wall time.

    `period_s` is the room's; a simulated room lives `speed` times faster than its wall clock.
    Rows are as in a recording (n, C). Raises JournalError.
    """
    most = round(days * 86_400.0 / period_s)
    times: list[int] = []
    values: list[list[float]] = []
    end_ms = 0
    with JournalReader(path) as journal:
        for mono_ms, table in _timed(journal.records(max(since, journal.last_seq - most))):
            if table["q"] not in ("ok", "retried"):
                continue
            at = round(mono_ms * speed)
            if times and at <= times[-1]:
                continue
            times.append(at)
            values.append([_number(table.get(c.key)) for c in channels])
            end_ms = int(table["ts_ms"])
    ts_ms = np.array(times, np.int64)
    ts_ms += end_ms - (times[-1] if times else 0)
    return Recording(
        name=str(path),
        ts_ms=ts_ms,
        channels=channels,
        values=np.array(values, np.float64).reshape(len(times), len(channels)),
        labels=None,
        kinds=None,
        period_s=period_s,
        gaps=find_gaps(ts_ms, period_s) if times else (),
        columns={},
        found=(),
    )


def _timed(tables: Iterator[dict[str, Any]]) -> Iterator[Timed]:
    mono_ms, before = 0, None
    for table in tables:
        if before is not None:
            mono_ms += _between(before, table)
        before = table
        yield mono_ms, table


def _between(before: dict[str, Any], table: dict[str, Any]) -> int:
    """Milliseconds from one record to the next, never less than none."""
    if before["boot"] == table["boot"] and table["mono_ms"] >= before["mono_ms"]:
        return int(table["mono_ms"] - before["mono_ms"])
    if "unsynced" in (before["clk"], table["clk"]):
        return _UNKNOWN_MS
    return max(0, int(table["ts_ms"] - before["ts_ms"]))


def _now_of(last: dict[str, Any], boot: str) -> int:
    """The monotonic time that the last record has in this boot."""
    if last["boot"] == boot:
        return int(last["mono_ms"])
    now_ms, mono_ms = time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000
    return mono_ms - max(0, now_ms - int(last["ts_ms"]))


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
