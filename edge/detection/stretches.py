"""A series in stretches without long gaps, and these in pieces that can be windowed at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.detection.arithmetic import Floats
from edge.detection.pyramid import Sums
from edge.detection.scales import Scales
from edge.detection.windowing import Windowing

Ints = NDArray[np.int64]


def pieces(
    windowing: Windowing, values: Floats, elapsed_s: Floats, most: int, first: int = 0
) -> Iterator[tuple[Ints, Ints]]:
    """Rows (m,) without a long gap between them, and how many are missing before each.

    They make at most `most` samples, the `first` of a stretch so many more.
    """
    for rows, missing in whole_rows(windowing, values, elapsed_s):
        for part in parts(np.where(missing > windowing.gap_limit, 0, missing), most, first):
            yield rows[part], missing[part]


def parts(missing: Ints, most: int, first: int) -> Iterator[slice]:
    """Cuts of rows (m,) with so many samples missing before each: of at most `most` samples, or one row."""
    ends, start = np.cumsum(missing + 1), 0
    while start < len(missing):
        room = most + (ends[start - 1] if start else first)
        stop = max(start + 1, int(np.searchsorted(ends, room, side="right")))
        yield slice(start, stop)
        start = stop


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows of a series without a long gap between them, and the samples that they make."""

    rows: Ints  # (m,) of the series
    numbers: Ints  # (m,) where each of them stands among the samples
    values: Sums  # running sums of the samples


def stretches(windowing: Windowing, values: Floats, elapsed_s: Floats) -> Iterator[Stretch]:
    """The parts of a series (n, C) between gaps that are too long to be filled."""
    scales = Scales.of(windowing)
    for rows, missing in whole_rows(windowing, values, elapsed_s):
        repeats = np.append(missing[1:], 0) + 1
        samples = np.repeat(scales.quantised(values[rows]), repeats, axis=0)
        yield Stretch(rows, np.cumsum(repeats) - repeats, _summed(samples))


def whole_rows(windowing: Windowing, values: Floats, elapsed_s: Floats) -> Iterator[tuple[Ints, Ints]]:
    """For each stretch its rows (m,) that have all values, and how many samples are missing before each."""
    whole = np.flatnonzero(np.isfinite(values).all(axis=1))
    missing = windowing.missing(elapsed_s[whole])
    starts = np.flatnonzero(missing > windowing.gap_limit)
    for rows, holes in zip(np.split(whole, starts), np.split(missing, starts), strict=True):
        if len(rows):
            yield rows, holes


def _summed(samples: Ints) -> Sums:
    sums = np.concatenate([np.zeros((1, samples.shape[1]), np.int64), np.cumsum(samples, axis=0)])
    return lambda number: sums.take(number + 1, axis=0)
