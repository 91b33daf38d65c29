"""The levels of the past, each twice as far back as the one before, from running sums.

A day at ten seconds is fourteen numbers, each in constant time.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.detection.arithmetic import Floats
from edge.detection.windowing import View

Ints = NDArray[np.int64]
Sums = Callable[[Ints], Ints]


class Past(NamedTuple):
    """What is known of the samples of a stretch, in quanta; the first sample is number 0, K traces.

    Sums are those of all samples up to a number (...); -1 is before the first and gives 0.
    """

    values: Sums  # to (..., K)
    changes: Sums  # to (..., 2 K): of the absolute differences, then of these with large ones cut off
    still: Sums  # (n,) numbers to (n, K): for how many samples a trace has not moved


class Levels(NamedTuple):
    """One view of n samples, in quanta; K traces, L levels."""

    now: Floats  # (n, K) the newest block
    means: Floats  # (n, K, L)


@dataclass(frozen=True, slots=True)
class Pyramid:
    """Blocks behind the newest sample, S in all: for each view its newest block, then its L levels."""

    newest: Ints  # (S,) the place of the view's newest block
    turns: list[int]  # ages, rising, at which one more level has something
    lags: list[
        Ints
    ]  # for each turn that has come: (2 S,) at which blocks begin, then the lags after their last

    @classmethod
    def of(cls, views: Sequence[View]) -> "Pyramid":
        """The blocks of these views, side by side."""
        sizes = [view.levels + 1 for view in views]
        newest = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
        edges = [np.array([0, *(view.block * 2**k for k in range(view.levels + 1))]) for view in views]
        first = np.concatenate([each[:-1] for each in edges])
        after = np.concatenate([each[1:] for each in edges])
        turns = sorted({view.block * 2**k for view in views for k in range(view.levels)})
        lags = []
        for age in [0, *turns]:
            filled = [min((age // view.block).bit_length(), view.levels) for view in views]
            place = np.minimum(np.arange(len(newest)), newest + np.repeat(filled, sizes))
            lags.append(np.concatenate([first.take(place), after.take(place)]))
        return cls(newest, turns, lags)

    def means(self, at: Ints, values: Sums) -> Floats:
        """(n, S, K) means of the blocks behind the samples numbered `at` (n,), rising, at least a block each.

        A level that reaches beyond the first sample is the mean of what it has; one that has
        nothing repeats the level before it.
        """
        turned, blocks = bisect_right(self.turns, int(at[-1]) if len(at) else 0), len(self.newest)
        if len(at) > 1 and turned != bisect_right(self.turns, int(at[0])):
            return np.concatenate([self.means(part, values) for part in np.array_split(at, 2)])
        age = at[:, None]
        lags = np.minimum(self.lags[turned], age + 1)
        sums, length = values(age - lags), lags[:, blocks:] - lags[:, :blocks]
        return np.asarray((sums[:, :blocks] - sums[:, blocks:]) / length[:, :, None])


def look(view: View, at: Ints, values: Sums) -> Levels:
    """The samples numbered `at` (n,) and the levels behind them."""
    means = Pyramid.of((view,)).means(at, values)
    return Levels(means[:, 0], np.swapaxes(means[:, 1:], 1, 2))
