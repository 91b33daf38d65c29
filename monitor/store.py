"""What the monitor has been told, on disk: records, events and devices, in one SQLite file.

A record counts as had once it is committed. One writer; every reader opens a connection of its own.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import ConfigError
from edge.journal.corrections import Correction
from monitor import dating
from monitor.ledger import Ledger

APPLICATION_ID = 0x70634D6F  # "pcMo"
VERSION = 3
SCHEMA = f"""
{dating.SCHEMA}CREATE TABLE devices(device TEXT PRIMARY KEY, status BLOB, info BLOB, health BLOB);
CREATE TABLE journals(id INTEGER PRIMARY KEY, device TEXT NOT NULL, epoch TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, gaps TEXT NOT NULL,
    declared TEXT NOT NULL DEFAULT '[]', UNIQUE(device, epoch));
CREATE TABLE records(journal INTEGER NOT NULL, seq INTEGER NOT NULL, ts_ms INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY(journal, seq)) WITHOUT ROWID;
CREATE INDEX records_by_time ON records(journal, ts_ms);
CREATE TABLE events(journal INTEGER NOT NULL, id INTEGER NOT NULL, seq INTEGER NOT NULL,
    onset_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(journal, id)) WITHOUT ROWID;
CREATE INDEX events_by_onset ON events(journal, onset_ms);
"""
# From each format to the next. What came before the third is not dated anew.
_MIGRATIONS = {
    1: "ALTER TABLE journals ADD COLUMN declared TEXT NOT NULL DEFAULT '[]';",
    2: dating.SCHEMA,
}


@dataclass(slots=True)
class Changes:
    """What one commit brings; device and epoch name a journal."""

    records: list[tuple[str, str, int, int, bytes]] = field(default_factory=list)  # ..., seq, ts_ms, body
    events: list[tuple[str, str, int, int, int, bytes]] = field(default_factory=list)  # id, seq, onset, body
    devices: dict[str, dict[str, bytes]] = field(default_factory=dict)  # status, info, health as they came
    ledgers: dict[tuple[str, str], Ledger] = field(default_factory=dict)
    doubted: dict[tuple[str, str, dating.Doubt], dating.Span] = field(default_factory=dict)  # device, epoch
    dated: list[tuple[str, Correction]] = field(
        default_factory=list
    )  # device, what its clock turned out to be

    def note_doubt(self, device: str, epoch: str, doubt: dating.Doubt, seq: int) -> None:
        """A record whose time a later one may know better."""
        first, last = self.doubted.get((device, epoch, doubt), (seq, seq))
        self.doubted[device, epoch, doubt] = min(first, seq), max(last, seq)


class Store:
    """The file. The writing half belongs to one thread; the reading half to anyone."""

    def __init__(self, path: Path) -> None:
        """Open or make it. Raises ConfigError when it cannot be used."""
        self.path = path
        self._ids: dict[tuple[str, str], int] = {}
        try:
            self._writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise ConfigError(f"cannot open the store {path}: {error}") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._writer.close()
            raise ConfigError(f"{path} cannot be used as the monitor's store: {error}") from error
        except ConfigError:
            self._writer.close()
            raise

    def _prepare(self) -> None:
        (application,) = self._writer.execute("PRAGMA application_id").fetchone()
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        (tables,) = self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != APPLICATION_ID:
            raise ConfigError(f"{self.path} is a database, but not a monitor's store: name another file")
        if tables and version in _MIGRATIONS:
            steps = "".join(_MIGRATIONS[each] for each in range(version, VERSION))
            self._writer.executescript(f"BEGIN; {steps} PRAGMA user_version = {VERSION}; COMMIT;")
        elif tables and version != VERSION:
            raise ConfigError(f"{self.path} has format {version}, this monitor reads {VERSION}")
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")
        if not tables:
            self._writer.executescript(
                f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
                f"{SCHEMA} COMMIT;"
            )

    def close(self) -> None:
        """Close the writing half, which also folds the write-ahead log into the file."""
        self._writer.close()

    def commit(self, changes: Changes) -> None:
        """All of it or nothing. Raises sqlite3.OperationalError, as when the disk is full."""
        run = self._writer.execute
        run("BEGIN IMMEDIATE")
        try:
            for device, parts in changes.devices.items():
                run("INSERT INTO devices(device) VALUES (?) ON CONFLICT DO NOTHING", (device,))
                for name, payload in parts.items():
                    run(f"UPDATE devices SET {name} = ? WHERE device = ?", (payload, device))  # noqa: S608
            for (device, epoch), ledger in changes.ledgers.items():
                key = self._journal(device, epoch)
                lists = json.dumps(ledger.gaps), json.dumps(ledger.declared)
                row = (ledger.first, ledger.last, *lists, key)
                run("UPDATE journals SET first = ?, last = ?, gaps = ?, declared = ? WHERE id = ?", row)
            for device, epoch, seq, ts_ms, body in changes.records:
                key = self._journal(device, epoch)
                run("INSERT INTO records VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (key, seq, ts_ms, body))
            for device, epoch, event, seq, onset_ms, body in changes.events:
                key = self._journal(device, epoch)
                run(
                    "INSERT INTO events VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq, "
                    "onset_ms = excluded.onset_ms, body = excluded.body WHERE excluded.seq >= seq",
                    (key, event, seq, onset_ms, body),
                )
            for (device, epoch, doubt), span in changes.doubted.items():
                dating.keep_doubt(run, self._journal(device, epoch), doubt, span)
            for device, told in changes.dated:
                dating.correct(run, device, told)
            run("COMMIT")
        except BaseException:
            self._ids.clear()  # ids that were given in what is undone now
            if self._writer.in_transaction:
                run("ROLLBACK")
            raise

    def _journal(self, device: str, epoch: str) -> int:
        if (device, epoch) not in self._ids:
            self._writer.execute(
                "INSERT INTO journals(device, epoch, first, last, gaps) VALUES (?, ?, 0, 0, '[]') "
                "ON CONFLICT DO NOTHING",
                (device, epoch),
            )
            found = self._writer.execute(
                "SELECT id FROM journals WHERE device = ? AND epoch = ?", (device, epoch)
            )
            self._ids[device, epoch] = found.fetchone()[0]
        return self._ids[device, epoch]

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection

    def devices(self) -> dict[str, dict[str, bytes | None]]:
        """By device: the newest `status`, `info` and `health` payloads."""
        with self._reader() as reader:
            rows = reader.execute("SELECT device, status, info, health FROM devices ORDER BY device")
            return {row[0]: dict(zip(("status", "info", "health"), row[1:], strict=True)) for row in rows}

    def ledgers(self) -> dict[tuple[str, str], Ledger]:
        """By (device, epoch): what has come of that journal."""
        with self._reader() as reader:
            return {
                (device, epoch): Ledger(
                    first, last, list(map(tuple, json.loads(gaps))), list(map(tuple, json.loads(declared)))
                )
                for device, epoch, first, last, gaps, declared in reader.execute(
                    "SELECT device, epoch, first, last, gaps, declared FROM journals WHERE last > 0"
                )
            }

    def records(
        self, device: str, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """(ts_ms, body) in the order of time, both ends included."""
        span = (-(2**63) if from_ms is None else from_ms, 2**63 - 1 if to_ms is None else to_ms)
        with self._reader() as reader:
            yield from reader.execute(
                "SELECT r.ts_ms, r.body FROM records r JOIN journals j ON j.id = r.journal "
                "WHERE j.device = ? AND r.ts_ms BETWEEN ? AND ? ORDER BY r.ts_ms, r.seq",
                (device, *span),
            )

    def doubted(self) -> list[tuple[str, str]]:
        """(device, boot) of records whose time is in doubt, the newest last."""
        with self._reader() as reader:
            query = (
                "SELECT j.device, d.boot FROM doubted d JOIN journals j ON j.id = d.journal "
                "GROUP BY j.device, d.boot ORDER BY max(d.journal), max(d.last)"
            )
            return reader.execute(query).fetchall()

    def newest_record(self, device: str, epoch: str) -> bytes | None:
        """The body of the record with the highest seq of one journal."""
        with self._reader() as reader:
            row = reader.execute(
                "SELECT r.body FROM records r JOIN journals j ON j.id = r.journal "
                "WHERE j.device = ? AND j.epoch = ? ORDER BY r.seq DESC LIMIT 1",
                (device, epoch),
            ).fetchone()
            return row[0] if row else None

    def events(self, device: str, limit: int) -> list[bytes]:
        """Event bodies, newest onset first."""
        with self._reader() as reader:
            rows = reader.execute(
                "SELECT e.body FROM events e JOIN journals j ON j.id = e.journal WHERE j.device = ? "
                "ORDER BY e.onset_ms DESC, e.id DESC LIMIT ?",
                (device, limit),
            )
            return [row[0] for row in rows]

    def totals(self) -> dict[str, Any]:
        """How much is in the file."""
        with self._reader() as reader:
            (records,) = reader.execute("SELECT count(*) FROM records").fetchone()
            (events,) = reader.execute("SELECT count(*) FROM events").fetchone()
        return {"records": records, "events": events}
