"""Events of the store as they are asked for: a page of them, one of them, and those beside it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.message import Event, decode
from monitor.shown_event import APART, event_to_page

Run = Callable[..., Any]  # a connection's `execute`
KINDS = ("anomalous", "sensor_fault", "advisory", "namesake")
NEIGHBOURS_MOST = 2000  # earlier events among which similar ones are looked for

_FROM = "FROM events e JOIN journals j ON j.id = e.journal"
_STATE = "json_extract(CAST(e.body AS TEXT), '$.state')"
_END = (
    "coalesce(json_extract(CAST(e.body AS TEXT), '$.end_ms'), json_extract(CAST(e.body AS TEXT), '$.ts_ms'))"
)
_NEWEST_FIRST = "ORDER BY e.onset_ms DESC, e.id DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: of one device or of all, of one kind or of all, that touch a span, older than a time."""

    limit: int
    device: str | None = None
    kind: str | None = None  # one of KINDS
    from_ms: int | None = None
    to_ms: int | None = None
    before_ms: int | None = None  # by onset, so that a next page can be asked for


def page(run: Run, wanted: Wanted) -> list[tuple[str, Event]]:
    """(device, event), the newest onset first."""
    clauses = {
        "j.device = ?": wanted.device,
        f"{_STATE} = ?": wanted.kind,
        "e.onset_ms <= ?": wanted.to_ms,
        "e.onset_ms < ?": wanted.before_ms,
    }
    known = {clause: value for clause, value in clauses.items() if value is not None}
    values = list(known.values())
    terms = list(known)
    if wanted.from_ms is not None:
        terms.append(f"(e.onset_ms >= ? OR {_END} >= ?)")
        values += [wanted.from_ms, wanted.from_ms]
    where = f"WHERE {' AND '.join(terms)}" if terms else ""
    query = f"SELECT j.device, e.body {_FROM} {where} {_NEWEST_FIRST}"
    return [(device, decode(body, Event)) for device, body in run(query, [*values, wanted.limit])]


def one(run: Run, device: str, epoch: str, number: int) -> Event | None:
    """That event, if it is known."""
    query = f"SELECT e.body {_FROM} WHERE j.device = ? AND j.epoch = ? AND e.id = ?"
    row = run(query, (device, epoch, number)).fetchone()
    return decode(row[0], Event) if row else None


def earlier(run: Run, device: str, event: Event, limit: int = NEIGHBOURS_MOST) -> list[Event]:
    """What began before it at the same device, the newest first."""
    term = "(e.onset_ms < ? OR e.onset_ms = ? AND e.id < ?)"
    query = f"SELECT e.body {_FROM} WHERE j.device = ? AND {term} {_NEWEST_FIRST}"
    rows = run(query, (device, event.onset_ms, event.onset_ms, event.id, limit))
    return [decode(body, Event) for (body,) in rows]


def next_after(run: Run, device: str, event: Event) -> Event | None:
    """The first that began after it at the same device."""
    term = "(e.onset_ms > ? OR e.onset_ms = ? AND e.id > ?)"
    query = f"SELECT e.body {_FROM} WHERE j.device = ? AND {term} ORDER BY e.onset_ms, e.id LIMIT 1"
    row = run(query, (device, event.onset_ms, event.onset_ms, event.id)).fetchone()
    return decode(row[0], Event) if row else None


def to_page(
    run: Run, found: Iterable[tuple[str, Event]], summaries: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Events as the page shows them, each with its `device`; of devices that are known.

    An agent has one alarm at a time, and one event of each kind that is apart from alarms: a newer
    one tells that those before are past, whatever page it is on.
    """
    shown = []
    newest: dict[tuple[str, str], tuple[str, int]] = {}
    for device, event in found:
        if device not in summaries:
            continue
        made = {"device": device, **event_to_page(event, summaries[device])}
        if made["open"]:
            group = event.state if event.state in APART else "alarm"
            if (device, group) not in newest:
                newest[device, group] = _newest(run, device, group)
            made["open"] = newest[device, group] == (event.epoch, event.id)
        shown.append(made)
    return shown


def _newest(run: Run, device: str, group: str) -> tuple[str, int]:
    kinds = [group] if group in APART else [kind for kind in KINDS if kind not in APART]
    marks = ", ".join("?" * len(kinds))
    query = f"SELECT j.epoch, e.id {_FROM} WHERE j.device = ? AND {_STATE} IN ({marks}) {_NEWEST_FIRST}"
    epoch, number = run(query, (device, *kinds, 1)).fetchone()
    return epoch, number
