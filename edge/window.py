"""Readings to model input. Trainer and edge both call this; nothing else may scale or window.

The window is a pyramid: level 0 is the newest sample, level k the mean of the samples
2^(k-1) to 2^k - 1 periods ago, so that a day at ten seconds is fourteen numbers. Values are
held as integers (multiples of a quantum), whose sums are exact: adding them one by one, as
the Pi does, and all at once, as the trainer does, gives the same bits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.reading import Channel, channel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Inputs = NDArray[np.float32]

VOLATILITY_SAMPLES = 16
# Beyond this many of its own scales an input says "far away"; more would only let one wild
# value of one channel drown the others in the linear part of the network.
INPUT_LIMIT = 12.0
# A quantum is this small a part of a channel's usual step: rounding is far below any noise.
QUANTA_PER_STEP = 1024
# A window's sum of samples this large still fits 64 bits.
LARGEST_SAMPLE = 2.0**40


@dataclass(frozen=True, slots=True)
class Windowing:
    """Everything that turns physical values into model input; travels in the bundle.

    With C channels and L levels, a model input has C * (L + 1) numbers: for each channel its
    present (newest minus previous sample), the levels 2 to L minus the previous sample, and
    the logarithm of its recent volatility, each in units of the channel's own scale.
    """

    channels: tuple[str, ...]
    period_s: float
    levels: int
    gap_limit: int  # samples in a row that may be missing; they are filled with the last value
    warm_up: int  # samples after a start or a longer gap before the first score
    centre: tuple[float, ...]  # C, physical units
    step: tuple[float, ...]  # C, physical units: robust scale of the newest minus the previous sample
    spread: tuple[tuple[float, ...], ...]  # C x (L - 1): robust scale of level k minus the previous sample

    @property
    def measured(self) -> tuple[Channel, ...]:
        """The channels with their units and ranges."""
        return tuple(channel(name) for name in self.channels)

    @property
    def width(self) -> int:
        """How many numbers a model input has."""
        return len(self.channels) * (self.levels + 1)

    @property
    def span(self) -> int:
        """How many past samples the pyramid reaches back."""
        return int(2**self.levels - 1)

    @property
    def quantum(self) -> Floats:
        """(C,) physical units of one integer step."""
        return np.asarray(self.step) / QUANTA_PER_STEP

    def present(self, channel: int) -> int:
        """Where in a model input the newest sample of that channel stands."""
        return channel * (self.levels + 1)

    def quantise(self, values: Floats) -> Ints:
        """Physical values (..., C) to integers (..., C)."""
        reach = LARGEST_SAMPLE * self.quantum
        away = np.clip(values - np.asarray(self.centre), -reach, reach)
        samples: Ints = np.rint(away / self.quantum).astype(np.int64)
        return samples

    def physical(self, samples: Ints) -> Floats:
        """Integers (..., C) back to physical values (..., C)."""
        return np.asarray(samples * self.quantum + np.asarray(self.centre))

    def with_spread(self, spread: tuple[tuple[float, ...], ...]) -> "Windowing":
        """The same with other spreads (C, L - 1)."""
        return replace(self, spread=spread)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "Windowing":
        """From the manifest. Raises KeyError, TypeError or ValueError on a wrong shape."""
        windowing = cls(
            channels=tuple(str(name) for name in table["channels"]),
            period_s=float(table["period_s"]),
            levels=int(table["levels"]),
            gap_limit=int(table["gap_limit"]),
            warm_up=int(table["warm_up"]),
            centre=tuple(float(x) for x in table["centre"]),
            step=tuple(float(x) for x in table["step"]),
            spread=tuple(tuple(float(x) for x in row) for row in table["spread"]),
        )
        windowing._check()
        return windowing

    def _check(self) -> None:
        count = len(self.channels)
        numbers = [self.period_s, *self.step, *(x for row in self.spread for x in row)]
        if not (1 <= count <= 8 and 2 <= self.levels <= 16 and 2 <= self.warm_up <= 2**16):
            raise ValueError("channels, levels or warm-up out of range")
        if len(self.centre) != count or len(self.step) != count or len(self.spread) != count:
            raise ValueError("a scale for each channel is needed")
        if any(len(row) != self.levels - 1 for row in self.spread):
            raise ValueError("a spread for each level is needed")
        if not all(np.isfinite(numbers)) or min(numbers) <= 0 or not all(np.isfinite(self.centre)):
            raise ValueError("scales must be finite and above zero")

    def missing_before(self, elapsed_s: float) -> int:
        """Samples that should have come in the time since the last one and did not."""
        return max(0, round(elapsed_s / self.period_s) - 1)

    def inputs(self, now: Ints, sums: Ints, counts: Ints, wobble: Ints, wobbles: Ints) -> Inputs:
        """The one place where integers become model input.

        `now` (n, C) the newest sample; `sums` (n, C, L) of each level's samples, `counts`
        (n, 1, L) how many those are; `wobble` (n, C) the sum of the last absolute
        differences, `wobbles` (n, 1) how many. Returns (n, C * (L + 1)) float32.
        """
        means = sums / counts
        previous = means[:, :, :1]
        present = (now[:, :, None] - previous) / QUANTA_PER_STEP
        scale = np.asarray(self.spread)[None] / self.quantum[None, :, None]
        past = (means[:, :, 1:] - previous) / scale
        # half a hundredth of a step stands for "did not move at all"
        volatility = np.log((wobble / wobbles + 0.005 * QUANTA_PER_STEP) / QUANTA_PER_STEP)
        stacked = np.concatenate([present, past, volatility[:, :, None]], axis=2)
        limited: Inputs = np.clip(stacked, -INPUT_LIMIT, INPUT_LIMIT).astype(np.float32)
        return limited.reshape(len(now), self.width)


def lags(age: Ints, levels: int) -> tuple[Ints, Ints]:
    """First and last lag (n, L) of each level when only `age` (n,) past samples are there.

    A level that reaches beyond them is the mean of what it has; one that has nothing
    repeats the level before it.
    """
    first = 2 ** np.arange(levels, dtype=np.int64)
    highest = np.frexp(age.astype(np.float64))[1].astype(np.int64)  # the last level with any sample
    level = np.minimum(np.arange(levels), highest[:, None] - 1)
    return first[level], np.minimum(2 * first[level] - 1, age[:, None])


RunningSum = Callable[[Ints], Ints]


def _pyramid(
    windowing: Windowing, at: Ints, now: Ints, value_sum: RunningSum, change_sum: RunningSum
) -> Inputs:
    """Model inputs (n, width) for the samples numbered `at` (n,), the first of a stretch being 0.

    `value_sum` gives the sum of all samples up to a number, `change_sum` that of the
    absolute differences; -1 is before the first and gives 0.
    """
    first, last = lags(at, windowing.levels)
    sums = value_sum(at[:, None] - first) - value_sum(at[:, None] - last - 1)
    changes = np.minimum(VOLATILITY_SAMPLES, at - 1)
    change = change_sum(at - 1) - change_sum(at - 1 - changes)
    counts = (last - first + 1)[:, None, :]
    return windowing.inputs(now, np.swapaxes(sums, 1, 2), counts, change, changes[:, None])


class Window:
    """The recent past of one device, sample by sample."""

    def __init__(self, windowing: Windowing) -> None:
        self.windowing = windowing
        count = len(windowing.channels)
        self._mask = 2 ** (windowing.levels + 1) - 1
        self._value_sums = np.zeros((self._mask + 1, count), np.int64)
        self._change_sums = np.zeros((self._mask + 1, count), np.int64)
        self._now = self._before = np.zeros(count, np.int64)
        self._count = 0

    @property
    def previous(self) -> Floats:
        """(C,) the sample before the newest, in physical units."""
        return self.windowing.physical(self._before)

    def push(self, values: Sequence[float], elapsed_s: float) -> Inputs | None:
        """One sample, `elapsed_s` after the one before, to model input (1, width).

        None while warming up. All values must be finite. A short gap is filled with the
        last value; a longer one starts the window anew.
        """
        missing = self.windowing.missing_before(elapsed_s) if self._count else 0
        if missing > self.windowing.gap_limit:
            self._count = 0
        else:
            for _ in range(missing):
                self._append(self._now)
        self._append(self.windowing.quantise(np.asarray(values, np.float64)))
        if self._count <= self.windowing.warm_up:
            return None
        at = np.array([self._count - 1], np.int64)
        return _pyramid(self.windowing, at, self._now[None], self._value_sum, self._change_sum)

    def _append(self, sample: Ints) -> None:
        number, mask = self._count, self._mask
        if number == 0:
            self._value_sums[-1] = self._change_sums[-1] = 0
            self._now = sample
        self._before, self._now = self._now, sample
        # the integers may wrap round after years; differences of them are exact all the same
        self._value_sums[number & mask] = self._value_sums[(number - 1) & mask] + sample
        self._change_sums[number & mask] = self._change_sums[(number - 1) & mask] + abs(sample - self._before)
        self._count += 1

    def _value_sum(self, number: Ints) -> Ints:
        return np.asarray(self._value_sums[number & self._mask])

    def _change_sum(self, number: Ints) -> Ints:
        return np.asarray(self._change_sums[number & self._mask])


@dataclass(frozen=True, slots=True)
class Batch:
    """Model inputs for the rows of a series, as `Window.push` gives them one by one."""

    rows: Ints  # (m,) the rows that have a model input
    inputs: Inputs  # (m, width)
    previous: Floats  # (m, C) the sample before each, in physical units


def batches(windowing: Windowing, values: Floats, elapsed_s: Floats, most: int = 65536) -> Iterator[Batch]:
    """Rows (n, C) in physical units to batches of at most `most` model inputs.

    `elapsed_s` (n,) is the time since the row before that has all its values. Rows with a
    missing value have no model input. The same bits as `Window.push`.
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
        inputs = _pyramid(
            windowing,
            at,
            samples[at],
            lambda number: value_sums[number + 1],
            lambda number: change_sums[number + 1],
        )
        yield Batch(rows[start : start + most], inputs, windowing.physical(samples[at - 1]))
