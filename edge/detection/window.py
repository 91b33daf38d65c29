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

from edge.detection.arithmetic import Floats
from edge.detection.pyramid import Past, Sums
from edge.detection.scales import Scales, Stirs
from edge.detection.stretches import pieces
from edge.detection.windowing import QUANTA_PER_STEP, Windowing

Ints = NDArray[np.int64]
Inputs = NDArray[np.float32]

# Beyond this many of its own scales an input says "far away"; more would only let one wild
# value of one channel drown the others in the linear part of the network.
INPUT_LIMIT = 12.0
# A change is counted as restlessness up to so many steps: one spike is no restlessness.
LARGEST_CALM = 4 * QUANTA_PER_STEP


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
    """Windows of the samples numbered `at` (n,), in rising order, the first sample of a stretch being 0."""
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
    apart = (
        means.take(scales.apart.here, axis=1) - means.take(scales.apart.there, axis=1)
    ) / scales.apart.scale
    far = [apart[:, scales.apart.expected :], level, past.still(at) * scales.frozen]
    parts = [
        apart[:, : scales.apart.expected],
        _signed_log(np.concatenate(far, axis=1)),
        _stirs(scales.stirs, at, past),
        scales.constant if len(at) == 1 else scales.constant.repeat(len(at), axis=0),
    ]
    inputs = np.concatenate(parts, axis=1).take(scales.order, axis=1)
    np.maximum(inputs, -INPUT_LIMIT, out=inputs)
    return np.minimum(inputs, INPUT_LIMIT, out=inputs).astype(np.float32)


def _stirs(stirs: Stirs, at: Ints, past: Past) -> Floats:
    """(n, M 2 K) logarithms of the mean absolute changes, in steps: all of them, then large ones cut off."""
    ways = len(stirs.back)
    if at[0] >= stirs.span:
        changes, quanta = past.changes(at[:, None] - stirs.lags), stirs.quanta
    else:
        ends = at[:, None] - stirs.back
        samples = np.minimum(stirs.samples, ends)
        changes = past.changes(np.concatenate([ends, ends - samples], axis=1))
        quanta = (np.maximum(samples, 1) * float(QUANTA_PER_STEP))[:, :, None]
    mean = (changes[:, :ways] - changes[:, ways:]) / quanta
    return np.asarray(np.log(mean + stirs.least)).reshape(len(at), -1)


def _signed_log(ratio: Floats) -> Floats:
    return np.copysign(np.log1p(abs(ratio)), ratio)


class Window:
    """The recent past of one device, sample by sample; of a series, many samples at a time."""

    def __init__(self, windowing: Windowing, most: int = 1) -> None:
        """`most` samples are added at a time."""
        self.windowing = windowing
        self._scales = Scales.of(windowing)
        traces = len(windowing.traces)
        longest = max(windowing.span, int(self._scales.stirs.samples.max()))
        size = 1 << (longest + most + 1).bit_length()
        self._mask = size - 1
        # running sums, of the changes twice: of all, then of these with large ones cut off
        self._values = np.zeros((size, traces), np.int64)
        self._changes = np.zeros((size, 2 * traces), np.int64)
        self._now = [0] * traces
        self._still = [-1] * traces  # for how many samples each has not moved
        self._count = 0
        self._past = Past(
            self._reader(self._values), self._reader(self._changes), lambda _: np.array([self._still])
        )

    def _reader(self, sums: Ints) -> Sums:
        return lambda number: sums.take(number & self._mask, axis=0)

    def push(self, values: Sequence[float], elapsed_s: float) -> Windows | None:
        """One sample, `elapsed_s` after the one before, to its window (n = 1).

        None while warming up. All values must be finite. A short gap is filled with the
        last value; a longer one starts the window anew.
        """
        missing = self.windowing.missing_before(elapsed_s)
        if missing > self.windowing.gap_limit:
            self._count = 0
        for _ in range(missing if self._count else 0):
            self._append(self._now)
        self._append(self._scales.quantise(list(values)))
        if self._count <= self.windowing.warm_up:
            return None
        return _windows(self._scales, np.array([self._count - 1], np.int64), self._past)

    def _append(self, sample: list[int]) -> None:
        if self._count == 0:
            self._begin(sample)
        at, before = self._count & self._mask, (self._count - 1) & self._mask
        change = [abs(new - old) for new, old in zip(sample, self._now, strict=True)]
        calm = [min(each, LARGEST_CALM) for each in change]
        # the integers may wrap round after years; differences of them are exact all the same
        np.add(self._values[before], sample, out=self._values[at])
        np.add(self._changes[before], change + calm, out=self._changes[at])
        self._still = [0 if moved else still + 1 for still, moved in zip(self._still, change, strict=True)]
        self._now = sample
        self._count += 1

    def _begin(self, sample: list[int]) -> None:
        self._values[-1] = self._changes[-1] = 0
        self._now, self._still = sample, [-1] * len(sample)

    def push_many(self, values: Floats, missing: Ints) -> Windows | None:
        """Rows (m, C) without a long gap between them to the windows of the last n; those before warm up.

        Before each row so many samples are `missing` (m,). With these it is `most` at most, or one row.
        """
        if missing[0] > self.windowing.gap_limit:
            self._count = 0
        repeats = np.append(missing[1:], 0) + 1
        samples = np.repeat(self._scales.quantised(values), repeats, axis=0)
        if self._count and missing[0]:
            samples = np.concatenate([np.repeat([self._now], missing[0], axis=0), samples])
        numbers = self._count + len(samples) - np.cumsum(repeats[::-1])[::-1]
        still = self._extend(samples)
        at = numbers[numbers >= self.windowing.warm_up]
        if not len(at):
            return None
        past = self._past._replace(still=lambda at: still.take(at - self._count, axis=0))
        return _windows(self._scales, at, past)

    def _extend(self, samples: Ints) -> Ints:
        """What `_append` does with each of these (m, K); for how many samples (m, K) each has not moved."""
        if self._count == 0:
            self._begin(samples[0].tolist())
        numbers = np.arange(self._count, self._count + len(samples))
        at, before = numbers & self._mask, (self._count - 1) & self._mask
        change = abs(np.diff(samples, axis=0, prepend=[self._now]))
        moves = np.concatenate([change, np.minimum(change, LARGEST_CALM)], axis=1)
        self._values[at] = self._values[before] + np.cumsum(samples, axis=0)
        self._changes[at] = self._changes[before] + np.cumsum(moves, axis=0)
        moved = np.where(change != 0, numbers[:, None], self._count - 1 - np.array(self._still))
        still: Ints = numbers[:, None] - np.maximum.accumulate(moved, axis=0)
        self._now, self._still = samples[-1].tolist(), still[-1].tolist()
        self._count += len(samples)
        return still


@dataclass(frozen=True, slots=True)
class Batch:
    """The windows of some rows of a series, as `Window.push` gives them one by one."""

    rows: Ints  # (m,) the rows that have a window
    windows: Windows


def batches(windowing: Windowing, values: Floats, elapsed_s: Floats, most: int = 8192) -> Iterator[Batch]:
    """Rows (n, C) in physical units to batches of at most `most` windows.

    `elapsed_s` (n,) is the time since the row before that has all its values. Rows with a
    missing value have no window. The same bits as `Window.push`.
    """
    window = Window(windowing, max(most + windowing.warm_up, windowing.gap_limit + 1))
    for rows, missing in pieces(windowing, values, elapsed_s, most, windowing.warm_up):
        windows = window.push_many(values[rows], missing)
        if windows is not None:
            yield Batch(rows[-len(windows.inputs) :], windows)
