"""A person knows about it and wants quiet: events go on, marked so that nobody is called."""

import time
from collections.abc import Callable


class Snooze:
    """For so many minutes events are nothing to call anybody for. They are kept and sent all the same."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0

    def begin(self, minutes: float) -> None:
        """From now on; 0 ends it."""
        self._until = self._clock() + 60.0 * minutes

    @property
    def left_s(self) -> int:
        """Whole seconds that it still lasts; 0 when awake."""
        return max(0, round(self._until - self._clock()))
