"""Retained messages that each new broker has to be told: which are due, and in which order."""

import time
from collections.abc import Callable


class Announcements:
    """The newest payload of each topic, and when it is to be published. Not safe to share by itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._payloads: dict[str, bytes] = {}
        self._due: dict[str, float] = {}
        self._last: str | None = None

    def put(self, name: str, payload: bytes, *, delay_s: float = 0.0, last: bool = False) -> None:
        """Something new to tell; `last` keeps it behind all others of a birth."""
        self._payloads[name] = payload
        self._due[name] = self._clock() + delay_s
        if last:
            self._last = name

    def repeat(self, name: str, delay_s: float) -> None:
        """Tell it again, after a while."""
        if name in self._payloads:
            self._due[name] = self._clock() + delay_s

    def repeat_all(self) -> None:
        """Here is a broker that may know none of it."""
        self._due = dict.fromkeys(self._payloads, self._clock())

    def due(self) -> tuple[str, bytes] | None:
        """The topic and payload to publish now, if there is one."""
        now = self._clock()
        ready = [name for name, at in self._due.items() if at <= now]
        if not ready:
            return None
        name = next((each for each in ready if each != self._last), ready[0])
        return name, self._payloads[name]

    def done(self, name: str) -> None:
        """It has been handed over."""
        self._due.pop(name, None)
