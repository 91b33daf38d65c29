"""The durable log of records on the Pi: the sampler ends here, the publisher begins here.

SQLite with a write-ahead log. Records gather in memory and are committed together, which
spares the card: what is not yet committed is what a power cut can cost, and only committed
records are published, so that no number is ever given twice to two different records.
"""

import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from edge.errors import JournalError
from edge.lockfile import claim

FORMAT = 1
COMMIT_S = 10.0
COMMIT_RECORDS = 10
MOST_RECORDS = 2_000_000
# Deleting is done in strides, so that a full journal costs one delete in many commits.
STRIDE = 1000
# While the disk refuses, memory takes over: about three hours at one reading a second, 10 MB.
MOST_WAITING = 10_000

_TABLES = """
create table if not exists facts (name text primary key, value) without rowid;
create table if not exists records (seq integer primary key, strange integer not null, body blob not null);
create table if not exists events (number integer primary key autoincrement, body blob not null);
create index if not exists ordinary on records (seq) where strange = 0;
"""


class Journal:
    """Records by number, and events that wait to be sent. Safe to use from two threads.

    `epoch` names this file: (device, epoch, seq) names a record for ever. A file that was not
    closed in order starts a new epoch, since numbers may have been given that were not kept.
    """

    def __init__(
        self,
        path: Path,
        *,
        commit_s: float = COMMIT_S,
        commit_records: int = COMMIT_RECORDS,
        most_records: int = MOST_RECORDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open or create. Raises JournalError when the file cannot be used."""
        self._path = path
        self._commit_s, self._commit_records, self._most_records = commit_s, commit_records, most_records
        self._clock = clock
        self._lock = threading.RLock()
        self._waiting: deque[tuple[int, int, bytes]] = deque()
        self._waiting_events: list[bytes] = []
        self._refused = False  # whether the disk refused the last commit
        self._due = 0.0  # when what waits is to be on disk
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._owner = claim(path)
        except BlockingIOError as error:
            raise JournalError(f"{path}: another agent has it; name another with --journal") from error
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        except sqlite3.Error as error:
            self._owner.close()
            raise _unusable(path, error) from error
        try:
            self._open()
        except (sqlite3.Error, JournalError) as error:
            self._db.close()
            self._owner.close()
            raise (error if isinstance(error, JournalError) else _unusable(path, error)) from error

    def _open(self) -> None:
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(_TABLES)
        if (found := self._fact("format", FORMAT)) != FORMAT:
            raise JournalError(
                f"{self._path}: journal format {found}, this edge writes {FORMAT}; move it away"
            )
        self._db.execute("begin immediate")
        # numbers go on over all epochs of one file, so seq orders the whole of it
        (last,) = self._db.execute("select coalesce(max(seq), 0) from records").fetchone()
        self._last = max(int(last), int(self._fact("last", 0)))
        self._committed = self._last
        self._held = int(self._db.execute("select count(*) from records").fetchone()[0])
        self._sent = int(self._fact("sent", 0))
        self.dropped = int(self._fact("dropped", 0))
        self.epoch = str(self._fact("epoch", ""))
        if not self.epoch or not self._fact("closed", 0):
            self.epoch = secrets.token_hex(8)
        self._keep(format=FORMAT, epoch=self.epoch, closed=0)
        self._db.execute("commit")

    def _fact(self, name: str, default: int | str) -> int | str:
        row = self._db.execute("select value from facts where name = ?", (name,)).fetchone()
        return default if row is None else row[0]

    def _keep(self, **facts: int | str) -> None:
        self._db.executemany("insert or replace into facts values (?, ?)", facts.items())

    @property
    def next_seq(self) -> int:
        """The number that the next record will have."""
        return self._last + 1

    @property
    def last_seq(self) -> int:
        """The number of the newest record that is on disk."""
        return self._committed

    @property
    def unsent(self) -> int:
        """How many records on disk no broker has acknowledged, at most."""
        return max(0, min(self._committed - self._sent, self._held))

    @property
    def first_seq(self) -> int:
        """The number of the oldest record that is still there; 0 when there is none."""
        with self._lock:
            return int(self._db.execute("select coalesce(min(seq), 0) from records").fetchone()[0])

    def count(self) -> int:
        """How many records there are, on disk and waiting."""
        with self._lock:
            return self._held + len(self._waiting)

    def append(self, body: bytes, *, strange: bool = False, events: tuple[bytes, ...] = ()) -> int:
        """Add a record, JSON, as number `next_seq`; one with events is on disk when this returns.

        Raises JournalError when the disk refuses; the record then waits for the next try, after
        another commit interval. Memory holds so many records; then the oldest is dropped and counted.
        """
        with self._lock:
            if not self._waiting:
                self._due = self._clock() + self._commit_s
            self._last += 1
            self._waiting.append((self._last, int(strange), body))
            self._waiting_events += events
            while len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            full = len(self._waiting) >= self._commit_records and not self._refused
            if self._clock() >= self._due or ((full or events) and not self._refused):
                self.commit()
            return self._last

    def append_events(self, events: tuple[bytes, ...]) -> None:
        """Add events that come with no record. Raises JournalError when the disk refuses."""
        with self._lock:
            self._waiting_events += events
            self.commit()

    def commit(self) -> None:
        """Put what waits on disk. Raises JournalError when the disk refuses."""
        with self._lock:
            if not self._waiting and not self._waiting_events:
                return
            self._due = self._clock() + self._commit_s
            try:
                gone = self._write()
            except sqlite3.Error as error:
                self._refused = True
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise JournalError(f"{self._path}: the journal cannot be written: {error}") from error
            self._refused = False
            self.dropped += gone
            self._held += len(self._waiting) - gone
            self._waiting.clear()
            self._waiting_events.clear()
            self._committed = self._last

    def _write(self) -> int:
        """One transaction with all that waits; how many old records made way."""
        self._db.execute("begin immediate")
        self._db.executemany("insert into records values (?, ?, ?)", self._waiting)
        self._db.executemany("insert into events (body) values (?)", [(b,) for b in self._waiting_events])
        gone = self._forget(self._held + len(self._waiting) - self._most_records)
        self._keep(last=self._last, sent=self._sent, dropped=self.dropped + gone)
        self._db.execute("commit")
        return gone

    def _forget(self, surplus: int) -> int:
        """The oldest ordinary records go first, then the oldest of all; never the newest batch."""
        if surplus <= 0:
            return 0
        count = surplus + min(STRIDE, self._most_records // 10)
        oldest = "select seq from records where {} seq <= ? order by seq limit ?"
        delete = f"delete from records where seq in ({oldest})"  # noqa: S608 - a constant of ours
        gone = self._db.execute(delete.format("strange = 0 and"), (self._committed, count)).rowcount
        gone += self._db.execute(delete.format(""), (self._committed, max(0, surplus - gone))).rowcount
        return gone

    def after(self, seq: int, most: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """Records on disk with numbers above `seq`, at most so many and so large, at least one."""
        with self._lock:
            rows = self._db.execute(
                "select seq, body from records where seq > ? order by seq limit ?", (seq, most)
            )
            taken: list[tuple[int, bytes]] = []
            size = 0
            for number, body in rows:
                size += len(body) + 1
                if taken and size > most_bytes:
                    break
                taken.append((number, body))
            return taken

    def events_after(self, number: int, most: int) -> list[tuple[int, bytes]]:
        """Events that wait to be sent, with their numbers above `number`."""
        with self._lock:
            return self._read(
                "select number, body from events where number > ? order by number limit ?", number, most
            )

    def _read(self, query: str, *values: int) -> list[tuple[int, bytes]]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: the journal cannot be read: {error}") from error

    @property
    def sent(self) -> int:
        """Up to which number the broker has acknowledged all records."""
        return self._sent

    def mark_sent(self, seq: int) -> None:
        """The broker has all records up to `seq`; kept with the next commit."""
        with self._lock:
            self._sent = max(self._sent, seq)

    def remove_event(self, number: int) -> None:
        """The broker has that event."""
        with self._lock:
            self._read("delete from events where number = ?", number)

    def close(self) -> None:
        """Commit and close in order. Raises JournalError when the disk refuses."""
        with self._lock:
            try:
                self.commit()
                self._keep(closed=1, last=self._last, sent=self._sent)
            finally:
                self._db.close()
                self._owner.close()


def _unusable(path: Path, error: Exception) -> JournalError:
    return JournalError(
        f"{path}: the journal cannot be opened ({error}); name another with --journal or move it away"
    )
