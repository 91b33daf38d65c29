"""What is the case at one moment: what the triage judges."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Of the monitor itself first: while it is deaf it can say nothing of devices.
KINDS = (
    *("broker", "store", "anomaly", "sensor_fault"),
    *("offline", "silent", "namesake", "missing", "advisory"),
)
MONITOR = ""  # stands for the device in what concerns the monitor itself
EVERYONE = "*"  # stands for the device in a snooze of all; no device can be called so

Key = tuple[str, str]  # device and kind


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not as it should be. `sentence` names neither the device nor the time.

    `level` says how bad, to compare one with another of its kind: an anomaly's score.
    """

    since_ms: int
    sentence: str
    level: float = 1.0


@dataclass(frozen=True, slots=True)
class Observation:
    """All that is the case, and of what nothing can be known just now."""

    conditions: Mapping[Key, Condition]
    devices: frozenset[str] = frozenset()  # all there are
    blind: bool = False  # nothing comes from any device: the broker or the store is away
    away: frozenset[str] = frozenset()  # devices that are offline: how their rooms are, nobody knows
    unheard: frozenset[str] = frozenset()  # devices that have sent nothing since we began to listen
    stopped: frozenset[str] = frozenset()  # devices whose agent was stopped on purpose
    quiet: frozenset[str] = field(default=frozenset())  # devices that a person has told to be quiet

    def is_unseen(self, key: Key) -> bool:
        """Whether that a condition is absent here does not mean that it is over."""
        device, kind = key
        if device == MONITOR:
            return False
        return (
            self.blind
            or (device in self.away and kind != "offline")
            or (device in self.unheard and kind == "silent")
        )
