"""Events that no reading tells of: whoever sees one says so here, the agent numbers and keeps it."""

import threading
import time
from dataclasses import replace

from edge.event import Change, Event, Kind


class Notices:
    """From any thread; at most one event of a kind is open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Kind, Event] = {}
        self._changes: list[Change] = []

    def begin(self, kind: Kind, why: str) -> None:
        """It is so from now on; what is open goes on."""
        with self._lock:
            if kind not in self._open:
                self._open[kind] = Event(kind, _now_ms(), None, why)
                self._changes.append(Change("start", self._open[kind]))

    def end(self, kind: Kind) -> None:
        """It is so no longer."""
        with self._lock:
            event = self._open.pop(kind, None)
            if event is not None:
                self._changes.append(Change("end", replace(event, end_ms=_now_ms())))

    def changes(self) -> tuple[Change, ...]:
        """What is new since the last time."""
        with self._lock:
            made, self._changes = tuple(self._changes), []
            return made

    def close(self) -> tuple[Change, ...]:
        """What is new, and the end of all that is open: nobody watches any more."""
        for kind in tuple(self._open):
            self.end(kind)
        return self.changes()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
