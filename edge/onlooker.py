"""Watches the sensor and judges nothing: for a device without a model, or one new to its room."""

from edge.detection.levels import Near
from edge.detection.memory import Memory
from edge.detection.verdict import State, Verdict
from edge.event import Change, Event, EventTracker
from edge.gate import Gate
from edge.reading import Channel, Reading


class Onlooker:
    """Readings to verdicts without a score; a broken sensor is said all the same."""

    faults = 0  # it has no model that could err

    def __init__(self, channels: tuple[Channel, ...], state: State, why: str, speed: float = 1.0) -> None:
        """`state` and `why` are what is said of good readings; a simulated room lives at `speed`."""
        self._gate = Gate(channels, speed=speed)
        self._tracker = EventTracker(1)
        self._state, self._why = state, why

    def see(self, reading: Reading) -> tuple[Reading, Verdict]:
        """The reading with its quality, and what is to say of the sensor."""
        reading = self._gate.check(reading)
        reason = self._gate.reason
        if reason is None:
            return reading, Verdict(self._state, why=self._why, changes=self._tracker.calm())
        if not self._gate.sensor_fault:
            return reading, Verdict(self._state, why=reason)
        event = Event("sensor_fault", reading.ts_ms, None, reason)
        return reading, Verdict("sensor_fault", why=reason, changes=self._tracker.strange(event))

    memory = None  # it judges nothing, and so learns nothing
    level = None  # nor has it a level

    def turn(self, level: float) -> None:
        """There is nothing to turn."""

    def take_nearest(self) -> Near | None:
        """There are no levels to come near to."""
        return None

    def restore(self, memory: Memory) -> None:
        """Nothing to be reminded of."""

    def close(self) -> tuple[Change, ...]:
        """The end of watching ends an open event."""
        return self._tracker.close()
