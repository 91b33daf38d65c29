"""A recorded or simulated series of readings: what trainer, replay and convert all start from."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.errors import RecordingError
from edge.reading import Channel, Reading

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Labels = NDArray[np.bool_]

# As many missing rows as this are a hiccup of the logger; more are a gap.
GAP_ROWS = 3

# A logger that says "every minute" and takes 59.9 s means a minute.
_USUAL_PERIODS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 21600, 86400)
_SNAP = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """n rows of C channels at strictly increasing times."""

    name: str
    ts_ms: Times  # (n,) Unix milliseconds, strictly increasing
    channels: tuple[Channel, ...]  # C, in the order of edge.reading.in_order
    values: Values  # (n, C) in the channels' units, NaN where missing
    labels: Labels | None  # (n,) whether somebody marked the row as an anomaly; for evaluation only
    kinds: tuple[str | None, ...] | None  # n: what the simulator did to the row; None for recorded data
    period_s: float  # the usual time between rows
    gaps: tuple[tuple[int, int], ...]  # (ts_ms before, ts_ms after) where more than GAP_ROWS rows are missing
    columns: dict[str, str]  # channel name -> the file's own name of that column
    found: tuple[str, ...]  # sentences for people: what was found in the file

    def __post_init__(self) -> None:
        """Raises RecordingError when the parts do not fit together."""
        rows = len(self.ts_ms)
        if self.values.shape != (rows, len(self.channels)):
            raise RecordingError(
                f"{self.name}: {self.values.shape} values for {rows} times and {len(self.channels)} channels"
            )
        if any(part is not None and len(part) != rows for part in (self.labels, self.kinds)):
            raise RecordingError(f"{self.name}: labels or kinds are not as many as the {rows} rows")
        if rows > 1 and np.diff(self.ts_ms).min() <= 0:
            raise RecordingError(f"{self.name}: times do not increase; sort them and drop duplicates")

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.ts_ms)

    def between(self, start: int, stop: int) -> "Recording":
        """Rows [start, stop), counted as in a slice."""
        rows = slice(start, stop)
        ts_ms = self.ts_ms[rows]
        return replace(
            self,
            ts_ms=ts_ms,
            values=self.values[rows],
            labels=None if self.labels is None else self.labels[rows],
            kinds=None if self.kinds is None else self.kinds[rows],
            gaps=find_gaps(ts_ms, self.period_s),
        )

    def followed_by(self, other: "Recording") -> "Recording":
        """The n rows of this recording and then the m of `other`, under this one's name and period.

        Kinds are those of both, None where one has none. Labels are kept if both have them: without,
        nobody knows whether a row is an anomaly. Raises RecordingError when the channels differ or
        `other` begins before this one has ended.
        """
        if other.channels != self.channels:
            ours, theirs = (", ".join(c.name for c in each.channels) for each in (self, other))
            raise RecordingError(f"{other.name}: has {theirs}, cannot follow {self.name} with {ours}")
        if len(self) and len(other) and other.ts_ms[0] <= self.ts_ms[-1]:
            raise RecordingError(f"{other.name}: begins before {self.name} ends; give the earlier one first")
        ts_ms = np.concatenate([self.ts_ms, other.ts_ms])
        labelled = self.labels is not None and other.labels is not None
        known = self.kinds is not None or other.kinds is not None
        return replace(
            self,
            ts_ms=ts_ms,
            values=np.concatenate([self.values, other.values]),
            labels=np.concatenate([self.labels, other.labels]) if labelled else None,
            kinds=_kinds(self) + _kinds(other) if known else None,
            gaps=find_gaps(ts_ms, self.period_s),
        )

    def reading(self, row: int) -> Reading:
        """One row as a reading with its recorded times; `missing` when a channel has no value."""
        values = {
            c.name: None if value != value else value
            for c, value in zip(self.channels, self.values[row].tolist(), strict=True)
        }
        return Reading(
            ts_ms=int(self.ts_ms[row]),
            mono_ms=int(self.ts_ms[row] - self.ts_ms[0]),
            values=values,
            quality="missing" if None in values.values() else "ok",
            fault=None if self.kinds is None else self.kinds[row],
        )


def _kinds(recording: Recording) -> tuple[str | None, ...]:
    return (None,) * len(recording) if recording.kinds is None else recording.kinds


def sampling_period(ts_ms: Times) -> float:
    """The usual time between rows (n,), in seconds; needs two different times.

    The median forgives gaps, duplicates and a clock that was set back. It is snapped to a
    usual period or a whole second when that is within half a percent.
    """
    steps = np.diff(ts_ms)
    steps = steps[steps > 0]
    if not len(steps):
        raise RecordingError("a sampling period needs two different times")
    period_s = float(np.percentile(steps, 50, method="lower")) / 1000.0
    for usual in (*_USUAL_PERIODS_S, round(period_s)):
        if abs(period_s - usual) <= _SNAP * period_s:
            return float(usual)
    return period_s


def find_gaps(ts_ms: Times, period_s: float) -> tuple[tuple[int, int], ...]:
    """(ts_ms before, ts_ms after) of each place where more than GAP_ROWS rows are missing."""
    missing = np.rint(np.diff(ts_ms) / (1000.0 * period_s)) - 1
    return tuple((int(ts_ms[row]), int(ts_ms[row + 1])) for row in np.flatnonzero(missing > GAP_ROWS))
