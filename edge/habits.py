"""What a history says of a room and its sensor: scales of the window, floors, how often values change.

All of it is robust: a history of weeks holds faults, and a standard deviation would learn them.
"""

from dataclasses import dataclass, replace

import numpy as np

from edge.errors import RecordingError
from edge.reading import CHANNELS
from edge.recording import Recording
from edge.window import Floats, batches
from edge.windowing import View, Windowing

DAY_S = 86_400.0
GAP_LIMIT = 3
WARM_UP = 32
FEWEST_WINDOWS = 200
# What a person would notice takes minutes: air through a window, a heater that went out.
BLOCK_S = 300.0


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


def levels_for(block: int, period_s: float, samples: int) -> int:
    """How many levels of the pyramid make a day, or an eighth of the history if that is less."""
    day = np.log2(max(DAY_S / period_s / block, 1.0))
    have = np.log2(max(samples / 8 / block, 1.0))
    return int(np.clip(np.floor(min(max(day, 5.0), have)), 4, 13))


def blocks_for(period_s: float) -> tuple[int, ...]:
    """Blocks of the views, in samples: one sample, and five minutes where that is more than one."""
    return (1, round(BLOCK_S / period_s)) if period_s <= BLOCK_S / 2 else (1,)


def learn_habits(history: Recording) -> Habits:
    """Scales, floors and habits from rows (n, C) that are whole."""
    values = plausible(history)
    whole = values[np.isfinite(values).all(axis=1)]
    if len(whole) < FEWEST_WINDOWS:
        raise RecordingError(
            f"{history.name}: {len(whole)} rows to train on are plausible, {FEWEST_WINDOWS} are needed"
        )
    own = [_least_step(column) for column in whole.T]
    step = tuple(robust_scale(np.diff(column), least / 2) for column, least in zip(whole.T, own, strict=True))
    floor = tuple(
        max(c.floor, o / 2) if c.floor else max(o / 2, s / 4)
        for c, o, s in zip(history.channels, own, step, strict=True)
    )
    # so wide that no input is limited: they are then the bare differences in this unit
    wide = tuple((np.ptp(whole, axis=0) + step).tolist())
    views = []
    for block in blocks_for(history.period_s):
        levels = levels_for(block, history.period_s, len(whole))
        spread = tuple((width,) * (levels - 1) for width in wide)
        views.append(View(block, levels, step if block == 1 else wide, spread))
    bare = Windowing(
        channels=tuple(c.name for c in history.channels),
        period_s=history.period_s,
        gap_limit=GAP_LIMIT,
        warm_up=max(WARM_UP, 2 * views[-1].block),
        centre=tuple(np.median(whole, axis=0).tolist()),
        views=tuple(views),
    )
    return Habits(_with_scales(bare, history, values, own), floor, _change_rates(history))


def _least_step(values: Floats) -> float:
    """The sensor's step, or for one that never moves a millionth of its value."""
    return max(resolution(values), 1e-6 * max(1.0, float(np.max(abs(values)))))


def _with_scales(bare: Windowing, history: Recording, values: Floats, own: list[float]) -> Windowing:
    """The windowing with the scales of each view, measured through itself."""
    found = [batch.windows for batch in batches(bare, values, elapsed(history.ts_ms, values))]
    windows = sum(len(each.inputs) for each in found)
    if windows < FEWEST_WINDOWS:
        raise RecordingError(
            f"{history.name}: {windows} windows to train on, {FEWEST_WINDOWS} are needed; a window takes "
            f"{bare.warm_up} readings without a long gap, so record for longer"
        )
    inputs = np.concatenate([windows.inputs for windows in found]).astype(np.float64)
    moved = np.concatenate([windows.present - windows.previous for windows in found])
    views = []
    for v, view in enumerate(bare.views):
        # a mean over a block moves by less than the sensor's own steps
        least = view.step if view.block == 1 else tuple(o / 4 for o in own)
        step = tuple(robust_scale(moved[:, v, c], least[c]) for c in range(len(own)))
        spread = []
        for c, wide in enumerate(view.spread):
            levels = inputs[:, bare.inputs_of(v, c)][:, 1:-1] * wide[0]
            spread.append(tuple(robust_scale(levels[:, k], step[c]) for k in range(view.levels - 1)))
        views.append(replace(view, step=view.step if view.block == 1 else step, spread=tuple(spread)))
    return bare.with_views(tuple(views))


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
