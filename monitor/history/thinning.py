"""Many records as the few that a chart can show, with nothing strange left out.

Each bucket of time keeps the records with the lowest and highest value of every channel, the
highest score, and at least one record of every state that occurs: a spike of one record stays visible.
"""

import numpy as np
from numpy.typing import NDArray

from monitor.history.block import Block
from monitor.history.column import Floats

Places = NDArray[np.intp]


def telling(block: Block, points: int) -> Places:
    """Places of what stays of records in the order of time; all of them when there are few."""
    if len(block) <= points:
        return np.arange(len(block))
    start = int(block.ts[0])
    span = int(block.ts[-1]) - start + 1
    # a float is exact enough for spans of years, and whole numbers would overflow
    bucket = np.minimum((block.ts - start) * (points / span), points - 1).astype(np.int64)
    chosen = [_highest(-trend.value, bucket) for trend in block.channels.values()]
    chosen += [_highest(trend.value, bucket) for trend in block.channels.values()]
    states = [label.state for label in block.labels]
    names = sorted(set(states))
    state = np.array([names.index(each) for each in states], np.int64)[block.code]
    chosen.append(_highest(np.nan_to_num(block.score, nan=-1.0), bucket * len(names) + state))
    return np.unique(np.concatenate(chosen))


def _highest(values: Floats, group: NDArray[np.int64]) -> Places:
    """Of each group the first place of its highest value; none where all are NaN."""
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.lexsort((-values[known], group[known]))]
    first = np.diff(group[order], prepend=-1) != 0
    found: Places = order[first]
    return found
