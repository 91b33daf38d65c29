"""A model is shown the journal's past before it judges, so that it takes over warm."""

import logging
from collections.abc import Callable

from edge.bundle.bundle import Bundle
from edge.errors import BundleError, JournalError, PicanaryError
from edge.judge import Model, Newcomer
from edge.swap.desk import Desk
from edge.swap.probation import Probation

LOG = logging.getLogger(__name__)


class Rehearsal:
    """On the desk of the models' thread."""

    def __init__(self, desk: Desk, remind: Callable[[Bundle, Model], None]) -> None:
        """`remind` tells a model what a person has asked of it."""
        self._desk, self._remind = desk, remind

    def of(self, bundle: Bundle, probation: Probation | None = None) -> Newcomer:
        """The model with the journal behind it. Raises PicanaryError."""
        newcomer = Newcomer(self._desk.opening.model(bundle), probation)
        self._desk.judge.expect(newcomer)
        try:
            past = self._desk.recall() if self.commit() else []
            for reading in past:
                newcomer.model.watcher.see(reading)
            newcomer.catch_up()
            self._desk.opening.remind(bundle, newcomer.model)  # it knows more than the journal can tell
            self._remind(bundle, newcomer.model)
        except PicanaryError:
            self._desk.judge.withdraw(newcomer)
            raise
        except Exception as error:
            self._desk.judge.withdraw(newcomer)
            raise BundleError(
                f"{bundle.label} fails on this device's own readings: {type(error).__name__}: {error}"
            ) from error
        return newcomer

    def commit(self) -> bool:
        """Whether all of the past is where it can be looked at."""
        try:
            self._desk.journal.commit()
        except JournalError as error:
            LOG.warning("%s; the past cannot be looked at", error)
            return False
        return True
