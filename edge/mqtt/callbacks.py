"""The caller's functions, called so that an exception in one cannot end the network thread.

paho's thread dies of an exception in a callback while still claiming to be connected.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

LOG = logging.getLogger(__name__)


class Callbacks:
    """Functions by name. What they raise is logged with its traceback and counted in `faults`."""

    def __init__(self, **functions: Callable[..., None] | None) -> None:
        self._functions = functions
        self.faults: Counter[str] = Counter()

    def has(self, name: str) -> bool:
        """Whether there is that function."""
        return self._functions[name] is not None

    def call(self, name: str, *arguments: Any) -> None:
        """Call that function, if there is one. Raises nothing."""
        function = self._functions[name]
        if function is None:
            return
        try:
            function(*arguments)
        except Exception as error:
            self.fault(name, error)

    def fault(self, where: str, error: Exception) -> None:
        """Count and log what went wrong, in a callback or around it."""
        self.faults[where] += 1
        LOG.error("mqtt %s: %s", where, error, exc_info=error)
