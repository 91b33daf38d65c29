"""A value that always moves and then stands: a sensor that is stuck, found before the room can be blamed.

Only for channels that say after how long they can (`Channel.stands_min`): a barometer's last digit
never rests, while the temperature of a quiet night holds for hours, and takes a signal that knows the
hour (`edge/detection/stillness.py`).
"""

import math
from collections.abc import Mapping

from edge.reading import Channel

# Moves that must have been seen before standing still means anything, and the readings that habit is of.
FEWEST_MOVES, REMEMBERED = 200, 1000
# The share of readings that moved. A coarse sensor that wavers between two steps moves with half of them, and
# stands for an hour when the air has left the border.
LIVELY = 0.6
SURPRISE_NATS = 20.0  # of standing so long by chance: one run in 500 million


class _Habit:
    """How often one value moves, and since when it stands."""

    def __init__(self, stands_min: float) -> None:
        self._stands_min = stands_min
        self._value: float | None = None
        self._stood = 0  # readings like the one before
        self._moves = self._readings = 0.0
        self._since_ms = 0
        self.is_stuck = False

    def see(self, value: float, mono_ms: int, speed: float) -> float:
        """One reading; for how many minutes the value stands."""
        if value != self._value:
            self._moved(value, mono_ms)
            return 0.0
        self._stood += 1
        minutes = (mono_ms - self._since_ms) / 60_000.0 * speed
        self.is_stuck = minutes >= self._stands_min and self._surprise() >= SURPRISE_NATS
        return minutes

    def _moved(self, value: float, mono_ms: int) -> None:
        if self._value is not None and not self.is_stuck:  # what a stuck sensor says is no habit
            self._moves += 1
            self._readings += 1 + self._stood
        if self._readings > REMEMBERED:
            self._moves, self._readings = self._moves / 2, self._readings / 2
        self._value, self._since_ms, self._stood, self.is_stuck = value, mono_ms, 0, False

    def _surprise(self) -> float:
        """Nats of standing so long, for a value that has moved with most readings; else 0."""
        if self._moves < max(FEWEST_MOVES, LIVELY * self._readings):
            return 0.0
        return -math.log1p(-self._moves / (self._readings + 1.0)) * self._stood


class Still:
    """Watches the channels that never rest."""

    def __init__(self, channels: tuple[Channel, ...], speed: float = 1.0) -> None:
        """`speed` is how much faster than the readings' monotonic time the room lives."""
        self._habits = {c: _Habit(c.stands_min) for c in channels if math.isfinite(c.stands_min)}
        self._speed = speed

    def complain(self, values: Mapping[str, float | None], mono_ms: int) -> str | None:
        """What is to say of a reading; None when nothing stands, or no value came."""
        said = None
        for channel, habit in self._habits.items():
            value = values.get(channel.name)
            if value is None:
                continue
            minutes = habit.see(value, mono_ms, self._speed)
            if habit.is_stuck:
                said = said or (
                    f"{channel.name} has stood at {value:g} {channel.unit} for {minutes:.0f} minutes, "
                    "though it always moves: the sensor is stuck"
                )
        return said
