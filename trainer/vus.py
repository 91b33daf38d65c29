"""VUS-PR: how well a score ranks, forgiving where exactly an event begins and ends.

Paparrizos et al., "Volume Under the Surface", PVLDB 15(11), 2022, in the form of TSB-AD's public
benchmark, whose numbers this reproduces. Labels get shoulders: with a buffer of w rows, a row at
distance d <= w // 2 from an event counts as sqrt(1 - d / w) of an anomaly. The result is the area under
precision and recall, averaged over all w from 0 to the buffer.

The published code visits every row for every threshold and every w. Here the rows are put in the
order of the thresholds once; after that each w costs one cumulative sum over the shoulders.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.metrics import Floats, events, ranking

Ranks = NDArray[np.intp]


def vus_pr(score: ArrayLike, labels: ArrayLike, buffer: int, thresholds: int | None = 250) -> float | None:
    """VUS-PR of scores and labels (n,), for buffers of 0 to `buffer` rows. None without labels.

    `thresholds` is how many are tried, evenly spread over the ranked scores: TSB-AD's 250 for
    figures to compare, None for every score. A score of NaN ranks below all others.
    """
    true = np.asarray(labels, bool)
    spans = events(true)
    if not spans:
        return None
    ranked = ranking(score)
    levels = -np.sort(-ranked)
    if thresholds is not None:
        levels = levels[np.linspace(0, len(levels) - 1, thresholds).astype(int)]
    surface = _Surface.of(ranked, true, levels, spans, buffer)
    return float(np.mean([surface.area(width) for width in range(buffer + 1)]))


@dataclass(frozen=True, slots=True)
class _Surface:
    """What all buffer widths share: n rows, K thresholds from high to low, E events, B rows near one."""

    spans: Ranks  # E x 2: first row and the row after the last
    rank: Ranks  # n: the first threshold that the row reaches
    flagged: Floats  # K: rows that reach each threshold
    hits: Floats  # K: labelled rows among them
    near: Ranks  # B: rows outside of events that a shoulder can reach
    nearest: Floats  # B: distance in rows to the nearest event
    second: Floats  # B: distance to the next nearest

    @classmethod
    def of(
        cls,
        ranked: Floats,
        true: NDArray[np.bool_],
        levels: Floats,
        spans: list[tuple[int, int]],
        buffer: int,
    ) -> "_Surface":
        """Everything that needs a pass over all rows."""
        rank = np.searchsorted(-levels, -ranked)
        bounds = np.array(spans)
        rows = np.flatnonzero(~true)
        distance = _two_nearest(rows, bounds)
        close = distance[:, 0] <= buffer // 2
        count = len(levels)
        return cls(
            bounds,
            rank,
            _running(rank, np.ones(len(rank)), count),
            _running(rank[true], np.ones(int(true.sum())), count),
            rows[close],
            distance[close, 0],
            distance[close, 1],
        )

    def area(self, width: int) -> float:
        """Area under precision and recall with shoulders of that width."""
        half, count = width // 2, len(self.flagged)
        inside = self.nearest <= half
        # Two shoulders add up to more than 1 wherever they meet, as each is at least sqrt(1/2).
        slope = np.sqrt(1.0 - self.nearest[inside] / max(width, 1))
        weight = np.where(self.second[inside] <= half, 1.0, slope)
        shoulder = _running(self.rank[self.near[inside]], weight, count)
        labelled = float((self.spans[:, 1] - self.spans[:, 0]).sum())
        found = self.hits + shoulder
        recall = np.minimum(found / (labelled + shoulder / 2), 1.0) * self._share_met(half)
        return float(np.sum(np.diff(recall, prepend=0.0) * found / self.flagged))

    def _share_met(self, half: int) -> Floats:
        """(K,) share of events, widened by `half` rows and joined where they touch, with a row flagged."""
        first = np.maximum(self.spans[:, 0] - half, 0)
        stop = np.minimum(self.spans[:, 1] + half, len(self.rank))
        apart = np.flatnonzero(stop[:-1] <= first[1:])
        bounds = np.column_stack([first[np.append(0, apart + 1)], stop[np.append(apart, -1)]])
        padded = np.append(self.rank, len(self.flagged))  # reduceat needs a row behind the last
        met = np.minimum.reduceat(padded, bounds.ravel())[::2]
        return _running(met, np.ones(len(met)), len(self.flagged)) / len(met)


def _running(rank: Ranks, weight: Floats, count: int) -> Floats:
    """(count,) sum of the weights of all rows that reach each threshold."""
    return np.cumsum(np.bincount(rank, weight, count + 1)[:count])


def _two_nearest(rows: Ranks, bounds: Ranks) -> Floats:
    """(len(rows), 2) distances from rows outside of events to the two events nearest by."""
    ends = np.concatenate([[-np.inf, -np.inf], bounds[:, 1] - 1])
    starts = np.concatenate([bounds[:, 0], [np.inf, np.inf]])
    after = np.searchsorted(bounds[:, 0], rows)  # the first event that begins later
    around = [rows - ends[after + 1], rows - ends[after], starts[after] - rows, starts[after + 1] - rows]
    return np.sort(np.column_stack(around), axis=1)[:, :2]
