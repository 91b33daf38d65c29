"""What the monitor has been told, on disk: records, events and devices, in one SQLite file.

Records are packed by `monitor/history`; the rest stands here.
A record counts as had once it is committed. One writer; every reader opens a connection of its own.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import ConfigError
from monitor import bounds, dating, sensitivity
from monitor.changes import Changes
from monitor.history import chunks, migration, reading, retention
from monitor.history.history import SCHEMA as HISTORY
from monitor.history.history import History
from monitor.history.limits import Limits
from monitor.ledger import Ledger
from monitor.message import Judged

APPLICATION_ID = 0x70634D6F  # "pcMo"
VERSION = 4
SCHEMA = f"""
{dating.SCHEMA}{HISTORY}CREATE TABLE devices(device TEXT PRIMARY KEY, status BLOB, info BLOB, health BLOB);
CREATE TABLE journals(id INTEGER PRIMARY KEY, device TEXT NOT NULL, epoch TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, gaps TEXT NOT NULL,
    declared TEXT NOT NULL DEFAULT '[]', UNIQUE(device, epoch));
CREATE TABLE events(journal INTEGER NOT NULL, id INTEGER NOT NULL, seq INTEGER NOT NULL,
    onset_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(journal, id)) WITHOUT ROWID;
CREATE INDEX events_by_onset ON events(journal, onset_ms);
"""
# From each format to the next, up to the third. What came before that is not dated anew.
_MIGRATIONS = {
    1: "ALTER TABLE journals ADD COLUMN declared TEXT NOT NULL DEFAULT '[]';",
    2: dating.SCHEMA,
}


class Store:
    """The file. The writing half belongs to one thread; the reading half to anyone."""

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        """Open or make it. Raises ConfigError when it cannot be used."""
        self.path = path
        self._limits = limits or Limits()
        self._ids: dict[tuple[str, str], int] = {}
        try:
            self._writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise ConfigError(f"cannot open the store {path}: {error}") from error
        try:
            self._prepare()
            self._history = History(self._writer.execute)
        except sqlite3.Error as error:
            self._writer.close()
            raise ConfigError(f"{path} cannot be used as the monitor's store: {error}") from error
        except BaseException:
            self._writer.close()
            raise

    def _prepare(self) -> None:
        (application,) = self._writer.execute("PRAGMA application_id").fetchone()
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        (tables,) = self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != APPLICATION_ID:
            raise ConfigError(f"{self.path} is a database, but not a monitor's store: name another file")
        if tables and not 1 <= version <= VERSION:
            raise ConfigError(f"{self.path} has format {version}, this monitor reads {VERSION}")
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")
        if tables and version < VERSION:
            steps = "".join(_MIGRATIONS[each] for each in range(version, 3))
            self._writer.executescript(f"BEGIN; {steps} PRAGMA user_version = 3; COMMIT;")
            migration.take_over(self._writer, VERSION)
        if not tables:
            self._writer.executescript(
                f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
                f"{SCHEMA} COMMIT;"
            )
        sensitivity.prepare(self._writer.execute)

    def close(self) -> None:
        """Close the writing half, which folds the write-ahead log into the file."""
        self._writer.close()

    def commit(self, changes: Changes) -> None:
        """All of it or nothing. Raises sqlite3.OperationalError, as when the disk is full."""
        run = self._writer.execute
        run("BEGIN IMMEDIATE")
        try:
            if changes.forgotten or changes.dropped:
                self._history.forget(bounds.make_way(run, changes.forgotten, changes.dropped))
                self._ids.clear()
            for device, parts in changes.devices.items():
                run("INSERT INTO devices(device) VALUES (?) ON CONFLICT DO NOTHING", (device,))
                for name, payload in parts.items():
                    run(f"UPDATE devices SET {name} = ? WHERE device = ?", (payload, device))  # noqa: S608
            for (device, epoch), ledger in changes.ledgers.items():
                key = self._journal(device, epoch)
                lists = (msgspec.json.encode(each).decode() for each in (ledger.gaps, ledger.declared))
                query = "UPDATE journals SET first = ?, last = ?, gaps = ?, declared = ? WHERE id = ?"
                run(query, (ledger.first, ledger.last, *lists, key))
            for (device, epoch), records in changes.by_journal().items():
                self._history.append(self._journal(device, epoch), records)
            for device, epoch, event, seq, onset_ms, body in changes.events:
                run(
                    "INSERT INTO events VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq, "
                    "onset_ms = excluded.onset_ms, body = excluded.body WHERE excluded.seq >= seq",
                    (self._journal(device, epoch), event, seq, onset_ms, body),
                )
            for (device, epoch, doubt), span in changes.doubted.items():
                dating.keep_doubt(run, self._journal(device, epoch), doubt, span)
            for device, told in changes.dated:
                dating.correct(run, device, told)
            sensitivity.note(run, changes)
            self._history.pack_some()
            run("COMMIT")
        except BaseException:
            self._undo()
            raise

    def tidy(self, now_ms: int) -> bool:
        """Pack what waits for it, and let go what is too old or too much; whether more is left to do.

        A short transaction each time. Raises sqlite3.OperationalError, as when the disk is full.
        """
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            bounds.thin_out(self._writer.execute)
            more = self._history.pack_some() | retention.retire(self._writer.execute, self._limits, now_ms)
            self._writer.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        return more

    def _undo(self) -> None:
        self._ids.clear()  # ids that were given in what is undone now
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        self._history.recount()

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
    def writing(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """One short transaction from any thread but the ingest's, for what people say: yields `execute`.

        Raises sqlite3.OperationalError, as when the disk is full.
        """
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=10)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            yield connection.execute
            connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """One moment's view of the file: yields `execute`."""
        with self._reader() as connection:
            yield connection.execute

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("BEGIN")  # all that one answer says is of one moment
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

    def series(
        self, device: str, from_ms: int | None, to_ms: int | None, points: int, period_s: float | None
    ) -> dict[str, Any]:
        """Columns for charts, of records or of summaries; see `monitor/history/reading.py`."""
        with self._reader() as reader:
            return reading.series(reader.execute, device, _span(from_ms, to_ms), points, period_s)

    def records(self, device: str, from_ms: int | None = None, to_ms: int | None = None) -> Iterator[Judged]:
        """In the order of time, both ends included."""
        with self._reader() as reader:
            yield from reading.records(reader.execute, device, _span(from_ms, to_ms))

    def numbers(self, device: str, epoch: str) -> set[int]:
        """Of all records that are kept of one journal."""
        with self._reader() as reader:
            found = reader.execute("SELECT id FROM journals WHERE device = ? AND epoch = ?", (device, epoch))
            return {seq for (journal,) in found for seq in chunks.numbers(reader.execute, journal)}

    def doubted(self) -> list[tuple[str, str]]:
        """(device, boot) of records whose time is in doubt, the newest last."""
        with self._reader() as reader:
            query = (
                "SELECT j.device, d.boot FROM doubted d JOIN journals j ON j.id = d.journal "
                "GROUP BY j.device, d.boot ORDER BY max(d.journal), max(d.last)"
            )
            return reader.execute(query).fetchall()

    def newest_records(self) -> Iterator[tuple[str, Judged]]:
        """(device, record): of every journal that has any, the one with the highest seq."""
        with self._reader() as reader:
            for journal, device in reader.execute("SELECT id, device FROM journals").fetchall():
                newest = chunks.newest(reader.execute, journal)
                if newest is not None:
                    yield device, newest

    def events(self, device: str, limit: int) -> list[bytes]:
        """Event bodies, newest onset first."""
        with self._reader() as reader:
            rows = reader.execute(
                "SELECT e.body FROM events e JOIN journals j ON j.id = e.journal WHERE j.device = ? "
                "ORDER BY e.onset_ms DESC, e.id DESC LIMIT ?",
                (device, limit),
            )
            return [row[0] for row in rows]


def _span(from_ms: int | None, to_ms: int | None) -> tuple[int, int]:
    low, high = reading.EVER
    return low if from_ms is None else max(low, from_ms), high if to_ms is None else min(high, to_ms)
