"""What a history says of a room and its sensor: scales of the window, floors, how often values change.

All of it is robust: a history of weeks holds faults, and a standard deviation would learn them.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from edge.detection.arithmetic import Floats
from edge.detection.pyramid import look
from edge.detection.stretches import stretches
from edge.detection.windowing import View, Windowing
from edge.errors import RecordingError
from edge.reading import CHANNELS
from edge.recording import Recording

DAY_S = 86_400.0
GAP_LIMIT = 3
WARM_UP = 32
FEWEST_WINDOWS = 100
# What a person would notice takes minutes: air through a window, a heater that went out.
BLOCK_S = 300.0
# Nine levels reach back 42 hours in blocks of five minutes; more gained nothing (docs/detector.md).
LEVELS = 9
# A history shorter than what a scale is about makes it too small: it is widened by this times
# (span / history), and at most by that of a history of so many days.
SHORT_HISTORY, SHORTEST_DAYS = 2.0, 0.3
# Quantiles need no more rows than this.
MOST_MEASURED = 20_000


def robust_scale(values: Floats, floor: float) -> float:
    """Spread of the values in units of a standard deviation, blind to a fifth of them.

    The larger of two quantile ranges: the inner one is zero for a sensor with coarse steps.
    """
    q10, q25, q75, q90 = np.quantile(values, [0.1, 0.25, 0.75, 0.9])
    return float(max((q75 - q25) / 1.349, 0.7 * (q90 - q10) / 2.563, floor))


def resolution(values: Floats) -> float:
    """The step of the sensor: the smallest change that it commonly shows; 0 if it never changes."""
    changes = abs(np.diff(values))
    changes = changes[changes > 1e-9]
    return float(np.quantile(changes, 0.02)) if len(changes) else 0.0


def elapsed(ts_ms: np.ndarray, values: Floats) -> Floats:
    """(n,) seconds since the row before that has all its values."""
    whole = np.flatnonzero(np.isfinite(values).all(axis=1))
    seconds = np.zeros(len(ts_ms))
    seconds[whole[1:]] = np.diff(ts_ms[whole]) / 1000.0
    return seconds


def plausible(history: Recording) -> Floats:
    """(n, C) the values, NaN where the gate would hold them back."""
    values: Floats = history.values.copy()
    for c, measured in enumerate(history.channels):
        values[~((measured.low <= values[:, c]) & (values[:, c] <= measured.high)), :] = np.nan
    known = [c for c, measured in enumerate(history.channels) if measured.name in CHANNELS]
    if len(known) > 1:
        values[~values[:, known].any(axis=1), :] = np.nan  # all zeros: a broken line
    return values


@dataclass(frozen=True, slots=True)
class Habits:
    """What a room's history says of it."""

    windowing: Windowing
    floor: tuple[float, ...]  # C, physical units
    change_rate: tuple[tuple[float, ...], ...]  # C x 24


def blocks_for(period_s: float) -> tuple[int, ...]:
    """Blocks of the views, in samples: one sample, and five minutes where that is more than one."""
    return (1, round(BLOCK_S / period_s)) if period_s <= BLOCK_S / 2 else (1,)


def learn_habits(history: Recording) -> Habits:
    """Scales, floors and habits from rows (n, C) that are whole. Raises RecordingError for too few."""
    values = plausible(history)
    whole = values[np.isfinite(values).all(axis=1)]
    if len(whole) < FEWEST_WINDOWS:
        raise RecordingError(
            f"{history.name}: {len(whole)} rows to train on are plausible, {FEWEST_WINDOWS} are needed"
        )
    bare = _bare(history, whole)
    own = [_least_step(column) for column in bare.traced(whole).T]
    step = bare.views[0].step
    floor = tuple(
        max(c.floor, o / 2) if c.floor else max(o / 2, s / 4)
        for c, o, s in zip(history.channels, own, step, strict=False)
    )
    return Habits(_with_scales(bare, history, values, own), floor, _change_rates(history))


