"""When a model that settles learns the room anew: as its history grows, in a child process."""

import logging
from collections.abc import Callable
from dataclasses import replace

from edge.bundle.bundle import Bundle
from edge.errors import ConfigError, PicanaryError
from edge.journal import Journal
from edge.settling import FILE, POINTS_DAYS, Order, next_point, settle_apart, settled_from
from edge.swap.loaded import Loaded
from edge.swap.opening import Opening

LOG = logging.getLogger(__name__)
DAY_S = 86_400.0
# A history that teaches nothing (all of it gaps, say) is asked again when it has grown so much.
AGAIN = 1.25
# A newer lesson replaces an older one of at most so much longer a history.
MUCH = 0.9


class Lessons:
    """Counts the days, and learns when it is time."""

    def __init__(self, opening: Opening, journal: Journal, order: Order) -> None:
        """`order` says where the history is; its budget and days are set for each lesson."""
        self._opening = opening
        self._journal = journal
        self._order = order
        self._model: str | None = None
        self._next_days = 0.0
        self._asked = False
        self.anew = False  # whether the last lesson was asked for: the room before it is void

    @property
    def days(self) -> float:
        """How long the history is."""
        return max(0, self._journal.last_seq - self._order.since) * self._order.period_s / DAY_S

    def again(self) -> None:
        """The next look is a lesson. Raises ConfigError where the history is too short for one."""
        if self.days < POINTS_DAYS[0]:
            least, has = POINTS_DAYS[0] * 24, self.days * 24
            raise ConfigError(f"a room is learnt from {least:g} hours of readings, and there are {has:.2g}")
        self._next_days, self._asked = 0.0, True

    def learn(self, loaded: Loaded, commit: Callable[[], bool]) -> bool:
        """Whether it was time, and the room was learnt anew."""
        bundle = loaded.bundle
        if not bundle.settles:
            return False
        if self._model != bundle.sha256:
            learnt = self._opening.learnt(bundle)
            self._model = bundle.sha256
            if not self._asked:  # it may have been asked for before the first look
                self._next_days = next_point(learnt.at_days if learnt else 0.0)
        days = self.days
        if days < self._next_days or not commit():
            return False
        order = replace(self._order, days=days, false_alarms_per_week=self._opening.budget(bundle))
        try:
            content = settle_apart(loaded.content, order)
        except PicanaryError as error:
            LOG.warning("the room is not learnt yet: %s", error)
            self._next_days = days * AGAIN
            return False
        self._next_days = next_point(days)
        return self._take(bundle, content)

    def _take(self, bundle: Bundle, content: bytes) -> bool:
        """Whether it says more than what was learnt before: a full journal lets old readings go."""
        learnt, before = settled_from(content, bundle), self._opening.learnt(bundle)
        if learnt is None:
            return False
        if before is not None and learnt.days < MUCH * before.days and not self._asked:
            LOG.info("the journal has %.3g days, and the room was learnt from %.3g", learnt.days, before.days)
            return False
        self.anew, self._asked = self._asked, False
        if self.anew and self._opening.memories is not None:
            self._opening.memories.forget()  # first, or a power cut here brings the other room's weeks back
        self._opening.store.write(FILE, content)
        LOG.info("%s has learnt the room from %.3g days", bundle.label, learnt.days)
        return True
