"""Labelled alarms with the readings around them: what a new detector is tried on, one alarm at a time."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.detection.scorer import Answers
from edge.detection.window import Inputs
from edge.recording import Labels as Rows
from edge.recording import Recording
from trainer.labels import WANTED, LabelledEvent, taken

if TYPE_CHECKING:
    from trainer.store_history import StoreHistory  # which needs msgspec; a run is read without

# So much lies before each alarm that the windows are as full as they were: they reach back 42 hours.
CONTEXT_MS = 2 * 86_400_000
# A new detector may be somewhat sooner or later than the old one.
SLACK_MS = 30 * 60_000
EVENTS_MOST = 200  # the newest are tried: each takes a moment


@dataclass(frozen=True, slots=True)
class Scene:
    """One labelled alarm as a device would live through it."""

    event: LabelledEvent
    recording: Recording  # of n readings, from days before
    rows: Rows  # (n,) those that the alarm is about


@dataclass(frozen=True, slots=True)
class Feedback:
    """Labelled alarms, and the readings around them."""

    recording: Recording
    events: tuple[LabelledEvent, ...]

    def scenes(self) -> Iterator[Scene]:
        """Those that can be lived through again.

        A broken sensor left no readings to do so, and of old alarms none may be kept.
        """
        for event in self.events:
            if event.kind == "sensor_fault" or event.span is None:
                continue
            rows = _about(self.recording, event)
            part = taken(self.recording, rows)
            about = event.rows(part, SLACK_MS)
            for other in self.events:
                if (other.verdict in WANTED) != (event.verdict in WANTED):
                    about &= ~other.rows(part)
            if about.any():
                yield Scene(event, part, about)


def feedback_of(history: "StoreHistory") -> Feedback | None:
    """What there is to be tried; None where nobody said anything."""
    if not history.events:
        return None
    events = tuple(sorted(history.events, key=lambda each: each.onset_ms)[-EVENTS_MOST:])
    around = np.zeros(len(history.recording), bool)
    for event in events:
        around |= _about(history.recording, event)
    return Feedback(taken(history.recording, around), events)


def _about(recording: Recording, event: LabelledEvent) -> Rows:
    if event.span is None:
        return np.zeros(len(recording), bool)
    first, last = event.span
    return (recording.ts_ms >= first - CONTEXT_MS) & (recording.ts_ms <= last + SLACK_MS)


class Remembering:
    """A network that is asked the same again and again, and thinks once."""

    def __init__(self, network: Answers) -> None:
        self._network = network
        self._answers: dict[bytes, Inputs] = {}

    def answer(self, inputs: Inputs) -> Inputs:
        """Answers (n, outputs) to inputs (n, width)."""
        key = hashlib.sha256(np.ascontiguousarray(inputs).tobytes()).digest()
        if key not in self._answers:
            self._answers[key] = self._network.answer(inputs)
        return self._answers[key]
