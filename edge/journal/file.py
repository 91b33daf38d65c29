"""The journal's file: one SQLite database, open, and what is asked of it in one piece."""

import sqlite3
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

from edge.journal.corrections import Correction, Corrections
from edge.journal.layout import (
    READABLE,
    AnotherFormat,
    connect,
    connect_to_read,
    format_of,
    keep_last,
    prepare,
)
from edge.journal.losses import EPOCHS_TOLD, Gone, Loss, gone, keep_epoch, keep_losses, undeclared
from edge.journal.packing import REACH, Packer, Unpacker, needed, whole
from edge.journal.ring import Ring, Row, is_of

# Deleting is done in strides, so that a full journal costs one delete in many commits.
STRIDE = 1000
# A commit writes whole pages, and most of a page is not new: small ones spare the card.
PAGE_BYTES = 512
LOG_BYTES = 4 << 20  # of write-ahead log, before it is copied into the file
# After so many commits it is kept what the broker has: a crash sends the rest again, and repeats are dropped.
SENT_COMMITS = 10
CACHE_KIB = 256  # SQLite would keep 2 MB, and the journal is read from end to end, once
# A flipped bit makes a text of a blob, which sqlite3 would refuse with all that stands on its page.
_BODY = "case typeof(body) when 'text' then cast(body as blob) else body end"


