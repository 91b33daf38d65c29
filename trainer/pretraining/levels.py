"""Where a fleet's alarms begin: for each signal the least level that keeps its share of the budget.

Measured on lives in which nothing is wrong, each after a history of its own, as `calibrate` will use
the levels: wider where that history is short.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.detection.arithmetic import Floats
from edge.detection.calibration import SHORT_HISTORY_DAYS, signals_for
from edge.detection.fleet import FLEET, Fleet
from edge.detection.habits import Habits, learn_habits
from edge.detection.network import Network
from edge.errors import RecordingError
from edge.recording import Recording
from trainer.export import float32
from trainer.metrics import WEEK_S
from trainer.prior import Prior
from trainer.signal_series import look_back, signal_values

HOUR_MS = 3_600_000
RECOUNT_HOURS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """One signal of one device on a stretch in which nothing was wrong."""

    peaks: Floats  # (h,) the highest of each hour, over what a short history widens the level by
    hours: Floats  # (h,) which hours these are
    weeks: float


def watch(history: Recording, rest: Recording, prior: Prior, signals: Iterable[str]) -> dict[str, Watched]:
    """Each signal of a device on `rest`, after it has learnt from `history`; nothing if that is too short."""
    try:
        learnt = learn_habits(history)
    except RecordingError:
        return {}
    windowing = learnt.windowing.with_shapes(prior.shapes)
    habits = Habits(windowing, learnt.floor, learnt.change_rate)
    network = Network(float32(prior.model(windowing)), windowing.width, windowing.outputs)
    observed = look_back(history.followed_by(rest), habits, network)
    wanted = Fleet(dict.fromkeys(signals, 1.0), dict.fromkeys(signals, 1.0))
    wider = 1.0 + SHORT_HISTORY_DAYS / windowing.history_days
    found = {}
    for name in signals_for(windowing, wanted):
        values = signal_values(name, habits, observed)
        peaks, hours = _peaks(values[len(history) :], rest)
        found[name] = Watched(peaks / wider, hours, len(rest) * rest.period_s / WEEK_S)
    return found


def _peaks(values: Floats, rest: Recording) -> tuple[Floats, Floats]:
    hours = rest.ts_ms // HOUR_MS
    starts = np.flatnonzero(np.diff(hours, prepend=hours[0] - 1))
    return np.maximum.reduceat(values, starts), hours[starts].astype(np.float64)


def fleet_of(devices: Sequence[Mapping[str, Watched]], shares: Mapping[str, float]) -> Fleet:
    """The levels at one false alarm a week in all. `shares` add up to one.

    A signal that none of these devices has keeps its level of before.
    """
    levels = {}
    for name, share in shares.items():
        watched = [device[name] for device in devices if name in device]
        levels[name] = _least(watched, share) if watched else FLEET.levels[name]
    return Fleet(levels, dict(shares))


def _least(watched: Sequence[Watched], per_week: float) -> float:
    """By bisection among the numbers of three digits: the rate falls as the level rises."""
    low, high = 1e-3, 1e4
    while True:
        middle = float(f"{np.sqrt(low * high):.3g}")
        if not low < middle < high:
            return high
        if _rate(watched, middle) <= per_week:
            high = middle
        else:
            low = middle


def _rate(watched: Sequence[Watched], level: float) -> float:
    """False alarms a week of all devices together."""
    weeks = sum(each.weeks for each in watched)
    alarms = sum(_alarms(each.hours[each.peaks >= level]) for each in watched)
    return alarms / weeks if weeks else 0.0


def _alarms(hours: Floats) -> int:
    """Hours next to each other are one alarm, counted again every six."""
    count, last, start = 0, -np.inf, -np.inf
    for hour in hours:
        if hour - last > 1 or hour - start >= RECOUNT_HOURS:
            count, start = count + 1, hour
        last = hour
    return count