def _bare(history: Recording, whole: Floats) -> Windowing:
    """The windowing with all that needs no window to be known; its other scales mean nothing yet."""
    names = tuple(c.name for c in history.channels)
    blank = Windowing(names, history.period_s, GAP_LIMIT, WARM_UP, 1.0, (), (), (), (), ())
    traced = blank.traced(whole)
    step, moves = zip(*(_step_and_rate(column) for column in traced.T), strict=True)
    wide = tuple((np.ptp(traced, axis=0) + step).tolist())
    views = tuple(
        View(
            block,
            LEVELS,
            step if block == 1 else wide,
            tuple((w,) * (LEVELS - 1) for w in wide),
            tuple((w,) * LEVELS for w in wide),
        )
        for block in blocks_for(history.period_s)
    )
    days = len(whole) * history.period_s / DAY_S
    own = [_least_step(column) for column in traced.T]
    swing = [robust_scale(column, o) for column, o in zip(traced.T, own, strict=True)]
    return replace(
        blank,
        warm_up=max(WARM_UP, 2 * views[-1].block),
        history_days=days,
        centre=tuple(np.median(traced, axis=0).tolist()),
        swing=tuple(s * (1.0 + SHORT_HISTORY / max(days, SHORTEST_DAYS)) for s in swing),
        stillness=tuple(-math.log1p(-rate) for rate in moves),
        views=views,
    )


def _step_and_rate(trace: Floats) -> tuple[float, float]:
    """Robust scale of its changes, and how often it changes at all."""
    changes = np.diff(trace)
    rate = (np.count_nonzero(changes) + 1.0) / (len(changes) + 2.0)
    return robust_scale(changes, _least_step(trace) / 2), float(np.clip(rate, 1e-6, 0.99))


def _least_step(values: Floats) -> float:
    """The sensor's step, or for one that never moves a millionth of its value."""
    return max(resolution(values), 1e-6 * max(1.0, float(np.max(abs(values)))))


def _with_scales(bare: Windowing, history: Recording, values: Floats, own: list[float]) -> Windowing:
    """The windowing with the scales of each view, measured through its own pyramid."""
    found = list(stretches(bare, values, elapsed(history.ts_ms, values)))
    windows = sum(int((each.numbers >= bare.warm_up).sum()) for each in found)
    if windows < FEWEST_WINDOWS:
        raise RecordingError(
            f"{history.name}: {windows} windows to train on, {FEWEST_WINDOWS} are needed; a window takes "
            f"{bare.warm_up} readings without a long gap, so record for longer"
        )
    thin = 1 + len(values) // MOST_MEASURED
    numbers = [each.numbers[::thin] for each in found]
    numbers = [each[each >= bare.warm_up] for each in numbers]
    age = np.concatenate(numbers)
    views = []
    for view in bare.views:
        seen = [look(view, at, each.values) for at, each in zip(numbers, found, strict=True)]
        now = np.concatenate([each.now for each in seen]) * bare.quantum
        means = np.concatenate([each.means for each in seen]) * bare.quantum[:, None]
        views.append(_measured(view, now, means, age, own, bare))
    return bare.with_views(tuple(views))


def _measured(
    view: View, now: Floats, means: Floats, age: np.ndarray, own: list[float], bare: Windowing
) -> View:
    """The view with its scales, from blocks (n, K) and levels (n, K, L) of samples numbered `age` (n,)."""
    far = [age >= min(view.block * 2**level, int(age.max()) // 2) for level in range(view.levels)]
    steps, spreads, reaches = [], [], []
    for k, least in enumerate(own):
        # a mean over a block moves by less than the sensor's own steps
        step = view.step[k] if view.block == 1 else robust_scale(now[:, k] - means[:, k, 0], least / 4)
        spread, reach, before = [], [], step
        for level, rows in enumerate(far):
            away = robust_scale((now[:, k] - means[:, k, level])[rows], before)
            before = away  # further back is never closer
            days = view.block * 2.0 ** (level + 1) * bare.period_s / DAY_S
            reach.append(away * (1.0 + SHORT_HISTORY * days / bare.history_days))
            if level:
                spread.append(robust_scale((means[:, k, level] - means[:, k, 0])[rows], step))
        steps.append(step)
        spreads.append(tuple(spread))
        reaches.append(tuple(reach))
    return replace(view, step=tuple(steps), spread=tuple(spreads), reach=tuple(reaches))


def _change_rates(history: Recording) -> tuple[tuple[float, ...], ...]:
    """(C, 24) how often a value differs from the one before, by UTC hour.

    Shrunk towards the whole day's rate by the weight of 30 readings, so that an hour that was
    seen once does not decide.
    """
    hours = history.ts_ms[1:] // 3_600_000 % 24
    rates = []
    for c in range(len(history.channels)):
        known = np.isfinite(history.values[1:, c]) & np.isfinite(history.values[:-1, c])
        changed = (history.values[1:, c] != history.values[:-1, c]) & known
        overall = (changed.sum() + 1.0) / (known.sum() + 2.0)
        seen = np.bincount(hours[known], minlength=24)
        rate = (np.bincount(hours[changed], minlength=24) + 30.0 * overall) / (seen + 30.0)
        rates.append(tuple(np.clip(rate, 1e-6, 0.99).tolist()))
    return tuple(rates)
