"""How long to wait before the next try: exponential, with jitter, lest a fleet come back at once."""

import random
from collections.abc import Callable

from edge.mqtt.trouble import Cure

SHORTEST_S = 1.0
LONGEST_S = 60.0
STEADY_S = 10.0  # a connection that broke sooner did not show that the broker is well again
# A broker that has said no to our name or password says so again until somebody changes that.
REFUSED_S = 60.0
# Two clients with one id would turn each other out for ever: each waits longer every time.
NAMESAKE_S = 60.0
LONGEST_NAMESAKE_S = 1800.0
JITTER = 1.5


class Backoff:
    """Counts failures in a row; a connection that lasted starts the count anew."""

    def __init__(
        self, spread_s: float = 0.0, uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        """Clients that lose one broker at one moment come back spread over `spread_s`."""
        self._spread_s = spread_s
        self._uniform = uniform
        self._failures = 0
        self._namesakes = 0
        self._waited_s = 0.0

    def next_s(self, lasted_s: float, cure: Cure = Cure.TIME) -> float:
        """Seconds to wait after a try whose connection lasted that long (0: none came about).

        1 to 60 as a rule; 60 to 90 where a person must act, and up to 45 minutes beside a namesake.
        """
        steady = lasted_s > max(STEADY_S, 2.0 * self._waited_s)
        self._waited_s = self._wait_s(steady, lasted_s, cure)
        return self._waited_s

    def _wait_s(self, steady: bool, lasted_s: float, cure: Cure) -> float:
        self._failures = 1 if steady else self._failures + 1
        if cure is Cure.NAMESAKE:
            self._namesakes = 1 if steady else self._namesakes + 1
            least = min(LONGEST_NAMESAKE_S, NAMESAKE_S * 2.0 ** min(self._namesakes - 1, 16))
            return self._uniform(least, JITTER * least)
        if cure is Cure.PERSON:
            return self._uniform(REFUSED_S, JITTER * REFUSED_S)
        ceiling = min(LONGEST_S, SHORTEST_S * 2.0 ** min(self._failures, 16))
        if lasted_s > 0.0:
            ceiling = max(ceiling, self._spread_s)
        return self._uniform(SHORTEST_S, ceiling)
