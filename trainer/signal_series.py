"""The detector's signals over a whole history, which levels are measured on; no alarm is raised."""

import numpy as np

from edge.detection.habits import Habits
from edge.detection.observation import SignalSettings
from edge.detection.replay import Observed, observe
from edge.detection.scorer import Answers, Scorer
from edge.detection.signals import SIGNALS, Signal
from edge.detection.window import Floats
from edge.detection.windowing import Windowing
from edge.gate import Gate, fault_after
from edge.recording import Recording


def look_back(history: Recording, habits: Habits, network: Answers) -> Observed:
    """The history as the detector would have seen it."""
    scorer = Scorer(network, habits.windowing, habits.floor)
    gate = Gate(habits.windowing.measured, fault_after(history.period_s))
    return observe(history, gate, scorer, habits.windowing)


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
