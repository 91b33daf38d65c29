"""The alarm levels in force: as calibrated, times what a person has asked for; how near signals came."""

from collections.abc import Mapping
from typing import NamedTuple

# What a person may ask for. Below, a room is never calm; above, a fire would be no alarm.
LEAST_LEVEL, MOST_LEVEL = 0.25, 10.0


class Near(NamedTuple):
    """The closest that a signal came to its level: `ratio` is 1 where the alarm begins."""

    signal: str
    ratio: float


class Levels:
    """One factor on all levels; 1 at the start."""

    def __init__(self, calibrated: Mapping[str, float]) -> None:
        self._calibrated = dict(calibrated)
        self._nearest: Near | None = None
        self.level = 1.0
        self.in_force = self._calibrated

    def turn(self, level: float) -> None:
        """What all calibrated levels are multiplied by from now on. Raises ValueError out of range."""
        if not LEAST_LEVEL <= level <= MOST_LEVEL:
            raise ValueError(f"a level of {level:g} is not from {LEAST_LEVEL:g} to {MOST_LEVEL:g}")
        self.level = level
        # another table, so that a reading that is being judged sees all of the old or all of the new
        self.in_force = {name: value * level for name, value in self._calibrated.items()}

    def note(self, signal: str, ratio: float) -> None:
        """The strongest signal of a reading."""
        if self._nearest is None or ratio > self._nearest.ratio:
            self._nearest = Near(signal, ratio)

    def take_nearest(self) -> Near | None:
        """The closest since this was last asked; None without a reading that was judged."""
        nearest, self._nearest = self._nearest, None
        return nearest