class JournalFile:
    """Records, events, losses and facts on disk. Not safe to use from two threads at once."""

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        """Open; make it or bring it up to date when `writable`. Raises sqlite3.Error, JournalError."""
        self.writable = writable
        self._db = connect(path) if writable else connect_to_read(path)
        self._packer, self._unpacker = Packer(), Unpacker(self._packed)
        self._commits = 0  # since `sent` was kept
        try:
            self._db.execute(f"pragma cache_size = -{CACHE_KIB}")
            if writable:
                self._db.execute(f"pragma page_size = {PAGE_BYTES}")  # of a new file
                self._db.execute("pragma journal_mode = wal")
                self._db.execute("pragma synchronous = full")
                (page,) = self._db.execute("pragma page_size").fetchone()  # an older file keeps its own
                self._db.execute(f"pragma wal_autocheckpoint = {LOG_BYTES // page}")
                prepare(self._db)
            elif (found := format_of(self._db)) not in READABLE:
                raise AnotherFormat(found)
            # an older journal that cannot be written has none
            self._crc = "crc" if format_of(self._db) != 1 else "null"
            self.corrections = Corrections(self._corrections())
            (last,) = self._db.execute("select coalesce(max(seq), 0) from records").fetchone()
            self.last = max(int(last), self.number("last"))
            self._sent = self.number("sent")
            self.held = int(self._db.execute("select count(*) from records").fetchone()[0])
        except BaseException:
            self._db.close()
            raise

    def _corrections(self) -> list[Correction]:
        if not self._db.execute("select 1 from sqlite_master where name = 'corrections'").fetchone():
            return []  # an older journal that cannot be written now
        rows = self._db.execute(
            "select boot, first, last, offset_ms, shift_ms, clk from corrections order by rowid"
        )
        return [Correction(*row) for row in rows if all(isinstance(part, int) for part in row[1:5])]

    def fact(self, name: str, default: int | str) -> int | str:
        """One of the few things that are told of the whole journal."""
        row = self._db.execute("select value from facts where name = ?", (name,)).fetchone()
        return default if row is None else row[0]

    def number(self, name: str) -> int:
        """A fact that is a number, 0 or more; 0 when it is not there, or has rotted."""
        value = self.fact(name, 0)
        return value if isinstance(value, int) and value >= 0 else 0

    def keep(self, **facts: int | str) -> None:
        """Set facts."""
        self._db.executemany("insert or replace into facts values (?, ?)", facts.items())

    def begin_epoch(self, epoch: str, first: int) -> None:
        """From number `first` on the records are of `epoch`; the file counts as open."""
        self._db.execute("begin immediate")
        try:
            keep_epoch(self._db, epoch, first)
            self.keep(epoch=epoch, closed=0)
            self._db.execute("commit")
        except sqlite3.Error:
            self._roll_back()
            raise
        # whatever happens to the log: a file that looks closed would go on in an epoch that has gone on
        self._db.execute("pragma wal_checkpoint(truncate)")

    def epochs(self, sent: int) -> list[tuple[str, int, int]]:
        """The newest epochs, oldest first, with their first and last numbers, none above `sent`."""
        query = "select epoch, first from epochs order by rowid desc limit ?"
        begun = self._db.execute(query, (EPOCHS_TOLD,)).fetchall()[::-1]
        ends = [min(sent, first - 1) for _, first in begun[1:]] + [min(sent, self.last)]
        spans = zip(begun, ends, strict=True)
        return [(epoch, first, last) for (epoch, first), last in spans if first <= last]

    def is_sound(self) -> bool:
        """Whether SQLite finds all its pages in order."""
        try:
            return bool(self._db.execute("pragma quick_check(1)").fetchone()[0] == "ok")
        except sqlite3.DatabaseError:
            return False

    def last_event(self) -> int:
        """The greatest number that an event was ever given."""
        row = self._db.execute("select seq from sqlite_sequence where name = 'events'").fetchone()
        return int(row[0]) if row else 0

    def write(self, ring: Ring, most_records: int, sent: int, dropped: int) -> int:
        """All of `ring` in one transaction; how many old records made way. Raises sqlite3.Error."""
        self._db.execute("begin immediate")
        try:
            cut = self._write(ring, most_records, sent, dropped)
            self._db.execute("commit")
        except BaseException:
            self._packer.forget()
            self._roll_back()
            raise
        made_way = sum(loss.count for loss in cut)
        self.held += len(ring.records) - made_way - len(ring.unreadable)
        self.last = max(self.last, ring.records[-1][0] if ring.records else 0)
        return made_way

    def _write(self, ring: Ring, most_records: int, sent: int, dropped: int) -> list[Loss]:
        newest = self.last
        if ring.unreadable:
            self._packer.forget()
        self._db.executemany(
            "insert or replace into records values (?, ?, ?, ?)", map(self._pack, ring.records)
        )
        self._db.executemany("insert or replace into events values (?, ?)", ring.events)
        self._db.executemany("delete from events where number = ?", [(n,) for n in ring.delivered])
        self._db.executemany("delete from records where seq = ?", [(n,) for n in ring.unreadable])
        surplus = self.held + len(ring.records) - len(ring.unreadable) - most_records
        cut = self._forget(surplus, newest, most_records) if surplus > 0 else []
        keep_losses(self._db, ring.losses + cut)
        self._db.executemany(
            "insert or replace into corrections values (?, ?, ?, ?, ?, ?)", map(astuple, ring.corrections)
        )
        last = max(newest, ring.records[-1][0] if ring.records else 0)
        keep_last(self._db, last)
        self._commits += 1
        late = self._commits >= SENT_COMMITS or sent - self._sent >= STRIDE
        if late or ring.losses or cut:
            self.keep(last=last, sent=sent, dropped=dropped + sum(loss.count for loss in cut))
            self._commits, self._sent = 0, sent
        return cut

    def _pack(self, row: Row) -> Row:
        """SQLite keeps a signed number of 32 bits in 4 bytes, and one without a sign in 6."""
        seq, strange, body, crc = row
        packed = self._packer.pack(seq, body, alone=bool(strange))
        return seq, strange, packed, crc - (1 << 32) if crc >> 31 else crc

    def _packed(self, seq: int) -> object:
        found = self._db.execute(f"select {_BODY} from records where seq = ?", (seq,))  # noqa: S608
        row = found.fetchone()
        return row and row[0]

    def _forget(self, surplus: int, newest: int, most_records: int) -> list[Loss]:
        """The oldest ordinary records go first, then the oldest of all; never the newest batch."""
        count = surplus + min(STRIDE, most_records // 10)
        ordinary = self._cut("strange = 0 and", newest, count)
        rest = max(0, surplus - sum(loss.count for loss in ordinary))
        return ordinary + self._cut("", newest, rest)

    def _cut(self, which: str, newest: int, count: int) -> list[Loss]:
        oldest = f"select seq from records where {which} seq <= ? order by seq limit ?"  # noqa: S608
        first, last, found = self._db.execute(
            f"select min(seq), max(seq), count(*) from ({oldest})",  # noqa: S608 - constants of ours
            (newest, count),
        ).fetchone()
        if not found:
            return []
        self._part_from(last)
        self._db.execute(f"delete from records where seq in ({oldest})", (newest, count))  # noqa: S608
        return [Loss(first, last, "cap", found)]

    def _part_from(self, last: int) -> None:
        """Records up to `last` go: what is packed as a change to one of them is packed whole."""
        self._packer.forget()
        rows = self._db.execute(
            f"select seq, {_BODY} from records where seq > ? and seq <= ? order by seq",  # noqa: S608
            (last, last + REACH),
        )
        for seq, packed in rows.fetchall():
            told = isinstance(packed, bytes) and needed(seq, packed) <= last
            if told and (body := self._unpacker.unpack(seq, packed)) is not None:
                self._db.execute("update records set body = ? where seq = ?", (whole(body), seq))

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("rollback")

    def first(self) -> int:
        """The number of the oldest record; 0 when there is none."""
        return int(self._db.execute("select coalesce(min(seq), 0) from records").fetchone()[0])

    def after(self, seq: int, most: int) -> list[tuple[int, bytes, bool]]:
        """At most so many records above `seq`, with their true times, and whether each is whole."""
        rows = self._db.execute(
            f"select seq, {_BODY}, {self._crc} from records where seq > ? order by seq limit ?",  # noqa: S608
            (seq, most),
        )
        found = []
        for number, packed, crc in rows.fetchall():
            body = self._unpacker.unpack(number, packed)
            if body is None or not (crc is None or is_of(number, body, crc)):
                found.append((number, b"", False))
            else:
                found.append((number, self.corrections.record(number, body), True))
        return found

    def events_after(self, number: int, most: int) -> list[tuple[int, bytes]]:
        """Events with numbers above `number`, with their true times."""
        rows = self._db.execute(
            "select number, body from events where number > ? order by number limit ?", (number, most)
        )
        return [(found, self.corrections.event(body)) for found, body in rows]

    def gone(self, epoch: str, newest: str, last: int, first: int, end: int) -> list[Gone]:
        """As `losses.gone`."""
        return gone(self._db, epoch, newest, last, first, end)

    def undeclared(self, first: int, last: int) -> list[tuple[int, int]]:
        """As `losses.undeclared`."""
        return undeclared(self._db, first, last)

    def take(self, table: str, rows: list[tuple[object, ...]]) -> None:
        """Rows of another journal's table, but for those that make no sense. Raises sqlite3.Error."""
        for row in rows:
            marks = ", ".join("?" * len(row))
            with suppress(sqlite3.IntegrityError):
                self._db.execute(f"insert into {table} values ({marks})", row)  # noqa: S608 - ours

    def close(self, **facts: int | str) -> None:
        """Set facts and close. Raises sqlite3.Error."""
        try:
            if facts:
                self.keep(**facts)
        finally:
            self._db.close()
