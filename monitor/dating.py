"""Readings taken before a device's clock was set get their true time, once a record of that boot tells it.

A record carries the boot and its monotonic time: wall time minus monotonic time, of one record with a
better clock, dates all of that boot. The rule is that of the agent's own journal
(`edge/journal/corrections.py`), for what had been delivered by then.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.clock import ClockQuality
from edge.journal.corrections import Correction
from monitor.history.redating import Moved, corrected, move
from monitor.message import Judged, Record, in_time

# A good clock drifts by less than this between two records; to move those would be work for nothing.
STEP_MS = 1000
BOOTS_MOST = 64  # that are remembered of a device
_RANK: dict[ClockQuality, int] = {"unsynced": 0, "holdover": 1, "ntp": 2}
_EVENT_TIMES = ("ts_ms", "onset_ms", "end_ms")

# Where records lie whose time a later one may know better. A span may hold records of other boots too.
SCHEMA = """CREATE TABLE IF NOT EXISTS doubted(journal INTEGER NOT NULL, boot TEXT NOT NULL,
    clk TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY(journal, boot, clk)) WITHOUT ROWID;
"""
_DOUBT = (
    "INSERT INTO doubted VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
    "SET first = min(first, excluded.first), last = max(last, excluded.last)"
)

Run = Callable[..., Any]  # a connection's `execute`
Doubt = tuple[str, ClockQuality]  # the boot, and how good its clock was
Span = tuple[int, int]  # first and last


@dataclass(frozen=True, slots=True)
class Told:
    """What the best clock of a boot says."""

    correction: Correction
    mono_ms: int  # since when


class Clocks:
    """What is known of one device's clock, boot by boot."""

    def __init__(self) -> None:
        self._told: dict[str, Told] = {}
        self._doubted: dict[str, Span] = {}  # wall minus monotonic time of doubtful clocks, from and to

    def see(self, record: Record) -> Correction | None:
        """What this record tells of earlier ones of its boot, if it moves them."""
        if not _has_clock(record):
            return None
        offset_ms, known = record.ts_ms - record.mono_ms, self._told.get(record.boot)
        if _RANK[record.clk] <= (_RANK[known.correction.clk] if known else 0):
            if record.clk == "holdover" or known is None:  # else it is corrected at once
                self._widen(record.boot, offset_ms)
            return None
        correction = Correction(record.boot, 0, 0, offset_ms, 0, record.clk)
        _remember(self._told, record.boot, Told(correction, record.mono_ms))
        low, high = self._doubted.get(record.boot, (offset_ms, offset_ms))
        _remember(self._doubted, record.boot, (offset_ms, offset_ms))
        return correction if max(offset_ms - low, high - offset_ms) > STEP_MS else None

    def _widen(self, boot: str, offset_ms: int) -> None:
        low, high = self._doubted.get(boot, (offset_ms, offset_ms))
        _remember(self._doubted, boot, (min(low, offset_ms), max(high, offset_ms)))

    def recall(self, boot: str) -> None:
        """The store has records of that boot whose time is in doubt; nobody knows by how much."""
        _remember(self._doubted, boot, (-(2**62), 2**62))

    def doubt(self, record: Record) -> Doubt | None:
        """Whether a later record may know better when this one was taken."""
        known = self._told.get(record.boot)
        if not _has_clock(record) or record.clk == "ntp" or (known and known.correction.clk == "ntp"):
            return None
        return record.boot, record.clk

    def true(self, judged: Judged) -> Judged:
        """The record with its true time, as far as that is known already: one that comes late."""
        record, told = judged.record, self._told.get(judged.record.boot)
        if told is None or record.clk == "ntp" or not _has_clock(record):
            return judged
        if record.clk == "holdover" and record.mono_ms >= told.mono_ms:
            return judged  # a good clock that has lost its source is still the best there is
        right = corrected(record, told.correction)
        return judged if right is None else Judged(right, judged.values)


def _has_clock(record: Record) -> bool:
    return record.src != "replay" and bool(record.boot)  # a recording has times of its own


def _remember(table: dict[str, Any], boot: str, value: Any) -> None:
    table.pop(boot, None)  # the newest last
    table[boot] = value
    if len(table) > BOOTS_MOST:
        del table[next(iter(table))]


def keep_doubt(run: Run, journal: int, doubt: Doubt, span: Span) -> None:
    """Records with these numbers were dated by a doubtful clock."""
    run(_DOUBT, (journal, *doubt, *span))


def correct(run: Run, device: str, told: Correction) -> None:
    """Stored records and events of a boot get their true time, within the writer's transaction."""
    rows = run(
        "SELECT d.journal, d.clk, d.first, d.last FROM doubted d JOIN journals j ON j.id = d.journal "
        "WHERE j.device = ? AND d.boot = ?",
        (device, told.boot),
    ).fetchall()
    for journal, clk, first, last in rows:
        if _RANK[clk] >= _RANK[told.clk]:
            continue
        _events(run, journal, (first, last), move(run, journal, (first, last), told))
        run("DELETE FROM doubted WHERE journal = ? AND boot = ? AND clk = ?", (journal, told.boot, clk))
        if told.clk != "ntp":  # they are as good as that one now, and no better
            keep_doubt(run, journal, (told.boot, told.clk), (first, last))


def _events(run: Run, journal: int, span: Span, moved: Moved) -> None:
    """What an event said of its times with one of those records; one told later is right already."""
    query = "SELECT id, seq, body FROM events WHERE journal = ? AND seq BETWEEN ? AND ?"
    for number, seq, body in run(query, (journal, *span)).fetchall():
        event = json.loads(body)
        was_ms, by_ms = moved.get(seq, (None, 0))
        if event["ts_ms"] != was_ms:
            continue
        times = {name: event[name] + by_ms for name in _EVENT_TIMES if event[name] is not None}
        if not all(map(in_time, times.values())):
            continue
        event.update(times)
        row = (event["onset_ms"], _body(event), journal, number)
        run("UPDATE events SET onset_ms = ?, body = ? WHERE journal = ? AND id = ?", row)


def _body(table: dict[str, Any]) -> bytes:
    return json.dumps(table, separators=(",", ":"), ensure_ascii=False).encode()
