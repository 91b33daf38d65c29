"""Who judges the readings now; another model takes over between two readings, at first on probation."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from edge.detection.levels import Near
from edge.detection.memory import Memory
from edge.detection.verdict import Verdict
from edge.event import Change
from edge.reading import Channel, Reading
from edge.swap.probation import Probation

LOG = logging.getLogger(__name__)


class Watcher(Protocol):
    """A Detector, or an Onlooker where there is no model."""

    @property
    def faults(self) -> int:
        """How many times the model's answer was no number."""

    def see(self, reading: Reading) -> tuple[Reading, Verdict]:
        """The reading with its quality, and what it means."""

    def close(self) -> tuple[Change, ...]:
        """The end of watching ends what is open."""

    @property
    def memory(self) -> Memory | None:
        """What it has come to know, to be kept for another time; None when it judges nothing."""

    def restore(self, memory: Memory) -> None:
        """Know that again."""

    @property
    def level(self) -> float | None:
        """What all calibrated alarm levels are multiplied by; None where there are none."""

    def turn(self, level: float) -> None:
        """The same from now on."""

    def take_nearest(self) -> Near | None:
        """The closest that a signal came to its level since this was last asked."""


@dataclass(frozen=True, slots=True)
class Model:
    """A watcher, with what records say of it."""

    label: str | None
    channels: tuple[Channel, ...]  # that it judges
    watcher: Watcher


@dataclass(frozen=True, slots=True)
class Judged:
    """A reading, what it means, and the model that said so."""

    reading: Reading
    verdict: Verdict
    model: str | None
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a model that was offered."""

    kind: Literal["taken", "passed", "rolled_back"]
    label: str | None
    why: str = ""


class Newcomer:
    """A model that is shown the past while readings go on, so that it takes over warm."""

    def __init__(self, model: Model, probation: Probation | None = None) -> None:
        self.model = model
        self.probation = probation
        self.missed: deque[Reading] = deque()  # since it began to look at the past
        self.ready = False

    def catch_up(self) -> None:
        """Show it what it has missed so far."""
        while self.missed:
            self.model.watcher.see(self.missed.popleft())


class Judge:
    """One model judges each reading. Safe to be offered another from any thread.

    `on_outcome` is called in the sampler's thread, and must not block.
    """

    def __init__(self, model: Model, on_outcome: Callable[[Outcome], None] = lambda _: None) -> None:
        self._model = model
        self._on_outcome = on_outcome
        self._lock = threading.Lock()
        self._newcomer: Newcomer | None = None
        self._predecessor: Model | None = None  # judges on in silence while its successor is on probation
        self._probation: Probation | None = None
        self._faults = 0

    @property
    def model(self) -> Model:
        """The one at work."""
        return self._model

    @property
    def faults(self) -> int:
        """How many readings a model could not judge."""
        return self._faults + self._model.watcher.faults

    def memory(self, label: str) -> Memory | None:
        """What the model at work has come to know, if its name begins so. Safe from any thread."""
        with self._lock:
            return self._model.watcher.memory if (self._model.label or "").startswith(label) else None

    @property
    def level(self) -> float | None:
        """What the alarm levels of the model at work are multiplied by; None where it has none."""
        return self._model.watcher.level

    def turn(self, level: float) -> None:
        """The same from the next reading on, of every model that may judge it. Safe from any thread."""
        with self._lock:
            newcomer = self._newcomer.model if self._newcomer is not None else None
            for model in (self._model, self._predecessor, newcomer):
                if model is not None:
                    model.watcher.turn(level)

    def take_nearest(self) -> Near | None:
        """The closest that a signal came to its alarm level since this was last asked."""
        with self._lock:
            return self._model.watcher.take_nearest()

    @property
    def readings_left(self) -> int | None:
        """Of the probation of the model at work; None when it is on none."""
        return self._probation.left if self._probation is not None else None

    @property
    def expecting(self) -> bool:
        """Whether a model is on its way that has not taken over yet."""
        return self._newcomer is not None

    def expect(self, newcomer: Newcomer) -> None:
        """From now on note for it the readings that it misses; replaces one that is still on its way."""
        with self._lock:
            self._newcomer = newcomer

    def offer(self, newcomer: Newcomer) -> None:
        """It takes over after the next reading."""
        with self._lock:
            newcomer.ready = True

    def withdraw(self, newcomer: Newcomer) -> None:
        """It is not wanted any more."""
        with self._lock:
            if self._newcomer is newcomer:
                self._newcomer = None

    def see(self, reading: Reading) -> Judged:
        """The reading as the model at work judges it; whatever the model does, there is a verdict."""
        with self._lock:
            model = self._model
            seen, verdict = self._ask(model, reading)
            if self._newcomer is not None:
                self._newcomer.missed.append(reading)
            # what a change of models ends, the model that began it has said
            ended = self._watch(reading, verdict) + self._take_over()
        if ended:
            verdict = replace(verdict, changes=verdict.changes + ended)
        return Judged(seen, verdict, model.label, model.channels)

    def close(self) -> tuple[Change, ...]:
        """The end of watching ends what is open."""
        with self._lock:
            return self._model.watcher.close()

    def _ask(self, model: Model, reading: Reading) -> tuple[Reading, Verdict]:
        try:
            return model.watcher.see(reading)
        except Exception as error:  # a model from elsewhere: a reading must not be lost by it
            self._faults += 1
            LOG.exception("the model %s failed", model.label)
            return reading, Verdict("no_model", why=f"the model failed: {type(error).__name__}")

    def _watch(self, reading: Reading, verdict: Verdict) -> tuple[Change, ...]:
        """Probation: the predecessor judges the same reading, and takes over again if need be."""
        before, probation = self._predecessor, self._probation
        if before is None or probation is None:
            return ()
        probation.see(verdict, self._ask(before, reading)[1])
        model = self._model
        if probation.failure is not None:
            self._model, self._predecessor, self._probation = before, None, None
            before.watcher.close()  # what it would have said in silence begins anew, aloud
            self._on_outcome(Outcome("rolled_back", model.label, probation.failure))
            return model.watcher.close()
        if probation.left <= 0:
            self._predecessor = self._probation = None
            self._on_outcome(Outcome("passed", model.label))
        return ()

    def _take_over(self) -> tuple[Change, ...]:
        newcomer = self._newcomer
        if newcomer is None or not newcomer.ready:
            return ()
        self._newcomer = None
        try:
            newcomer.catch_up()
            newcomer.model.watcher.close()  # of what is open only the model at work has spoken
        except Exception as error:
            self._faults += 1
            LOG.exception("the model %s failed", newcomer.model.label)
            why = f"it failed on this device's own readings: {type(error).__name__}"
            self._on_outcome(Outcome("rolled_back", newcomer.model.label, why))
            return ()
        # one that comes while another is on probation is measured by the same predecessor
        before = self._predecessor or self._model
        ended = self._model.watcher.close()
        self._model, self._probation = newcomer.model, newcomer.probation
        self._predecessor = before if newcomer.probation is not None else None
        self._on_outcome(Outcome("taken", newcomer.model.label))
        return ended
