"""Alarm levels for a budget of false alarms, from a history without labels."""

from dataclasses import dataclass

import numpy as np

from edge.detector import DetectorSettings
from edge.gate import Gate
from edge.habits import Habits
from edge.reading import Channel
from edge.recording import Recording
from edge.replay import Observed, observe
from edge.scorer import Answers, Scorer
from edge.signals import SIGNALS, Signal, SignalSettings
from edge.window import Floats
from edge.windowing import Windowing

WEEK_S = 7 * 86_400.0
# Where each signal's alarm begins in a fleet of rooms, at one false alarm a week, and its share
# of that budget. A device's own history of days puts its levels 2 to 9 times too low, so it
# has only a quarter of the say (geometric mean; docs/detector.md).
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
FEWEST_PEAKS = 5
# The mean excess of log peaks, where a history has too few to tell, and what is believed of one.
USUAL_SCALE = 0.2
SCALES = (0.05, 0.6)
COVERAGE = 0.9


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
        tail = device_tail(values, history.ts_ms, history.period_s)
        # the fleet's level is for one a week; rarer alarms are further out on the same tail
        fleet *= false_alarms_per_week**-tail.scale
        own = float(np.clip(tail.level(budget), fleet / 4, fleet * 4))
        levels[name] = own**DEVICE_SAY * fleet ** (1 - DEVICE_SAY)
    return DetectorSettings(habits.floor, tuple(band.tolist()), habits.change_rate, levels)


def _signal(signal: Signal, observed: Observed, windowing: Windowing) -> Floats:
    """(n,) a signal over a series, 0 where there is no score."""
    values = np.zeros(len(observed.observations))
    for row, seen in enumerate(observed.observations):
        if windowing.is_long(float(observed.elapsed_s[row])):
            signal.reset()
        if seen is not None:
            values[row] = signal.update(seen).value
    return values


@dataclass(frozen=True, slots=True)
class Tail:
    """How rare a signal's high peaks are: `rate` a week pass e^`threshold`, ever fewer a higher level."""

    threshold: float  # logarithm
    rate: float  # peaks a week
    scale: float  # mean excess of the logarithm

    def level(self, per_week: float) -> float:
        """The level that peaks pass so many times a week."""
        return float(np.exp(self.threshold + self.scale * np.log(max(self.rate / per_week, 1.0))))


def device_tail(values: Floats, ts_ms: np.ndarray, period_s: float) -> Tail:
    """The tail of a signal (n,).

    Peaks over threshold: the logarithms of the hourly peaks above their 80 % quantile fall off
    exponentially (Gumbel domain); their mean excess is taken from the median, so that a few
    faults in the history do not stretch the tail.
    """
    hours = ts_ms // int(PEAK_APART_S * 1000)
    starts = np.flatnonzero(np.diff(hours, prepend=hours[0] - 1))
    peaks = np.maximum.reduceat(values, starts)
    peaks = np.log(peaks[peaks > 0])
    if len(peaks) < FEWEST_PEAKS:
        return Tail(-np.inf, 0.0, USUAL_SCALE)
    threshold = float(np.quantile(peaks, 0.8))
    excess = peaks[peaks > threshold] - threshold
    scale = float(np.median(excess)) / np.log(2.0) if len(excess) else USUAL_SCALE
    weeks = len(values) * period_s / WEEK_S
    return Tail(threshold, len(excess) / weeks, float(np.clip(scale, *SCALES)))


def describe(channels: tuple[Channel, ...], settings: DetectorSettings) -> dict[str, float]:
    """The calibrated numbers by name, for metrics and reports."""
    bands = {f"band_{c.key}": b for c, b in zip(channels, settings.band, strict=True)}
    return {**{f"level_{name}": level for name, level in settings.levels.items()}, **bands}
