"""The levels of the past, each twice as far back as the one before, from running sums.

A day at ten seconds is fourteen numbers, each in constant time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.detection.windowing import View

Floats = NDArray[np.float64]
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

    block: Ints  # (S,) of the view, in samples
    newest: Ints  # (S,) the place of the view's newest block
    first: Ints  # (S,) the lag at which a block begins
    after: Ints  # (S,) the lag after its last

    @classmethod
    def of(cls, views: Sequence[View]) -> "Pyramid":
        """The blocks of these views, side by side."""
        sizes = [view.levels + 1 for view in views]
        starts = np.cumsum([0, *sizes[:-1]])
        edges = [np.array([0, *(view.block * 2**k for k in range(view.levels + 1))]) for view in views]
        return cls(
            np.repeat(np.array([view.block for view in views]), sizes),
            np.repeat(starts, sizes),
            np.concatenate([each[:-1] for each in edges]),
            np.concatenate([each[1:] for each in edges]),
        )

    def means(self, at: Ints, values: Sums) -> Floats:
        """(n, S, K) means of the blocks behind the samples numbered `at` (n,), at least a block each.

        A level that reaches beyond the first sample is the mean of what it has; one that has
        nothing repeats the level before it.
        """
        age = at[:, None]
        highest = self.newest + np.frexp(age // self.block)[1]
        place = np.minimum(np.arange(len(self.first)), highest)
        first = self.first.take(place)
        after = np.minimum(self.after.take(place), age + 1)
        sums = values(age - first) - values(age - after)
        return np.asarray(sums / (after - first)[:, :, None])


def look(view: View, at: Ints, values: Sums) -> Levels:
    """The samples numbered `at` (n,) and the levels behind them."""
    means = Pyramid.of((view,)).means(at, values)
    return Levels(means[:, 0], np.swapaxes(means[:, 1:], 1, 2))
