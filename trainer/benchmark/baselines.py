"""What a network must beat: the simple detectors that stand in every table of the benchmark.

All are causal and know no labels. Each scores every row, and takes its alarm level from its scores
on the history by the same rule: peaks over threshold, at the budget of false alarms.
"""

import numpy as np
from numpy.typing import NDArray

from edge.detection.habits import resolution
from trainer.benchmark.detection import Result, Task
from trainer.benchmark.nab import onsets
from trainer.benchmark.tail import device_tail

Floats = NDArray[np.float64]

WINDOW = 32
ROLLING = 15
EXPLAINED = 0.9
TREES = 100
# The standard deviation of a normal distribution, in median absolute deviations.
NORMAL = 1.4826


def robust_z(task: Task) -> Result:
    """Distance from the history's median in robust standard deviations, the largest of all channels."""
    history, values = filled(task)
    centre = np.median(history, axis=0)
    return alarmed(task, (abs(values - centre) / robust_scales(history)).max(axis=1))


def first_difference(task: Task) -> Result:
    """Change since the row before in robust standard deviations, the largest of all channels."""
    history, values = filled(task)
    scales = robust_scales(np.diff(history, axis=0), history)
    return alarmed(task, (abs(np.diff(values, axis=0, prepend=values[:1])) / scales).max(axis=1))


def causal_pca(task: Task) -> Result:
    """Distance of the last 32 rows from the plane that explains 90 % of the history's windows."""
    from sklearn.decomposition import PCA

    history, values = filled(task)
    every = windows((values - np.median(history, axis=0)) / robust_scales(history))
    known = every[WINDOW - 1 : len(history)]
    if not len(known) or not np.ptp(known, axis=0).any():  # a history too short or constant has no plane
        return alarmed(task, np.sqrt(((every - every[: len(history)].mean(axis=0)) ** 2).mean(axis=1)))
    pca = PCA(EXPLAINED, svd_solver="full").fit(known)
    error = every - pca.inverse_transform(pca.transform(every))
    return alarmed(task, np.sqrt((error**2).mean(axis=1)))


def isolation_forest(task: Task) -> Result:
    """How soon random cuts isolate a row by its values, their changes, and mean and spread of 15 rows."""
    from sklearn.ensemble import IsolationForest

    history, values = filled(task)
    last = windows(values, ROLLING).reshape(len(values), ROLLING, -1)
    features = np.hstack(
        [values, np.diff(values, axis=0, prepend=values[:1]), last.mean(axis=1), last.std(axis=1)]
    )
    forest = IsolationForest(n_estimators=TREES, random_state=0).fit(features[: len(history)])
    return alarmed(task, -forest.score_samples(features))


def alarmed(task: Task, score: Floats) -> Result:
    """Scores (n,) of history and rest to the rest's result, with the level that the history gives."""
    past, now = np.split(score, [len(task.history)])
    level = device_tail(past, task.history.ts_ms, task.history.period_s).level(task.false_alarms_per_week)
    if level <= 0:  # too few hours to tell a tail: what the history never showed
        level = float(past.max())
    begins = onsets(score, 2 * len(past))[len(past) :]
    return Result(now, now > level, onset=begins)


def filled(task: Task) -> tuple[Floats, Floats]:
    """The history (h, C), and history and rest in one (h + n, C); a missing value is the last one known.

    Before the first known value it is the history's median, and zero where the history has none.
    """
    values = np.concatenate([task.history.values, task.rest.values])
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], -1), axis=0)
    whole = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    for c in range(values.shape[1]):
        past = task.history.values[:, c]
        past = past[np.isfinite(past)]
        whole[last[:, c] < 0, c] = np.median(past) if len(past) else 0.0
    return whole[: len(task.history)], whole


def robust_scales(spread: Floats, values: Floats | None = None) -> Floats:
    """(C,) median absolute deviation of each column as a standard deviation.

    Not less than the sensor's step in `values` (by default the same): a coarse sensor stands still
    most of the time. A column that never moves counts in millionths of its size.
    """
    values = spread if values is None else values
    deviation = NORMAL * np.median(abs(spread - np.median(spread, axis=0)), axis=0)
    least = [max(resolution(column), 1e-6 * max(1.0, float(abs(column).max()))) for column in values.T]
    return np.maximum(deviation, least)


def windows(values: Floats, length: int = WINDOW) -> Floats:
    """(n, length * C) the window that ends at each row (n, C); before the first, the first repeats."""
    padded = np.concatenate([np.repeat(values[:1], length - 1, axis=0), values])
    view = np.lib.stride_tricks.sliding_window_view(padded, length, axis=0)  # n, C, length
    return np.ascontiguousarray(np.moveaxis(view, 2, 1)).reshape(len(values), -1)
