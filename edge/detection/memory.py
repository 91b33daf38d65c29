"""What a detector comes to know while it judges, beyond what a journal's last days can tell it again.

The window and the signals fill from the newest readings. Levels that were raised because they cried too
often fall back over months, and the advice compares with four weeks: those are kept.
"""

import math
from dataclasses import dataclass
from typing import Any

from edge.detection.levels import LEAST_LEVEL, MOST_LEVEL

MOST_SEEN_HOURS = 10_000_000  # a thousand years
MOST_HOURS, MOST_CHANNELS, MOST_SIGNALS = 28 * 24, 8, 64


@dataclass(frozen=True, slots=True)
class Memory:
    """Levels and hours of one model on one device; C channels."""

    raised: dict[str, float]  # by signal: the logarithm of what its level is multiplied by
    hours: tuple[tuple[float, ...], ...]  # of the last weeks, oldest first: means (C,), physical units
    seen_hours: int  # that were ever seen
    level: float = 1.0  # that a person has asked for: what all levels are multiplied by

    def to_json(self) -> dict[str, Any]:
        """As it stands on disk."""
        hours = [[float(f"{x:.6g}") for x in row] for row in self.hours]
        raised = {name: round(x, 9) for name, x in self.raised.items()}
        return {"raised": raised, "hours": hours, "seen_hours": self.seen_hours, "level": self.level}

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "Memory":
        """From disk. Raises KeyError, TypeError, AttributeError, ValueError or OverflowError."""
        raised = {str(name): float(x) for name, x in table["raised"].items()}
        hours = tuple(tuple(float(x) for x in row) for row in table["hours"])
        if len(hours) > MOST_HOURS or len(raised) > MOST_SIGNALS or len({len(row) for row in hours}) > 1:
            raise ValueError("too many hours or signals, or hours of different channels")
        if not all(math.isfinite(x) for row in (*hours, raised.values()) for x in row):
            raise ValueError("a number is not finite")
        seen_hours = int(table["seen_hours"])
        if not 0 <= seen_hours <= MOST_SEEN_HOURS:
            raise ValueError("no device has seen so many hours")
        level = float(table.get("level", 1.0))
        if not LEAST_LEVEL <= level <= MOST_LEVEL:
            raise ValueError("nobody can have asked for such a level")
        return cls(raised, hours, seen_hours, level)
