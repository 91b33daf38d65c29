"""What people say of alarms: true, false or unsure, with a note; and when an alarm should have come.

The newest word on an event stands. Labels are the truest thing in the store: no retention lets them go,
and each keeps its event as it was told, should that have to make way.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from edge.errors import ConfigError
from monitor.message import Event, decode
from monitor.store import Store

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS labels(device TEXT NOT NULL, epoch TEXT NOT NULL, event INTEGER NOT NULL, "
    "verdict TEXT, note TEXT NOT NULL, made_ms INTEGER NOT NULL, told BLOB NOT NULL, "
    "PRIMARY KEY(device, epoch, event)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS missed(id INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, "
    "from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, note TEXT NOT NULL, made_ms INTEGER NOT NULL)",
)
NOTE_MOST = 1000  # characters
MISSED_MOST = 10_000  # stretches of a device: a page that goes mad must not fill the disk
Verdict = Literal["true_alarm", "false_alarm"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
Run = Callable[..., Any]  # a connection's `execute`


class NoSuchEvent(ConfigError):
    """There is no event, label or stretch of that name."""


@dataclass(frozen=True, slots=True)
class Label:
    """What was said of one event; no verdict is "unsure"."""

    device: str
    epoch: str
    event: int
    verdict: Verdict | None
    note: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class Missed:
    """An alarm should have come between these times."""

    id: int
    device: str
    from_ms: int
    to_ms: int
    note: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label with its event, as it was told last."""

    label: Label
    event: Event

    def to_json(self) -> dict[str, Any]:
        """Flat; `event` is the event's number."""
        event = self.event
        return {
            **asdict(self.label),
            "state": event.state,
            "onset_ms": event.onset_ms,
            "end_ms": event.end_ms,
            "channel": event.channel,
            "score": event.score,
            "why": event.why,
            "model": event.model,
        }


def labelled(run: Run, device: str | None = None) -> list[Labelled]:
    """Of one device or of all, in the order of their onsets; none in a store that has no labels yet."""
    if not _is_there(run, "labels"):
        return []
    rows = run(
        "SELECT l.device, l.epoch, l.event, l.verdict, l.note, l.made_ms, coalesce(e.body, l.told) "
        "FROM labels l LEFT JOIN journals j ON j.device = l.device AND j.epoch = l.epoch "
        "LEFT JOIN events e ON e.journal = j.id AND e.id = l.event WHERE ?1 IS NULL OR l.device = ?1",
        (device,),
    )
    found = [Labelled(Label(*row[:6]), decode(row[6], Event)) for row in rows]
    return sorted(found, key=lambda each: (each.event.onset_ms, each.label.device, each.label.event))


def missed(run: Run, device: str | None = None) -> list[Missed]:
    """Of one device or of all, in the order of time."""
    if not _is_there(run, "missed"):
        return []
    query = (
        "SELECT id, device, from_ms, to_ms, note, made_ms FROM missed "
        "WHERE ?1 IS NULL OR device = ?1 ORDER BY from_ms, id"
    )
    return [Missed(*row) for row in run(query, (device,))]


def _is_there(run: Run, table: str) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return run(query, (table,)).fetchone() is not None


class Labels:
    """The labels of a store; any thread may use them."""

    def __init__(self, store: Store) -> None:
        """Make the tables if they are not there."""
        self._store = store
        with store.writing() as run:
            for table in SCHEMA:
                run(table)

    def of(self, device: str | None = None) -> tuple[list[Labelled], list[Missed]]:
        """What was said of one device or of all."""
        with self._store.reading() as run:
            return labelled(run, device), missed(run, device)

    def counts(self) -> dict[str, Any]:
        """How many of each kind, of all devices and of each that has any."""
        kinds = (*VERDICTS, "unsure", "missed")
        devices: dict[str, dict[str, int]] = {}
        query = (
            "SELECT device, coalesce(verdict, 'unsure'), count(*) FROM labels GROUP BY 1, 2 "
            "UNION ALL SELECT device, 'missed', count(*) FROM missed GROUP BY 1 ORDER BY 1"
        )
        with self._store.reading() as run:
            for device, kind, count in run(query):
                devices.setdefault(device, dict.fromkeys(kinds, 0))[kind] = count
        return {**{kind: sum(each[kind] for each in devices.values()) for kind in kinds}, "devices": devices}

    def keep(self, label: Label) -> None:
        """In place of what was said before. Raises NoSuchEvent; sqlite3.OperationalError on a full disk."""
        with self._store.writing() as run:
            key = (label.device, label.epoch, label.event)
            query = (
                "SELECT e.body FROM events e JOIN journals j ON j.id = e.journal "
                "WHERE j.device = ?1 AND j.epoch = ?2 AND e.id = ?3 UNION ALL "
                "SELECT told FROM labels WHERE device = ?1 AND epoch = ?2 AND event = ?3"
            )
            told = run(query, key).fetchone()
            if told is None:
                raise NoSuchEvent(f"{label.device} has no event {label.epoch[:32]}/{label.event}")
            row = (*key, label.verdict, label.note, label.made_ms, told[0])
            run(
                "INSERT OR REPLACE INTO labels(device, epoch, event, verdict, note, made_ms, told) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )

    def withdraw(self, device: str, epoch: str, event: int) -> None:
        """Take back what was said of an event. Raises NoSuchEvent when nothing was."""
        with self._store.writing() as run:
            query = "DELETE FROM labels WHERE device = ? AND epoch = ? AND event = ?"
            if not run(query, (device, epoch, event)).rowcount:
                raise NoSuchEvent(f"nothing was said of the event {epoch[:32]}/{event} of {device}")

    def mark_missed(self, device: str, span: tuple[int, int], note: str, made_ms: int) -> Missed:
        """An alarm should have come in that span (milliseconds). Raises ConfigError for too many."""
        with self._store.writing() as run:
            (count,) = run("SELECT count(*) FROM missed WHERE device = ?", (device,)).fetchone()
            if count >= MISSED_MOST:
                raise ConfigError(f"{device} has {count} missed alarms already; take some back first")
            query = "INSERT INTO missed(device, from_ms, to_ms, note, made_ms) VALUES (?, ?, ?, ?, ?)"
            number = run(query, (device, *span, note, made_ms)).lastrowid
        return Missed(int(number or 0), device, *span, note, made_ms)

    def unmark_missed(self, device: str, number: int) -> None:
        """Take back a missed alarm. Raises NoSuchEvent."""
        with self._store.writing() as run:
            if not run("DELETE FROM missed WHERE device = ? AND id = ?", (device, number)).rowcount:
                raise NoSuchEvent(f"{device} has no missed alarm number {number}")
