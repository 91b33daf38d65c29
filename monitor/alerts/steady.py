"""The desk's clock: wall time when it starts, and from then on the monotonic clock alone."""

import time


class SteadyClock:
    """Seconds that never go back, not even over a restart, whatever happens to the wall's clock."""

    def __init__(self, not_before: float = 0.0) -> None:
        """`not_before` is the latest time that was kept of the run before."""
        self._ahead = max(time.time(), not_before) - time.monotonic()

    def __call__(self) -> float:
        """Now."""
        return time.monotonic() + self._ahead
