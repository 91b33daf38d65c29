"""Readings to model input. Trainer and edge both call this; nothing else may scale or window.

The window is a pyramid: the newest block of samples, the block before it, and then ever longer
means, each twice as far back as the one before, so that a day at ten seconds is fourteen
numbers. It is looked at in one or two views: one whose block is a single sample, which sees a
spike, and one whose block is five minutes, which sees a window left open. Values are held as
integers (multiples of a quantum), whose sums are exact: adding them one by one, as the Pi does,
and all at once, as the trainer does, gives the same bits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.windowing import View, Windowing

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Inputs = NDArray[np.float32]
RunningSum = Callable[[Ints], Ints]

VOLATILITY_SAMPLES = 16
# Beyond this many of its own scales an input says "far away"; more would only let one wild
# value of one channel drown the others in the linear part of the network.
INPUT_LIMIT = 12.0
# Half a hundredth of a step stands for "did not move at all" in the logarithm of volatility.
LEAST_VOLATILITY = 0.005


class Windows(NamedTuple):
    """Model inputs of n samples, and what is needed to read the answers; V views, C channels."""

    inputs: Inputs  # (n, width)
    previous: Floats  # (n, V, C) the block before the newest, physical units
    present: Floats  # (n, V, C) the newest block, physical units


def lags(age: Ints, view: View) -> tuple[Ints, Ints]:
    """First and last lag (n, L) of a view's levels when only `age` (n,) past samples are there.

    A level that reaches beyond them is the mean of what it has; one that has nothing repeats
    the level before it.
    """
    first = view.block * 2 ** np.arange(view.levels, dtype=np.int64)
    highest = np.frexp((age // view.block).astype(np.float64))[1].astype(np.int64)
    level = np.minimum(np.arange(view.levels), highest[:, None] - 1)
    return first[level], np.minimum(2 * first[level] - 1, age[:, None])


def _view_inputs(
    windowing: Windowing, view: View, at: Ints, value_sum: RunningSum, change_sum: RunningSum
) -> tuple[Floats, Floats, Floats]:
    """Inputs (n, C, L + 1), previous and present (n, C) in quanta, of the samples numbered `at` (n,)."""
    first, last = lags(at, view)
    sums = value_sum(at[:, None] - first) - value_sum(at[:, None] - last - 1)
    means = np.swapaxes(sums / (last - first + 1)[:, :, None], 1, 2)
    now = (value_sum(at) - value_sum(at - view.block)) / view.block
    previous = means[:, :, 0]
    step, spread = (
        windowing.in_quanta(np.asarray(view.step)),
        windowing.in_quanta(np.asarray(view.spread).T).T,
    )
    moved = ((now - previous) / step)[:, :, None]
    past = (means[:, :, 1:] - previous[:, :, None]) / spread
    # of the samples before the newest block alone: the network must not see that it jumped
    before = at - view.block
    changes = np.minimum(VOLATILITY_SAMPLES, before)
    mean_change = (change_sum(before) - change_sum(before - changes)) / changes[:, None]
    base = windowing.in_quanta(np.asarray(windowing.views[0].step))
    volatility = np.log(np.ascontiguousarray(mean_change / base + LEAST_VOLATILITY))[:, :, None]
    return np.concatenate([moved, past, volatility], axis=2), previous, now


def _windows(windowing: Windowing, at: Ints, value_sum: RunningSum, change_sum: RunningSum) -> Windows:
    """Windows of the samples numbered `at` (n,), the first sample of a stretch being 0.

    `value_sum` gives the sum of all samples up to a number, `change_sum` that of the absolute
    differences; -1 is before the first and gives 0.
    """
    parts = [_view_inputs(windowing, view, at, value_sum, change_sum) for view in windowing.views]
    flat = np.concatenate([inputs.reshape(len(at), -1) for inputs, _, _ in parts], axis=1)
    limited: Inputs = np.clip(flat, -INPUT_LIMIT, INPUT_LIMIT).astype(np.float32)
    previous = windowing.physical(np.stack([previous for _, previous, _ in parts], axis=1))
    return Windows(limited, previous, windowing.physical(np.stack([now for _, _, now in parts], axis=1)))


class Window:
    """The recent past of one device, sample by sample."""

    def __init__(self, windowing: Windowing) -> None:
        self.windowing = windowing
        count = len(windowing.channels)
        size = 1 << (windowing.span + 2).bit_length()
        self._mask = size - 1
        self._value_sums = np.zeros((size, count), np.int64)
        self._change_sums = np.zeros((size, count), np.int64)
        self._now = np.zeros(count, np.int64)
        self._count = 0

    def push(self, values: Sequence[float], elapsed_s: float) -> Windows | None:
        """One sample, `elapsed_s` after the one before, to its window (n = 1).

        None while warming up. All values must be finite. A short gap is filled with the
        last value; a longer one starts the window anew.
        """
        if self.windowing.is_long(elapsed_s):
            self._count = 0
        for _ in range(self.windowing.missing_before(elapsed_s) if self._count else 0):
            self._append(self._now)
        self._append(self.windowing.quantise(np.asarray(values, np.float64)))
        if self._count <= self.windowing.warm_up:
            return None
        at = np.array([self._count - 1], np.int64)
        return _windows(self.windowing, at, self._value_sum, self._change_sum)

    def _append(self, sample: Ints) -> None:
        number, mask = self._count, self._mask
        if number == 0:
            self._value_sums[-1] = self._change_sums[-1] = 0
            self._now = sample
        change, self._now = abs(sample - self._now), sample
        # the integers may wrap round after years; differences of them are exact all the same
        self._value_sums[number & mask] = self._value_sums[(number - 1) & mask] + sample
        self._change_sums[number & mask] = self._change_sums[(number - 1) & mask] + change
        self._count += 1

    def _value_sum(self, number: Ints) -> Ints:
        return np.asarray(self._value_sums[number & self._mask])

    def _change_sum(self, number: Ints) -> Ints:
        return np.asarray(self._change_sums[number & self._mask])


@dataclass(frozen=True, slots=True)
class Batch:
    """The windows of some rows of a series, as `Window.push` gives them one by one."""

    rows: Ints  # (m,) the rows that have a window
    windows: Windows


def batches(windowing: Windowing, values: Floats, elapsed_s: Floats, most: int = 65536) -> Iterator[Batch]:
    """Rows (n, C) in physical units to batches of at most `most` windows.

    `elapsed_s` (n,) is the time since the row before that has all its values. Rows with a
    missing value have no window. The same bits as `Window.push`.
    """
    whole = np.flatnonzero(np.isfinite(values).all(axis=1))
    missing = np.array([windowing.missing_before(s) for s in elapsed_s[whole]], np.int64)
    starts = np.flatnonzero(missing > windowing.gap_limit)
    for part, holes in zip(np.split(whole, starts), np.split(missing, starts), strict=True):
        if len(part):
            yield from _stretch(windowing, values, part, holes, most)


def _stretch(windowing: Windowing, values: Floats, rows: Ints, missing: Ints, most: int) -> Iterator[Batch]:
    """Batches of one stretch without a long gap: `rows` of it, `missing` samples before each."""
    repeats = np.append(missing[1:], 0) + 1
    samples = np.repeat(windowing.quantise(values[rows]), repeats, axis=0)
    zero = np.zeros((1, samples.shape[1]), np.int64)
    value_sums = np.concatenate([zero, np.cumsum(samples, axis=0)])
    change_sums = np.concatenate(
        [zero, np.cumsum(abs(np.diff(samples, axis=0, prepend=samples[:1])), axis=0)]
    )
    numbers = np.cumsum(repeats) - repeats  # where each row stands among the samples
    warm = numbers >= windowing.warm_up
    rows, numbers = rows[warm], numbers[warm]
    for start in range(0, len(rows), most):
        at = numbers[start : start + most]
        found = _windows(windowing, at, lambda n: value_sums[n + 1], lambda n: change_sums[n + 1])
        yield Batch(rows[start : start + most], found)
