"""Something that is not as it should be, from onset to end: mostly an anomaly or a sensor fault."""

from dataclasses import dataclass, replace
from typing import Literal

# namesake: another agent bears this device's id, and the broker turns one out for the other
Kind = Literal["anomalous", "sensor_fault", "advisory", "namesake"]
Phase = Literal["start", "update", "end"]

# An open event is announced again when it has become this many times worse.
WORSE = 2.0


@dataclass(frozen=True, slots=True)
class Event:
    """What is known of an event so far. Tuples have one number a channel, physical units.

    `observed`, `expected`, `spread` and `share` (each channel's part in what the signal saw) are those
    of the worst reading; only an anomaly has them. `end_ms` is the last strange reading, None while the
    event is open.
    """

    kind: Kind
    onset_ms: int
    score: float | None
    why: str
    channel: str | None = None
    signal: str | None = None
    observed: tuple[float, ...] | None = None
    expected: tuple[float, ...] | None = None
    spread: tuple[float, ...] | None = None
    share: tuple[float, ...] | None = None
    end_ms: int | None = None
    ratio: float | None = None  # of an anomaly: the strongest signal over its alarm level, at its highest


@dataclass(frozen=True, slots=True)
class Change:
    """What a reading did to an event."""

    phase: Phase
    event: Event


class EventTracker:
    """Opens, worsens and closes events, one at a time.

    An event closes after `calm_samples` readings in a row that are not strange, so that one
    that flickers is one event.
    """

    def __init__(self, calm_samples: int) -> None:
        self._calm_samples = calm_samples
        self._event: Event | None = None
        self._last_strange_ms = 0
        self._announced = 0.0
        self._calm = 0

    @property
    def open(self) -> Event | None:
        """The event that has begun and not ended."""
        return self._event

    def strange(self, seen: Event) -> tuple[Change, ...]:
        """A strange reading, described as if it were an event of its own."""
        changes: tuple[Change, ...] = ()
        if self._event is not None and self._event.kind != seen.kind:
            changes = self.close()
        self._last_strange_ms, self._calm = seen.onset_ms, 0
        if self._event is None:
            self._event, self._announced = seen, seen.score or 0.0
            return (*changes, Change("start", seen))
        highest = max(seen.ratio or 0.0, self._event.ratio or 0.0) or None
        if (seen.score or 0.0) <= (self._event.score or 0.0):
            if highest != self._event.ratio:  # the worst score need not be that of the strongest signal
                self._event = replace(self._event, ratio=highest)
            return changes
        self._event = replace(seen, onset_ms=self._event.onset_ms, ratio=highest)
        if (seen.score or 0.0) < WORSE * self._announced:
            return changes
        self._announced = seen.score or 0.0
        return (*changes, Change("update", self._event))

    def calm(self) -> tuple[Change, ...]:
        """A reading that is not strange."""
        self._calm += 1
        return self.close() if self._calm >= self._calm_samples else ()

    def close(self) -> tuple[Change, ...]:
        """End the open event, if there is one."""
        if self._event is None:
            return ()
        ended, self._event = replace(self._event, end_ms=self._last_strange_ms), None
        return (Change("end", ended),)
