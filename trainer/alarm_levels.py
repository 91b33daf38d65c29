"""Alarm levels that heed what people said: false alarms stay below them, and true ones above.

A level says how far one signal must rise before it is an alarm, and comes from a fleet of rooms. What a
person calls a false alarm says that it is too low for this room: the signals that rose then get a level just
above. Not at any price: no level rises further than MOST_TIMES, and none so far that an alarm that a person
calls true would be lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from edge.detection.budget import LEAST_FACTOR
from edge.detection.decision import open_signals
from edge.detection.detector_settings import DetectorSettings
from edge.detection.replay import observe
from edge.detection.scorer import Answers, Scorer
from edge.detection.windowing import Windowing
from trainer.feedback import Scene
from trainer.labels import WANTED, LabelledEvent

# Gross faults rise to many times a level, what a room does by itself mostly to less (docs/detector.md).
MOST_TIMES = 4.0
# A device lets its levels ease by so much while nothing happens.
MARGIN = 1.0 / LEAST_FACTOR

Ratios = dict[str, float]  # by signal: its highest value over its level


@dataclass(frozen=True, slots=True)
class Heeded:
    """Levels, and what could not be had."""

    settings: DetectorSettings
    raised: Ratios  # what levels were multiplied by, of those that were
    refused: dict[LabelledEvent, str]  # why a false alarm was not heeded
    heights: dict[LabelledEvent, float]  # how high each alarm rises now: 1 where it begins to ring


def heed(
    scenes: Iterable[Scene], settings: DetectorSettings, network: Answers, windowing: Windowing
) -> Heeded:
    """Raise levels until the false alarms are silent, the weakest first, as long as the true ones ring."""
    ratios = {scene.event: peaks(scene, settings, network, windowing) for scene in scenes}
    rang = {event: each for event, each in ratios.items() if event.verdict in WANTED and _height(each) >= 1.0}
    false = sorted((e for e in ratios if e.verdict not in WANTED), key=lambda e: _height(ratios[e]))
    times, refused = dict.fromkeys(settings.levels, 1.0), {}
    for event in false:
        needed = {name: max(times[name], _above(ratio)) for name, ratio in ratios[event].items()}
        silenced = [each for each, heights in rang.items() if _height(heights, needed) < 1.0]
        if max(needed.values()) > MOST_TIMES:
            refused[event] = (
                f"{_height(ratios[event]):.1f} times the level, as strong as a real fault: levels rise to "
                f"{MOST_TIMES:g} times at most"
            )
        elif silenced:
            refused[event] = f"levels above it would silence the {_named(silenced[0])}"
        else:
            times = needed
    levels = {name: level * times[name] for name, level in settings.levels.items()}
    raised = {name: each for name, each in times.items() if each > 1.0}
    heights = {event: _height(each, times) for event, each in ratios.items()}
    return Heeded(replace(settings, levels=levels), raised, refused, heights)


def peaks(scene: Scene, settings: DetectorSettings, network: Answers, windowing: Windowing) -> Ratios:
    """How high each signal rises in the scene's rows, over its level."""
    signals = open_signals(windowing, settings)
    highest = dict.fromkeys(signals, 0.0)
    scorer = Scorer(network, windowing, settings.floor)
    for part in observe(scene.recording, scorer, windowing):
        for piece in part.pieces:
            if piece.starts:  # as `Decision` does after a gap that was too long to bridge
                for signal in signals.values():
                    signal.reset()
            if piece.seen is None or not np.all(piece.seen.finite):
                continue
            about = scene.rows[piece.rows[-len(piece.seen.ts_ms) :]]
            for name, signal in signals.items():
                values = signal.update(piece.seen).value
                highest[name] = max(highest[name], float(np.max(values[about], initial=0.0)))
    return {name: value / settings.levels[name] for name, value in highest.items()}


def _above(ratio: float) -> float:
    """With a margin, as far as there is room for one."""
    return max(ratio, min(MARGIN * ratio, MOST_TIMES))


def _height(ratios: Ratios, times: Mapping[str, float] | None = None) -> float:
    return max(ratio / (times[name] if times else 1.0) for name, ratio in ratios.items())


def _named(event: LabelledEvent) -> str:
    kind = "missed alarm" if event.verdict == "missed" else "true alarm"
    return f"{kind} of {when(event.onset_ms)}"


def when(ts_ms: int) -> str:
    """A time for people: 2026-03-02 14:05 UTC."""
    return f"{datetime.fromtimestamp(ts_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
