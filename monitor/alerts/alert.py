"""One thing that went wrong, from the moment it is noticed until people know that it is over."""

from dataclasses import asdict, dataclass
from typing import Any

from monitor.alerts.condition import Condition, Key


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody takes care of it."""

    by: str
    note: str
    at_ms: int


@dataclass(slots=True)
class Alert:
    """Times end in `_ms` when they are wall time for people; the others are seconds of the desk's clock."""

    id: int
    device: str
    kind: str
    since_ms: int
    sentence: str
    level: float  # the worst so far
    onset: float
    fresh: float  # since when it might have been told: its onset, or the end of a snooze or a cooldown
    open: bool = False  # it has lasted as long as its rule asks
    told: bool = False
    spoke_at: float | None = None  # when it was told or reminded of last
    gone_at: float | None = None  # since when the condition is absent
    over_at: float | None = None  # it is over, and its group has not been told so
    group: int | None = None  # the id of the message that told several at once
    over_ms: int | None = None
    acknowledged: Acknowledgement | None = None

    @property
    def key(self) -> Key:
        """There is one alert at most of each."""
        return self.device, self.kind

    def see(self, condition: Condition) -> None:
        """The condition is still there."""
        self.gone_at = self.over_at = self.over_ms = None
        self.level = max(self.level, condition.level)
        self.sentence = condition.sentence
        if not self.told:
            self.since_ms = min(self.since_ms, condition.since_ms)

    def to_row(self) -> dict[str, Any]:
        """For the store."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Alert":
        """What `to_row` gave."""
        acknowledged = row.pop("acknowledged")
        return cls(**row, acknowledged=acknowledged and Acknowledgement(**acknowledged))
