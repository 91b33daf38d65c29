"""Alarm levels for a budget of false alarms, from a history without labels."""

from collections.abc import Sequence

import numpy as np

from edge.detection.advisory import remember
from edge.detection.arithmetic import Floats
from edge.detection.budget import TAIL
from edge.detection.detector_settings import DetectorSettings
from edge.detection.fleet import FLEET, Fleet
from edge.detection.habits import Habits, elapsed, plausible
from edge.detection.observation import Observation
from edge.detection.scorer import Answers, Scorer
from edge.detection.signals import SHAPES
from edge.detection.window import Batch, batches
from edge.detection.windowing import VAPOUR, Windowing
from edge.reading import Channel
from edge.recording import Recording

# What a short history calls usual is too narrow: levels and band are wider by this many days over its length.
SHORT_HISTORY_DAYS = 0.25
MOST_ROWS = 20_000
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
        np.column_stack(_surprise(scorer, batch, values, thin))
        for batch in batches(habits.windowing, values, elapsed(history.ts_ms, values))
    ]
    return np.concatenate(parts)


def _surprise(scorer: Scorer, batch: Batch, values: Floats, thin: int) -> Sequence[Floats]:
    """C columns, of one row in every `thin`."""
    rows = batch.rows[::thin]
    seen: Observation[Floats] = scorer.many(batch.windows.thinned(thin), rows, values[rows])
    return seen.views[0].surprise


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


def describe(channels: tuple[Channel, ...], settings: DetectorSettings) -> dict[str, float]:
    """The calibrated numbers by name, for metrics and reports."""
    bands = {f"band_{c.key}": b for c, b in zip(channels, settings.band, strict=True)}
    return {**{f"level_{name}": level for name, level in settings.levels.items()}, **bands}
