"""Records that were taken before the clock was set get their true time when they are read.

A Pi boots without a clock and learns the time minutes later. Monotonic time ran on meanwhile, so
one number for each boot, wall time minus monotonic time, dates all of its records.
"""

import json
from dataclasses import dataclass
from typing import Any

from edge.clock import BELIEVABLE_MS, STEP_MS, ClockQuality

_TIMES = ("ts_ms", "onset_ms", "end_ms")


@dataclass(frozen=True, slots=True)
class Correction:
    """What the clock of one boot turned out to be."""

    boot: str
    first: int  # events with numbers of records from here
    last: int  # to here were told before, and records up to here taken
    offset_ms: int  # the true wall time minus the monotonic time
    shift_ms: int  # what the wall clock was moved by, all in all
    clk: ClockQuality  # of the clock that told


def correct_record(record: dict[str, Any], correction: Correction) -> bool:
    """Give a record its true time, in place; whether that was needed.

    What is corrected is `holdover`: the time of a good clock, carried over by the monotonic one.
    """
    if record.get("clk") == "ntp" or record.get("boot") != correction.boot:
        return False
    if record.get("clk") == "holdover" and correction.clk != "ntp":
        return False  # one believable clock is no better than another
    record["ts_ms"] = int(record["mono_ms"]) + correction.offset_ms
    record["clk"] = "holdover"
    return True


def correct_event(event: dict[str, Any], correction: Correction) -> bool:
    """Move times that no clock can be right about, in place; whether there were any."""
    moved = False
    for table in (event, *event.get("window", ())):
        for name in _TIMES:
            time_ms = table.get(name)
            if isinstance(time_ms, int) and time_ms < BELIEVABLE_MS:
                table[name] = time_ms + correction.shift_ms
                moved = True
    return moved


def correct_begun(event: dict[str, Any], by_ms: int, told_ms: int) -> None:
    """An event that was open while a believable clock was moved by `by_ms`: its older times, in place.

    `told_ms` is the first time of the new clock. Times that no clock can be right about are left to
    `correct_event`. A clock that goes back by less than an event lasts leaves its end in doubt, and as it is.
    """
    if abs(by_ms) < STEP_MS:
        return
    end_ms = event["end_ms"]
    if event["onset_ms"] >= BELIEVABLE_MS:
        event["onset_ms"] += by_ms
    new = end_ms is None or told_ms <= end_ms <= event["ts_ms"] or end_ms + by_ms > told_ms
    if not new and end_ms >= BELIEVABLE_MS:
        event["end_ms"] = end_ms + by_ms


class Corrections:
    """All that are known, by boot, applied to bodies as they stand in the journal."""

    def __init__(self, known: list[Correction]) -> None:
        """`known` in the order in which they came."""
        self._of = {correction.boot: correction for correction in known}
        self._last = max((correction.last for correction in known), default=0)

    def add(self, correction: Correction) -> None:
        """A better one of the same boot takes the place of the first."""
        self._of[correction.boot] = correction
        self._last = max(self._last, correction.last)

    def table(self, seq: int, table: dict[str, Any]) -> bool:
        """Give a record its true time, in place; whether that was needed."""
        correction = self._of.get(str(table.get("boot")))
        return correction is not None and seq <= correction.last and correct_record(table, correction)

    def record(self, seq: int, body: bytes) -> bytes:
        """The body of a record with its true time."""
        if seq > self._last or b'"clk":"ntp"' in body:
            return body
        table = _table(body)
        return _body(table) if self.table(seq, table) else body

    def event(self, body: bytes) -> bytes:
        """The body of an event with its true times."""
        if not self._of:
            return body
        table = _table(body)
        seq = table.get("seq", 0)
        of_then = next((each for each in self._of.values() if each.first <= seq <= each.last), None)
        return body if of_then is None or not correct_event(table, of_then) else _body(table)


def _table(body: bytes) -> dict[str, Any]:
    try:
        table = json.loads(body)
    except ValueError:
        return {}
    return table if isinstance(table, dict) else {}


def _body(table: dict[str, Any]) -> bytes:
    return json.dumps(table, separators=(",", ":"), ensure_ascii=False).encode()
