"""Long shifts: the room has been elsewhere for hours, compared with its last four weeks.

No alarm: a season turns and a heating is set anew. It says so once, apart from the events, and
has a memory of its own, since what lasts for days is no surprise to a window of two days.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.detection.arithmetic import Floats
from edge.reading import HUMIDITY, TEMPERATURE
from edge.recording import Recording, Times

HOUR_MS = 3_600_000
MEMORY_HOURS, SMOOTH_HOURS, FEWEST_HOURS = 28 * 24, 6, 3
# What is worth a word is at least so much, however even the weeks before were.
LEAST_SCALE = {TEMPERATURE.name: 0.5, HUMIDITY.name: 2.0}
LEAST_SHARE = 1e-3  # of the value itself, for channels that we do not know
SHORT_DAYS, SHORTEST_DAYS = 2.0, 0.3
LEVEL = 3.0
# So many quantiles of the history's hours stand in the bundle, as a first memory.
KEPT = 48


@dataclass(frozen=True, slots=True)
class Past:
    """What a history leaves for the advice: C channels."""

    hours: int  # how many the history had
    quantiles: tuple[tuple[float, ...], ...]  # C x at most KEPT, of its hourly means

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "Past":
        """From the manifest. Raises KeyError, TypeError or ValueError."""
        rows = tuple(tuple(float(x) for x in row) for row in table["quantiles"])
        if not all(len(row) == len(rows[0]) <= KEPT and all(np.isfinite(row)) for row in rows):
            raise ValueError("the advice needs as many finite quantiles for each channel")
        return cls(int(table["hours"]), rows)


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the last hours are from the usual."""

    size: float  # in deviations of the last weeks; LEVEL is worth a word
    channel: int
    lately: float = 0.0  # mean of the last hours, physical units
    usual: float = 0.0  # median of the last weeks


class Advisory:
    """The long memory of one device."""

    def __init__(self, channels: tuple[str, ...], past: Past) -> None:
        self._channels = channels
        kept = list(zip(*past.quantiles, strict=True))
        # as many as the history had hours, so that a memory of weeks is not outvoted by the first days
        again = max(1, min(past.hours, MEMORY_HOURS) // max(1, len(kept)))
        self._hours: deque[tuple[float, ...]] = deque(kept * again, maxlen=MEMORY_HOURS)
        self._seen_hours = past.hours
        self._away: deque[tuple[float, ...]] = deque(maxlen=SMOOTH_HOURS)
        self._lately: deque[tuple[float, ...]] = deque(maxlen=SMOOTH_HOURS)
        self._hour: int | None = None
        self._sums = [0.0] * len(channels)
        self._count = 0
        self._shift = Shift(0.0, 0)

    @property
    def memory(self) -> tuple[tuple[tuple[float, ...], ...], int]:
        """The hours (h, C), oldest first, and how many were ever seen."""
        return tuple(self._hours), self._seen_hours

    def restore(self, hours: Sequence[tuple[float, ...]], seen_hours: int) -> None:
        """Hours of another time; what is said of the last ones stays until the next is over."""
        self._hours.clear()
        self._hours.extend(hours)
        self._seen_hours = seen_hours

    def update(self, ts_ms: int, values: Sequence[float]) -> Shift:
        """One reading; what is said changes once an hour, when an hour is whole."""
        self._enter(ts_ms // HOUR_MS)
        self._sums = [total + value for total, value in zip(self._sums, values, strict=True)]
        self._count += 1
        return self._shift

    def update_many(self, ts_ms: Times, values: Sequence[Floats]) -> list[tuple[int, Shift]]:
        """Readings at times (n,) with C columns (n,): what is said, and from which of them on."""
        hours, said = ts_ms // HOUR_MS, []
        starts = [0, *(np.flatnonzero(np.diff(hours)) + 1).tolist()]
        for start, stop in zip(starts, [*starts[1:], len(hours)], strict=True):
            self._enter(int(hours[start]))
            for c, column in enumerate(values):
                self._sums[c] = float(np.cumsum(np.append(self._sums[c], column[start:stop]))[-1])
            self._count += stop - start
            said.append((start, self._shift))
        return said

    def _enter(self, hour: int) -> None:
        """The hour of the next reading."""
        if self._hour is not None and hour != self._hour and self._count:
            self._turn(tuple(total / self._count for total in self._sums))
            self._sums, self._count = [0.0] * len(self._sums), 0
        self._hour = hour

    def _turn(self, mean: tuple[float, ...]) -> None:
        """An hour is over."""
        if self._hours:
            low, usual, high = np.quantile(np.array(self._hours), [0.1, 0.5, 0.9], axis=0)
            least = [
                LEAST_SCALE.get(name, LEAST_SHARE * max(abs(middle), 1e-9))
                for name, middle in zip(self._channels, usual.tolist(), strict=True)
            ]
            away = (np.array(mean) - usual) / np.maximum((high - low) / 2.563, least)
            self._away.append(tuple(away.tolist()))
            self._lately.append(mean)
            self._shift = self._said(usual)
        self._hours.append(mean)
        self._seen_hours += 1

    def _said(self, usual: np.ndarray) -> Shift:
        if len(self._away) < FEWEST_HOURS:
            return Shift(0.0, 0)
        days = min(self._seen_hours, MEMORY_HOURS) / 24.0
        sizes = abs(np.mean(np.array(self._away), axis=0)) / (1.0 + SHORT_DAYS / max(days, SHORTEST_DAYS))
        channel = int(np.argmax(sizes))
        lately = float(np.mean([each[channel] for each in self._lately]))
        return Shift(float(sizes[channel]), channel, lately, float(usual[channel]))


def remember(history: Recording) -> Past:
    """What a history (n, C) leaves."""
    whole = np.isfinite(history.values).all(axis=1)
    values = history.values[whole]
    hours = history.ts_ms[whole] // HOUR_MS
    starts = np.flatnonzero(np.diff(hours, prepend=-1))
    counts = np.diff(np.append(starts, len(hours)))
    means = np.add.reduceat(values, starts, axis=0) / counts[:, None]
    at = np.linspace(0.0, 1.0, min(KEPT, len(means)))
    kept = np.quantile(means, at, axis=0)
    return Past(len(means), tuple(tuple(float(f"{x:.6g}") for x in row) for row in kept.T))
