"""Labelled alarms, lived through again by the edge's own detector: what they were, and what they are now."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.detection.detector_settings import DetectorSettings
from edge.detection.replay import judge
from edge.detection.scorer import Answers
from edge.detection.windowing import Windowing
from trainer.alarm_levels import Heeded, heed, when
from trainer.feedback import Feedback, Remembering, Scene
from trainer.labels import LabelledEvent
from trainer.measures import duration

# Of each verdict: what is counted, and the words for it.
WORDS = {
    "false_alarm": ("labelled false alarm", "is gone", "are gone"),
    "true_alarm": ("labelled true alarm", "is still caught", "are still caught"),
    "missed": ("missed alarm", "is caught now", "are caught now"),
}
_NO_SENSOR = "not tried: a broken sensor is told by fixed rules, which no training changes"
_NO_READINGS = "not tried: its readings are no longer kept, or too few before it"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One labelled alarm, then and now."""

    event: LabelledEvent
    rings: bool | None = None  # with the new detector; None where it could not be tried
    rings_unheeded: bool | None = None  # with the new detector, had no label moved its levels
    height: float | None = None  # how far the strongest signal rises now, over its alarm level
    says: str = ""  # the new alarm's sentence, or why a false one could not be helped

    @property
    def good(self) -> bool:
        """Whether it is as a person wants it: silent where the alarm was false, ringing elsewhere."""
        return self.rings is not None and self.rings == (self.event.verdict != "false_alarm")

    @property
    def now(self) -> str:
        """In a word or two."""
        if self.rings is None:
            return "not tried"
        words = {"false_alarm": ("gone", "still rings"), "true_alarm": ("lost", "still caught")}
        return words.get(self.event.verdict, ("still missed", "caught"))[self.rings]

    def to_json(self) -> dict[str, Any]:
        """As it stands in metrics.json."""
        event = self.event
        return {
            "verdict": event.verdict,
            "when": when(event.onset_ms),
            "lasted": duration(event.lasted_ms / 1000),
            "note": event.note,
            "then": {"score": event.score, "channel": event.channel, "why": event.why, "model": event.model},
            "now": self.now,
            "times_the_level": self.height,
            "says": self.says,
            "rings": self.rings,
            "rings_unheeded": self.rings_unheeded,
        }


@dataclass(frozen=True, slots=True)
class Tried:
    """The levels that heed the labels, and what comes of every labelled alarm with them."""

    heeded: Heeded
    outcomes: tuple[Outcome, ...]

    @property
    def sentence(self) -> str:
        """How many of the labelled false alarms are gone, and how many true ones are still caught."""
        parts = []
        for verdict, (name, one, many) in WORDS.items():
            tried = [
                each for each in self.outcomes if each.event.verdict == verdict and each.rings is not None
            ]
            if tried:
                good, of = sum(each.good for each in tried), len(tried)
                parts.append(
                    f"{good} of {of} {name}{'' if of == 1 else 's'} {one if 1 in (good, of) else many}"
                )
        untried = sum(each.rings is None for each in self.outcomes)
        if untried:
            parts.append(f"{untried} could not be tried")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """As it stands in metrics.json."""
        table: dict[str, Any] = {"sentence": self.sentence, "levels_raised": self.heeded.raised}
        for verdict in WORDS:
            of = [each for each in self.outcomes if each.event.verdict == verdict and each.rings is not None]
            unheeded = sum(each.rings_unheeded == (verdict != "false_alarm") for each in of)
            table[verdict] = {
                "as_wanted": sum(e.good for e in of),
                "as_wanted_unheeded": unheeded,
                "of": len(of),
            }
        return {**table, "events": [each.to_json() for each in self.outcomes]}


def try_labels(
    feedback: Feedback,
    settings: DetectorSettings,
    network: Answers,
    windowing: Windowing,
    seen: Callable[[Iterable[Scene]], Iterable[Scene]] = iter,
) -> Tried:
    """Levels that heed the labels, and every labelled alarm again with them; `seen` may show the progress."""
    remembering = Remembering(network)
    scenes = list(feedback.scenes())
    heeded = heed(seen(scenes), settings, remembering, windowing)
    outcomes = {scene.event: _outcome(scene, settings, heeded, remembering, windowing) for scene in scenes}
    return Tried(heeded, tuple(outcomes.get(event) or _untried(event) for event in feedback.events))


def _outcome(
    scene: Scene, settings: DetectorSettings, heeded: Heeded, network: Answers, windowing: Windowing
) -> Outcome:
    now = judge(scene.recording, network, windowing, heeded.settings)
    if np.isnan(now.score[scene.rows]).all():
        return _untried(scene.event)
    unheeded = judge(scene.recording, network, windowing, settings)
    alarm = now.alarm & scene.rows
    says: list[str | None] = []
    if alarm.any():
        says = [now.notable[int(np.flatnonzero(alarm)[0])].why, heeded.refused.get(scene.event)]
    return Outcome(
        scene.event,
        bool(alarm.any()),
        bool((unheeded.alarm & scene.rows).any()),
        round(heeded.heights[scene.event], 3),
        "; ".join(each for each in says if each),
    )


def _untried(event: LabelledEvent) -> Outcome:
    return Outcome(event, says=_NO_SENSOR if event.kind == "sensor_fault" else _NO_READINGS)
