"""Readings to model input. Trainer and edge both call this; nothing else may scale or window.

The window is a pyramid: the newest block of samples, the block before it, and then ever longer
means, each twice as far back as the one before (`edge/detection/pyramid.py`). It is looked at in one or two
views: one whose block is a single sample, which sees a spike, and one whose block is five minutes,
which sees a window left open. Values are held as integers (multiples of a quantum), whose sums are
exact: adding them one by one, as the Pi does, and all at once, as the trainer does, gives the same
bits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.detection.pyramid import Past, Sums
from edge.detection.scales import Apart, Scales, Stirs
from edge.detection.windowing import QUANTA_PER_STEP, Windowing

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Inputs = NDArray[np.float32]

# Beyond this many of its own scales an input says "far away"; more would only let one wild
# value of one channel drown the others in the linear part of the network.
INPUT_LIMIT = 12.0
# A change is counted as restlessness up to so many steps: one spike is no restlessness.
CALM_STEPS = 4
FROZEN_UNIT = 10.0


class Windows(NamedTuple):
    """Model inputs of n samples, and what is needed to read the answers; V views, C channels."""

    inputs: Inputs  # (n, width)
    previous: Floats  # (n, V, C) the block before the newest, physical units
    present: Floats  # (n, V, C) the newest block, physical units
    level: Floats  # (n, C) distance of the newest sample from the history's median, in swings

    def thinned(self, step: int) -> "Windows":
        """One in every `step`."""
        return Windows(self.inputs[::step], self.previous[::step], self.present[::step], self.level[::step])


def _windows(scales: Scales, at: Ints, past: Past) -> Windows:
    """Windows of the samples numbered `at` (n,), the first sample of a stretch being 0."""
    means = scales.pyramid.means(at, past.values)
    sides = scales.physical(means.take(scales.sides, axis=1))
    level = (sides[:, 0] - scales.centre) / scales.swing
    views, channels = len(scales.windowing.views), len(scales.windowing.channels)
    return Windows(
        _inputs(scales, at, past, means.reshape(len(at), -1), level),
        sides[:, views:, :channels],
        sides[:, :views, :channels],
        abs(level[:, :channels]),
    )


def _inputs(scales: Scales, at: Ints, past: Past, means: Floats, level: Floats) -> Inputs:
    """(n, width) from the means of the blocks (n, S K): many inputs in few steps, put in order at the end."""
    far = np.concatenate([_apart(scales.away, means), level, _frozen(scales, past.still(at))], axis=1)
    parts = [
        _apart(scales.expected, means),
        _signed_log(far),
        _stirs(scales.stirs, at, past).reshape(len(at), -1),
        scales.constant.repeat(len(at), axis=0),
    ]
    inputs = np.concatenate(parts, axis=1).take(scales.order, axis=1)
    return np.minimum(np.maximum(inputs, -INPUT_LIMIT), INPUT_LIMIT).astype(np.float32)


def _apart(pairs: Apart, means: Floats) -> Floats:
    """(n, pairs) distances between blocks, in their scales."""
    return (means.take(pairs.here, axis=1) - means.take(pairs.there, axis=1)) / pairs.scale


def _frozen(scales: Scales, still: Ints) -> Floats:
    """(n, K) how strange it is that a trace has not moved for so many samples (n, K)."""
    minutes = still * (scales.windowing.period_s / 60.0)
    return np.sqrt(minutes * (still * scales.stillness)) / FROZEN_UNIT


def _stirs(stirs: Stirs, at: Ints, past: Past) -> Floats:
    """(n, M, 2 K) logarithms of the mean absolute changes, in steps: all of them, then large ones cut off."""
    ends = at[:, None] - stirs.back
    samples = np.minimum(stirs.samples, ends)
    changes = past.changes(ends) - past.changes(ends - samples)
    mean = changes / np.maximum(samples, 1)[:, :, None]
    return np.asarray(np.log(mean / QUANTA_PER_STEP + stirs.least))


def _signed_log(ratio: Floats) -> Floats:
    return np.copysign(np.log1p(abs(ratio)), ratio)


class Window:
    """The recent past of one device, sample by sample."""

    def __init__(self, windowing: Windowing) -> None:
        self.windowing = windowing
        self._scales = Scales.of(windowing)
        traces = len(windowing.traces)
        longest = max(windowing.span, int(self._scales.stirs.samples.max()))
        size = 1 << (longest + 2).bit_length()
        self._mask = size - 1
        # running sums, of the changes twice: of all, then of these with large ones cut off
        self._values = np.zeros((size, traces), np.int64)
        self._changes = np.zeros((size, 2 * traces), np.int64)
        self._still = np.zeros((1, traces), np.int64)
        self._now = np.zeros(traces, np.int64)
        self._count = 0
        self._past = Past(self._reader(self._values), self._reader(self._changes), lambda _: self._still)

    def _reader(self, sums: Ints) -> Sums:
        return lambda number: sums.take(number & self._mask, axis=0)

    def push(self, values: Sequence[float], elapsed_s: float) -> Windows | None:
        """One sample, `elapsed_s` after the one before, to its window (n = 1).

        None while warming up. All values must be finite. A short gap is filled with the
        last value; a longer one starts the window anew.
        """
        if self.windowing.is_long(elapsed_s):
            self._count = 0
        for _ in range(self.windowing.missing_before(elapsed_s) if self._count else 0):
            self._append(self._now)
        self._append(self._scales.quantise(np.array([values], np.float64))[0])
        if self._count <= self.windowing.warm_up:
            return None
        return _windows(self._scales, np.array([self._count - 1], np.int64), self._past)

    def _append(self, sample: Ints) -> None:
        if self._count == 0:
            self._values[-1] = self._changes[-1] = 0
            self._now = sample
            self._still[:] = -1
        at, before = self._count & self._mask, (self._count - 1) & self._mask
        change, self._now = abs(sample - self._now), sample
        moves = np.concatenate([change, np.minimum(change, CALM_STEPS * QUANTA_PER_STEP)])
        # the integers may wrap round after years; differences of them are exact all the same
        np.add(self._values[before], sample, out=self._values[at])
        np.add(self._changes[before], moves, out=self._changes[at])
        self._still = (self._still + 1) * (change == 0)
        self._count += 1


@dataclass(frozen=True, slots=True)
class Batch:
    """The windows of some rows of a series, as `Window.push` gives them one by one."""

    rows: Ints  # (m,) the rows that have a window
    windows: Windows


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows of a series without a long gap between them, and the samples that they make."""

    rows: Ints  # (m,) of the series
    numbers: Ints  # (m,) where each of them stands among the samples
    past: Past


