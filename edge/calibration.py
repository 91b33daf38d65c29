"""What a history teaches without labels: scales of the window, floors, habits, alarm levels.

All of it is robust: a history of weeks holds faults, and a standard deviation would learn them.
"""

from dataclasses import dataclass, replace

import numpy as np

from edge.detector import DetectorSettings
from edge.gate import Gate
from edge.reading import Channel
from edge.recording import Recording
from edge.replay import Observed, observe
from edge.scorer import Answers, Scorer
from edge.signals import SIGNALS, Signal, SignalSettings
from edge.window import Floats, batches
from edge.windowing import View, Windowing

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
GAP_LIMIT = 3
WARM_UP = 32
# What a person would notice takes minutes: air through a window, a heater that went out.
BLOCK_S = 300.0

# Where each signal's alarm begins in a fleet of rooms, at one false alarm a week, and its share
# of that budget. A device's own history of days puts its levels 2 to 9 times too low, so it
# has only a quarter of the say (geometric mean; shared/DETECTOR.md holds the measurements).
FLEET_LEVELS = {
    "surprise": 16.0,
    "vapour": 7.0,
    "slow_surprise": 16.0,
    "slow_vapour": 7.0,
    "noise": 2.7,
    "frozen": 66.0,
}
SHARES = {
    "surprise": 0.15,
    "vapour": 0.15,
    "slow_surprise": 0.15,
    "slow_vapour": 0.15,
    "noise": 0.2,
    "frozen": 0.2,
}
DEVICE_SAY = 0.25
PEAK_APART_S = 3600.0
COVERAGE = 0.9


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
    own = [_least_step(column) for column in whole.T]
    step = tuple(robust_scale(np.diff(column), least / 2) for column, least in zip(whole.T, own, strict=True))
    floor = tuple(c.floor or max(o / 2, s / 4) for c, o, s in zip(history.channels, own, step, strict=True))
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
        rates.append(tuple(np.clip(rate, 1e-3, 0.99).tolist()))
    return tuple(rates)


def calibrate(
    history: Recording, habits: Habits, network: Answers, false_alarms_per_week: float
) -> DetectorSettings:
    """Alarm levels for a budget and the 90 % band, from an unlabelled history (n rows)."""
    scorer = Scorer(network, habits.windowing, habits.floor)
    observed = observe(history, Gate(habits.windowing.measured), scorer, habits.windowing)
    surprise = np.array([seen.views[0].surprise for seen in observed.observations if seen is not None])
    band = np.maximum(np.quantile(surprise, COVERAGE, axis=0), 0.1)
    about = SignalSettings(habits.windowing.channels, history.period_s, habits.floor, habits.change_rate)
    levels = {}
    one_view = len(habits.windowing.views) == 1
    used = {name: share for name, share in SHARES.items() if not (one_view and name.startswith("slow"))}
    for name, share in used.items():
        fleet = FLEET_LEVELS[name]
        values = _signal(SIGNALS[name](about), observed, habits.windowing)
        budget = share / sum(used.values()) * false_alarms_per_week
        own = device_level(values, history.ts_ms, history.period_s, budget)
        own = float(np.clip(own, fleet / 4, fleet * 4)) if own else fleet
        # the fleet's level is for one a week; rarer alarms are further out on the same tail
        levels[name] = own**DEVICE_SAY * fleet ** (1 - DEVICE_SAY)
    return DetectorSettings(habits.floor, tuple(band.tolist()), habits.change_rate, levels)


def _signal(signal: Signal, observed: Observed, windowing: Windowing) -> Floats:
    """(n,) a signal over a series, 0 where there is no score."""
    values = np.zeros(len(observed.observations))
    for row, seen in enumerate(observed.observations):
        if windowing.missing_before(float(observed.elapsed_s[row])) > windowing.gap_limit:
            signal.reset()
        if seen is not None:
            values[row] = signal.update(seen).value
    return values


def device_level(values: Floats, ts_ms: np.ndarray, period_s: float, per_week: float) -> float:
    """The level that the peaks of `values` (n,) pass `per_week` times a week.

    Peaks over threshold: the logarithms of the hourly peaks above their 80 % quantile fall off
    exponentially (Gumbel domain); their mean excess is taken from the median, so that a few
    faults in the history do not stretch the tail. Returns 0 when nothing ever rises.
    """
    hours = ts_ms // int(PEAK_APART_S * 1000)
    starts = np.flatnonzero(np.diff(hours, prepend=hours[0] - 1))
    peaks = np.maximum.reduceat(values, starts)
    peaks = np.log(peaks[peaks > 0])
    if len(peaks) < 5:
        return 0.0
    threshold = float(np.quantile(peaks, 0.8))
    excess = peaks[peaks > threshold] - threshold
    if not len(excess):
        return float(np.exp(threshold))
    scale = float(np.median(excess)) / np.log(2.0)
    weeks = len(values) * period_s / WEEK_S
    return float(np.exp(threshold + scale * np.log(max(len(excess) / (weeks * per_week), 1.0))))


def describe(channels: tuple[Channel, ...], settings: DetectorSettings) -> dict[str, float]:
    """The calibrated numbers by name, for metrics and reports."""
    bands = {f"band_{c.key}": b for c, b in zip(channels, settings.band, strict=True)}
    return {**{f"level_{name}": level for name, level in settings.levels.items()}, **bands}
