"""How long to wait before the next try: exponential, with jitter, lest a fleet come back at once."""

import random
from collections.abc import Callable

SHORTEST_S = 1.0
LONGEST_S = 60.0
STEADY_S = 10.0  # a connection that broke sooner did not show that the broker is well again


class Backoff:
    """Counts failures in a row; a connection that lasted starts the count anew."""

    def __init__(self, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._uniform = uniform
        self._failures = 0

    def next_s(self, lasted_s: float) -> float:
        """Seconds to wait, 1 to 60, after a try whose connection lasted that long (0: none came about)."""
        self._failures = 1 if lasted_s > STEADY_S else self._failures + 1
        ceiling = min(LONGEST_S, SHORTEST_S * 2.0 ** min(self._failures, 16))
        return self._uniform(SHORTEST_S, ceiling)