def batches(windowing: Windowing, values: Floats, elapsed_s: Floats, most: int = 8192) -> Iterator[Batch]:
    """Rows (n, C) in physical units to batches of at most `most` windows.

    `elapsed_s` (n,) is the time since the row before that has all its values. Rows with a
    missing value have no window. The same bits as `Window.push`.
    """
    scales = Scales.of(windowing)
    for stretch in stretches(windowing, values, elapsed_s):
        warm = stretch.numbers >= windowing.warm_up
        rows, numbers = stretch.rows[warm], stretch.numbers[warm]
        for start in range(0, len(rows), most):
            part = slice(start, start + most)
            yield Batch(rows[part], _windows(scales, numbers[part], stretch.past))


def stretches(windowing: Windowing, values: Floats, elapsed_s: Floats) -> Iterator[Stretch]:
    """The parts of a series (n, C) between gaps that are too long to be filled."""
    scales = Scales.of(windowing)
    whole = np.flatnonzero(np.isfinite(values).all(axis=1))
    missing = np.array([windowing.missing_before(s) for s in elapsed_s[whole]], np.int64)
    starts = np.flatnonzero(missing > windowing.gap_limit)
    for rows, holes in zip(np.split(whole, starts), np.split(missing, starts), strict=True):
        if len(rows):
            repeats = np.append(holes[1:], 0) + 1
            samples = np.repeat(scales.quantise(values[rows]), repeats, axis=0)
            yield Stretch(rows, np.cumsum(repeats) - repeats, _all_at_once(samples))


def _all_at_once(samples: Ints) -> Past:
    """The past of samples (N, K), all of them at hand."""
    changes = abs(np.diff(samples, axis=0, prepend=samples[:1]))
    numbers = np.arange(len(samples))[:, None]
    still = numbers - np.maximum.accumulate(np.where(changes != 0, numbers, 0), axis=0)
    moves = np.concatenate([changes, np.minimum(changes, CALM_STEPS * QUANTA_PER_STEP)], axis=1)
    return Past(_summed(samples), _summed(moves), lambda at: still[at])


def _summed(samples: Ints) -> Sums:
    sums = np.concatenate([np.zeros((1, samples.shape[1]), np.int64), np.cumsum(samples, axis=0)])
    return lambda number: sums.take(number + 1, axis=0)
