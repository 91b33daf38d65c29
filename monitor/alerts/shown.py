"""Alerts as the page lists them: one entry for what was told as one."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from monitor.alerts.alert import Alert
from monitor.alerts.condition import EVERYONE, MONITOR
from monitor.alerts.triage import Triage
from monitor.alerts.words import RECOVERY, TROUBLE


@dataclass(frozen=True, slots=True)
class Shown:
    """`open` are entries, newest first; `snoozes` by device, None for all."""

    open: list[dict[str, Any]]
    snoozes: list[dict[str, Any]]

    def counts(self) -> dict[str, int]:
        """How many entries are open, and how many of them nobody has acknowledged."""
        waiting = [each for each in self.open if each["acknowledged"] is None]
        return {"open": len(self.open), "unacknowledged": len(waiting)}


def shown(triage: Triage, now: float, wall_ms: int) -> Shown:
    """What is open and snoozed at that moment of the triage's clock."""
    alerts = [each for each in triage.alerts.values() if each.open and each.over_at is None]
    snoozes = [
        {"device": None if name == EVERYONE else name, "until_ms": wall_ms + round(1000 * (until - now))}
        for name, until in sorted(triage.snoozes.items())
        if until > now
    ]
    return Shown(_entries(alerts), snoozes)


def past_entries(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is over, from rows of the archive."""
    return _entries([Alert.from_row(row) for row in rows])


def _entries(alerts: list[Alert]) -> list[dict[str, Any]]:
    groups: dict[int, list[Alert]] = defaultdict(list)
    for alert in alerts:
        groups[alert.group or alert.id].append(alert)
    made = [_entry(number, sorted(some, key=lambda each: each.device)) for number, some in groups.items()]
    return sorted(made, key=lambda each: (each["over_ms"] or each["since_ms"], each["id"]), reverse=True)


def _entry(number: int, alerts: list[Alert]) -> dict[str, Any]:
    first = alerts[0]
    ends = [each.over_ms for each in alerts if each.over_ms is not None]
    said = [each.acknowledged for each in alerts if each.acknowledged]
    many = len(alerts) > 1
    return {
        "id": number,
        "kind": first.kind,
        "word": TROUBLE[first.kind][0],
        "recovery": RECOVERY[first.kind][many],
        "devices": [each.device for each in alerts if each.device != MONITOR],
        "sentence": f"{len(alerts)} devices {TROUBLE[first.kind][1]}" if many else first.sentence,
        "since_ms": min(each.since_ms for each in alerts),
        "over_ms": max(ends) if len(ends) == len(alerts) else None,
        "told": all(each.told for each in alerts),
        "acknowledged": asdict(said[0]) if said and len(said) == len(alerts) else None,
    }
