"""What the triage wants to be told: of one alert, or of several at once."""

from dataclasses import dataclass
from typing import Literal

from monitor.alerts.alert import Alert

What = Literal["onset", "reminder", "recovery"]


@dataclass(frozen=True, slots=True)
class Notice:
    """`alerts` are of one kind, as they were at that moment.

    `devices` is how many there are in the fleet; `remaining` are the devices of a group that are
    not over while others are; `unwatched` those that are not known any more, or were stopped.
    """

    what: What
    kind: str
    alerts: tuple[Alert, ...]
    devices: int
    at_ms: int
    group: int | None = None
    remaining: tuple[str, ...] = ()
    unwatched: frozenset[str] = frozenset()
