"""Retained messages that each new broker has to be told: which are due, and in which order."""

import time
from collections import deque
from collections.abc import Callable

MOST_EARLIER = 32  # then the oldest go: a line that stands still must not fill the memory


class Announcements:
    """The newest payload of each topic, and when it is to be published. Not safe to share by itself.

    Of a story each chapter is told, not only where it stands: a broker that is there gets them in order.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._payloads: dict[str, bytes] = {}
        self._due: dict[str, float] = {}
        self._earlier: dict[str, deque[bytes]] = {}  # chapters before the newest, not told yet
        self._last: str | None = None

    def put(self, name: str, payload: bytes, *, last: bool = False, chapter: bool = False) -> None:
        """Something new to tell: a `chapter` after the one before, `last` behind all others of a birth."""
        if chapter and name in self._due:
            self._earlier.setdefault(name, deque(maxlen=MOST_EARLIER)).append(self._payloads[name])
        self._payloads[name] = payload
        self._due[name] = self._clock()
        if last:
            self._last = name

    def repeat(self, name: str, delay_s: float) -> None:
        """Tell it again, after a while."""
        if name in self._payloads:
            self._due[name] = self._clock() + delay_s

    def repeat_all(self) -> None:
        """Here is a broker that may know none of it."""
        self._due = dict.fromkeys(self._payloads, self._clock())
        self._earlier.clear()  # what was before it came is past

    def due(self) -> tuple[str, bytes] | None:
        """The topic and payload to publish now, if there is one."""
        now = self._clock()
        ready = [name for name, at in self._due.items() if at <= now]
        if not ready:
            return None
        name = next((each for each in ready if each != self._last), ready[0])
        earlier = self._earlier.get(name)
        return name, earlier[0] if earlier else self._payloads[name]

    def done(self, name: str) -> None:
        """It has been handed over."""
        if earlier := self._earlier.get(name):
            earlier.popleft()
        else:
            self._due.pop(name, None)
