"""So many at once, so many a second in the long run: a token bucket."""

import time
from collections.abc import Callable


class Allowance:
    """Not for several threads."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._left, self._at = burst, clock()

    @property
    def left(self) -> float:
        """How many are allowed now; below zero when more than one was taken too early."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        return self._left

    def wait_s(self, count: int) -> float:
        """Seconds until so many are allowed."""
        return max(0.0, (count - self.left) / self._per_s)

    def take(self) -> bool:
        """Whether one more is allowed now; if so it is taken."""
        if self.left < 1.0:
            return False
        self._left -= 1.0
        return True

    def spend(self, count: int) -> None:
        """Take so many, and wait the longer for the next."""
        self._left = self.left - count
