"""Scored readings, as the signals see them, and what a signal says of them.

All are of one reading, in plain numbers, or of n, in columns (n,) of numbers; a formula that is written for
the one holds for the other (`edge/detection/arithmetic.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple

from edge.detection.arithmetic import Floats, N


class ViewScore(NamedTuple, Generic[N]):
    """What one view says of the newest block; every sequence has one of each channel, in physical units."""

    expected: Sequence[N]
    surprise: Sequence[N]  # |residual| in standard deviations
    residual: Sequence[N]
    deviation: Sequence[N]


class Observation(NamedTuple, Generic[N]):
    """Scored readings."""

    ts_ms: Any  # an integer, or a column of them
    values: Sequence[N]  # C, physical units
    views: Sequence[ViewScore[N]]  # the first is that of the reading itself, a second of the last minutes
    level: Sequence[N] = ()  # C: distance from the usual, in swings
    far: Sequence[N] = ()  # C: largest distance from any level of the past, in that level's reach
    evidence: Sequence[N] = ()  # log odds of each shape of event that the model knows
    finite: Any = True  # whether all of the model's answers were numbers, or a column of it


class Strange(NamedTuple, Generic[N]):
    """How strange, and which channel in which view says so: the one that has most of something."""

    value: N
    most: Sequence[N]
    channels: Sequence[int]
    view: int = 0

    @property
    def channel(self) -> int:
        """The channel (index) to blame; the first of equals."""
        return self.channels[max(range(len(self.most)), key=self.most.__getitem__)]


def one_of(seen: Observation[Floats], row: int) -> Observation[float]:
    """One reading of n."""
    views = [ViewScore(*[_cells(part, row) for part in view]) for view in seen.views]
    values, level, far = _cells(seen.values, row), _cells(seen.level, row), _cells(seen.far, row)
    evidence = _cells(seen.evidence, row)
    return Observation(seen.ts_ms.item(row), values, views, level, far, evidence, seen.finite.item(row))


def strange_of(strange: Strange[Floats], row: int) -> Strange[float]:
    """What a signal says of one reading of n."""
    most = _cells(strange.most, row)
    return Strange(float(strange.value[row]), most, strange.channels, strange.view)


def odds(seen: Observation[N]) -> N:
    """The log odds of any shape."""
    return seen.evidence[0] if seen.evidence else 0.0 * seen.values[0]


def spreads(band: Sequence[float], view: ViewScore[N]) -> list[N]:
    """Half the 90 % band of each channel, in physical units."""
    return [half * deviation for half, deviation in zip(band, view.deviation, strict=True)]


def _cells(part: Sequence[Floats], row: int) -> tuple[float, ...]:
    return tuple([column.item(row) for column in part])


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """What a signal may want to know of the room and its sensor."""

    channels: tuple[str, ...]
    period_s: float
    floor: tuple[float, ...]  # C, physical units
    change_rate: tuple[
        tuple[float, ...], ...
    ]  # C x 24: how often a value differs from the one before, by UTC hour
    shapes: tuple[str, ...] = ()  # those that the model knows
