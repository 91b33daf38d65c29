"""The detector's signals over a whole history, which levels are measured on; no alarm is raised."""

from collections.abc import Sequence

import numpy as np

from edge.detection.arithmetic import Floats
from edge.detection.habits import Habits
from edge.detection.observation import SignalSettings
from edge.detection.replay import Part, observe
from edge.detection.scorer import Answers, Scorer
from edge.detection.signals import SIGNALS
from edge.recording import Recording


def look_back(history: Recording, habits: Habits, network: Answers) -> list[Part]:
    """The history as the detector would have seen it."""
    return list(observe(history, Scorer(network, habits.windowing, habits.floor), habits.windowing))


def signal_values(name: str, habits: Habits, observed: Sequence[Part]) -> Floats:
    """(n,) one signal over a series, 0 where there is no score."""
    windowing = habits.windowing
    about = SignalSettings(
        windowing.channels, windowing.period_s, habits.floor, habits.change_rate, windowing.shapes
    )
    signal, values = SIGNALS[name](about), np.zeros(observed[-1].stop)
    for piece in (piece for part in observed for piece in part.pieces):
        if piece.starts:
            signal.reset()
        if piece.seen is not None:
            values[piece.rows[-len(piece.seen.ts_ms) :]] = signal.update(piece.seen).value
    return values
