"""Which model is at work and which was before: kept on disk, and told to the world."""

import logging
from dataclasses import dataclass

from edge.errors import PicanaryError
from edge.judge import Outcome
from edge.swap.loaded import Loaded
from edge.swap.probation import TRIAL_BUDGETS, TRIAL_READINGS
from edge.swap.store import ModelStore
from edge.swap.story import Origin, Story

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trial:
    """How long a new model is watched, and how much it may flag."""

    readings: int = TRIAL_READINGS
    budgets: float = TRIAL_BUDGETS


class Succession:
    """What the judge's models are to the store and to the story. Used by one thread."""

    def __init__(self, at_work: Loaded | None, store: ModelStore, story: Story, trial: Trial) -> None:
        self.at_work = at_work
        self.trying = False  # whether the one at work is on trial
        self._before: Loaded | None = None  # while it is
        self._store = store
        self._story = story
        self._trial = trial

    def refuse(self, error: PicanaryError, source: Origin, latest: str | None = None) -> None:
        """A model that was offered is not taken."""
        LOG.error("%s; the model at work stays", error)
        self._story.goes_on(state="refused", why=str(error), source=source, latest=latest)

    def follow(self, loaded: Loaded, since: int | None = None) -> None:
        """This one comes next; on trial, if there is one to go back to. `since`: as for the store.

        It is on disk first: whenever the power goes, there is a whole model to start with.
        """
        watched = self.at_work is not None
        bundle = loaded.bundle
        self._store.install(loaded.content, bundle.name, bundle.version, trial=watched, since=since)
        self._before = self._before if self.trying else self.at_work
        self.at_work, self.trying = loaded, watched

    def withdraw(self, before: Loaded | None, label: str, why: str) -> None:
        """Somebody has taken the newest back: `before` comes next, on no trial. On disk first, as ever."""
        self._store.withdraw((before.bundle.name, before.bundle.version) if before else None)
        self.at_work, self.trying, self._before = before, False, None
        LOG.warning("%s is withdrawn: %s", label, why)
        installed = before.bundle.label if before else None
        self._story.goes_on(state="rolled_back", installed=installed, latest=label, why=why)

    def conclude(self, outcome: Outcome) -> None:
        """What the judge says of the model at work; of one that is gone by now it does not count."""
        loaded = self.at_work
        if loaded is None or not (outcome.label or "").startswith(loaded.bundle.label):
            return
        if outcome.kind == "taken":
            self._taken(loaded, outcome.label)
        elif outcome.kind == "passed":
            self._passed(loaded)
        else:
            self._rolled_back(outcome)

    def _taken(self, loaded: Loaded, label: str | None) -> None:
        LOG.info("%s judges now%s", label, ", on trial" if self.trying else "")
        name = loaded.bundle.label
        if self.trying or self._story.chapter.installed != name:  # not the same one, only warm
            self._story.goes_on(state="trial" if self.trying else "idle", installed=name, latest=name)

    def _passed(self, loaded: Loaded) -> None:
        self._store.accept(loaded.bundle.name, loaded.bundle.version)
        self.trying, self._before = False, None
        why = f"it has passed its trial of {self._trial.readings} readings"
        LOG.info("%s: %s", loaded.bundle.label, why)
        self._story.goes_on(state="idle", why=why)

    def _rolled_back(self, outcome: Outcome) -> None:
        self._store.roll_back()
        self.at_work, self.trying, self._before = self._before, False, None
        LOG.error("%s is rolled back: %s", outcome.label, outcome.why)
        installed = self.at_work.bundle.label if self.at_work else None
        self._story.goes_on(state="rolled_back", installed=installed, why=outcome.why)

    def tell_progress(self, readings_left: int | None) -> None:
        """How far the trial has come."""
        if readings_left is not None and self.trying:
            done = 100 * (self._trial.readings - readings_left) // self._trial.readings
            self._story.goes_on(state="trial", progress=done)
