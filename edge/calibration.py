"""Alarm levels for a budget of false alarms, from a history without labels."""

from dataclasses import dataclass

import numpy as np

from edge.advisory import remember
from edge.budget import TAIL
from edge.detector_settings import DetectorSettings
from edge.fleet import FLEET, Fleet
from edge.gate import Gate, fault_after
from edge.habits import Habits, elapsed, plausible
from edge.observation import SignalSettings
from edge.reading import Channel
from edge.recording import Recording
from edge.replay import Observed, observe
from edge.scorer import Answers, Scorer
from edge.signals import SHAPES, SIGNALS, Signal
from edge.window import Floats, batches
from edge.windowing import VAPOUR, Windowing

WEEK_S = 7 * 86_400.0
# What a short history calls usual is too narrow: levels and band are wider by this many days over its length.
SHORT_HISTORY_DAYS = 0.25
MOST_ROWS = 20_000
PEAK_APART_S = 3600.0
FEWEST_PEAKS = 5
# What is believed of a mean excess of log peaks.
SCALES = (0.05, 0.6)
COVERAGE = 0.9


def calibrate(
    history: Recording,
    habits: Habits,
    network: Answers,
    false_alarms_per_week: float,
    fleet: Fleet = FLEET,
) -> DetectorSettings:
    """Alarm levels for a budget and the 90 % band, from an unlabelled history (n rows).

    The levels are the fleet's: signals are in units of the device's own scales already, a history of
    days is too short to tell what happens once a week, and one with faults in it tells it wrong
    (`docs/detector.md` has what each costs).
    """
    windowing = habits.windowing
    surprises = _surprises(history, habits, network)
    # a coarse sensor's surprises come in steps: the band holds the one it ends at
    edge = np.quantile(surprises, COVERAGE, axis=0, method="higher") * (1.0 + 1e-6)
    short = 1.0 + SHORT_HISTORY_DAYS / windowing.history_days
    band = np.maximum(edge * short, 0.1)
    used = {name: fleet.shares[name] for name in signals_for(windowing, fleet)}
    wider = short * false_alarms_per_week**-TAIL
    levels = {name: fleet.levels[name] * wider for name in used}
    budgets = {name: share / sum(used.values()) * false_alarms_per_week for name, share in used.items()}
    return DetectorSettings(
        habits.floor, tuple(band.tolist()), habits.change_rate, levels, budgets, remember(history)
    )


def _surprises(history: Recording, habits: Habits, network: Answers) -> Floats:
    """(n, C) how surprising the newest values of a history were, in deviations; n is MOST_ROWS at most."""
    values = plausible(history)
    scorer = Scorer(network, habits.windowing, habits.floor)
    thin = 1 + len(values) // MOST_ROWS
    parts = [
        scorer.score(batch.windows.thinned(thin)).surprise[:, 0]
        for batch in batches(habits.windowing, values, elapsed(history.ts_ms, values))
    ]
    return np.concatenate(parts)


def look_back(history: Recording, habits: Habits, network: Answers) -> Observed:
    """The history as the detector would have seen it."""
    scorer = Scorer(network, habits.windowing, habits.floor)
    gate = Gate(habits.windowing.measured, fault_after(history.period_s))
    return observe(history, gate, scorer, habits.windowing)


def signals_for(windowing: Windowing, fleet: Fleet) -> tuple[str, ...]:
    """Those of the fleet's signals that this device can have."""
    absent = set(SHAPES) - set(windowing.shapes)
    if len(windowing.channels) == 1:
        absent.add("stuck")  # it would be frozen
    if VAPOUR not in windowing.traces:
        absent |= {"vapour", "slow_vapour"}
    if len(windowing.views) == 1:
        absent |= {name for name in fleet.levels if name.startswith("slow")}
    return tuple(name for name in fleet.levels if name not in absent)


def signal_values(name: str, habits: Habits, observed: Observed) -> Floats:
    """(n,) one signal over a series."""
    windowing = habits.windowing
    about = SignalSettings(
        windowing.channels, windowing.period_s, habits.floor, habits.change_rate, windowing.shapes
    )
    return _signal(SIGNALS[name](about), observed, windowing)


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
        return Tail(-np.inf, 0.0, TAIL)
    threshold = float(np.quantile(peaks, 0.8))
    excess = peaks[peaks > threshold] - threshold
    scale = float(np.median(excess)) / np.log(2.0) if len(excess) else TAIL
    weeks = len(values) * period_s / WEEK_S
    return Tail(threshold, len(excess) / weeks, float(np.clip(scale, *SCALES)))


def describe(channels: tuple[Channel, ...], settings: DetectorSettings) -> dict[str, float]:
    """The calibrated numbers by name, for metrics and reports."""
    bands = {f"band_{c.key}": b for c, b in zip(channels, settings.band, strict=True)}
    return {**{f"level_{name}": level for name, level in settings.levels.items()}, **bands}
