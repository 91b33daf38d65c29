"""Rows into strictly increasing time: clock changes followed, duplicates and steps back found or mended."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.recording import Times, sampling_period

_HOUR_MS = 3_600_000


def follow_clock_changes(ts_ms: Times) -> tuple[Times, tuple[int, ...]]:
    """Times (n,) that run on where a local clock was set back by an hour, and the rows where it was.

    At the end of summer time a wall clock shows one hour twice. Only that clear case is
    followed: the step is an hour to the row, and both passes through the hour are fully
    sampled. The times after it stay an hour ahead of the file's, until the clock is set forward
    again. Any other step back is left as it is.
    """
    steps = np.diff(ts_ms)
    if not np.any(steps < 0):
        return ts_ms, ()
    period_ms = 1000.0 * sampling_period(ts_ms)
    ahead = np.zeros(len(ts_ms), np.int64)
    changes = []
    back = abs(steps - period_ms + _HOUR_MS) <= period_ms / 2
    forward = abs(steps - period_ms - _HOUR_MS) <= period_ms / 2
    for row in (np.flatnonzero(back | forward) + 1).tolist():
        if back[row - 1] and _hour_is_there_twice(ts_ms, row, period_ms):
            ahead[row:] += _HOUR_MS
            changes.append(row)
        elif forward[row - 1] and ahead[row]:
            ahead[row:] -= _HOUR_MS
    return ts_ms + ahead, tuple(changes)


def _hour_is_there_twice(ts_ms: Times, row: int, period_ms: float) -> bool:
    rows = round(_HOUR_MS / period_ms)
    first, second = ts_ms[max(0, row - rows) : row], ts_ms[row : row + rows]
    return rows >= 4 and all(
        len(part) == rows and np.all(np.diff(part) > 0) and part[-1] - part[0] < _HOUR_MS
        for part in (first, second)
    )


def first_disorder(ts_ms: Times) -> int | None:
    """The first row that is not later than the one before it, or None when all are."""
    wrong = np.flatnonzero(np.diff(ts_ms) <= 0)
    return int(wrong[0]) + 1 if len(wrong) else None


@dataclass(frozen=True, slots=True)
class Order:
    """Which rows to keep, in which order, and what that mends."""

    rows: NDArray[np.int64]  # (m,) row numbers, in the order of time
    duplicates: int  # rows dropped because an earlier row has their time
    backward: int  # rows that came later than a row of a later time


def sort_rows(ts_ms: Times) -> Order:
    """Times (n,) in any order to rows of strictly increasing time; of equal times the first row stays."""
    by_time = np.argsort(ts_ms, kind="stable")
    fresh = np.diff(ts_ms[by_time], prepend=ts_ms[by_time][:1] - 1) > 0
    backward = int(np.sum(ts_ms < np.maximum.accumulate(ts_ms)))
    return Order(by_time[fresh], int(np.sum(~fresh)), backward)
