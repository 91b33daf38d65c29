"""The records in the store: the tail as they came, and the chunks that it is packed into."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from monitor.history.block import Block, of_judged, together
from monitor.history.packing import (
    CHUNK_SPAN_MS,
    from_row,
    pack,
    pieces,
    sorted_by_time,
    unpack,
)
from monitor.message import Judged

SCHEMA = """CREATE TABLE IF NOT EXISTS tail(journal INTEGER NOT NULL, seq INTEGER NOT NULL,
    ts_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(journal, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunks(id INTEGER PRIMARY KEY, journal INTEGER NOT NULL,
    first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL, count INTEGER NOT NULL, packed_ms INTEGER NOT NULL, records BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS chunks_by_time ON chunks(journal, first_ms, last_ms, count, packed_ms);
CREATE INDEX IF NOT EXISTS chunks_by_seq ON chunks(journal, last_seq, first_seq, count);
"""

Run = Callable[..., Any]  # a connection's `execute`
Span = tuple[int, int]  # both ends included


class Chunk(NamedTuple):
    """A row of the table."""

    id: int
    first_ms: int
    first_seq: int
    records: bytes

    def unpack(self) -> Block:
        """Its records, in the order of time."""
        return unpack(self.records, self.first_ms, self.first_seq)


def tail(run: Run, journal: int) -> list[Judged]:
    """What is not packed yet, in the order of time."""
    rows = run("SELECT body FROM tail WHERE journal = ?", (journal,))
    return sorted_by_time([from_row(body) for (body,) in rows])


def keep(run: Run, journal: int, records: list[Judged], packed_ms: int) -> Iterator[Block]:
    """Records in the order of time into new chunks; gives each."""
    for part in pieces(records):
        block = of_judged(part)
        first_ms, first_seq = int(block.ts[0]), int(block.seq.min())
        last_ms, last_seq = int(block.ts[-1]), int(block.seq.max())
        data = pack(block, first_ms, first_seq)
        row = (journal, first_ms, last_ms, first_seq, last_seq, len(block), packed_ms, data)
        run(
            "INSERT INTO chunks(journal, first_ms, last_ms, first_seq, last_seq, count, packed_ms, records) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        yield block


def known(run: Run, journal: int, span: Span) -> set[int]:
    """Numbers of packed records, at least those in the span; chunks that lie apart cost nothing."""
    found: set[int] = set()
    for first, last, count, chunk in _by_seq(run, journal, span):
        if count == last - first + 1:
            found.update(range(max(first, span[0]), min(last, span[1]) + 1))
        else:
            found.update(read_one(run, chunk).unpack().seq.tolist())
    return found


def _by_seq(run: Run, journal: int, span: Span) -> list[tuple[int, int, int, int]]:
    query = (
        "SELECT first_seq, last_seq, count, id FROM chunks WHERE journal = ? AND last_seq >= ? "
        "AND first_seq <= ?"
    )
    found: list[tuple[int, int, int, int]] = run(query, (journal, *span)).fetchall()
    return found


def read_one(run: Run, chunk: int) -> Chunk:
    """That chunk."""
    row = run("SELECT id, first_ms, first_seq, records FROM chunks WHERE id = ?", (chunk,))
    return Chunk(*row.fetchone())


def with_numbers(run: Run, journal: int, span: Span) -> Iterator[Chunk]:
    """Chunks that may hold those numbers of records, as they are when this begins."""
    for *_, chunk in _by_seq(run, journal, span):
        yield read_one(run, chunk)


def packed(run: Run, journal: int, span: Span) -> Block:
    """The packed records of that time."""
    found = run(
        "SELECT id, first_ms, first_seq, records FROM chunks "
        "WHERE journal = ? AND first_ms BETWEEN ? AND ? AND last_ms >= ?",
        (journal, span[0] - CHUNK_SPAN_MS, span[1], span[0]),
    )
    blocks = [Chunk(*row).unpack().between(*span) for row in found]
    return together([block for block in blocks if len(block)] or [of_judged([])])


def unpacked(run: Run, journal: int, span: Span) -> Block:
    """The records of that time that are in the tail."""
    query = "SELECT body FROM tail WHERE journal = ? AND ts_ms BETWEEN ? AND ?"
    return of_judged(sorted_by_time([from_row(body) for (body,) in run(query, (journal, *span))]))


def amount(run: Run, journal: int, span: Span) -> int:
    """About how many packed records there are of that time."""
    (count,) = run(
        "SELECT coalesce(sum(count), 0) FROM chunks "
        "WHERE journal = ? AND first_ms BETWEEN ? AND ? AND last_ms >= ?",
        (journal, span[0] - CHUNK_SPAN_MS, span[1], span[0]),
    ).fetchone()
    return int(count)


def newest(run: Run, journal: int) -> Judged | None:
    """The record with the highest number."""
    row = run("SELECT body FROM tail WHERE journal = ? ORDER BY seq DESC LIMIT 1", (journal,)).fetchone()
    found = from_row(row[0]) if row else None
    query = "SELECT id, last_seq FROM chunks WHERE journal = ? ORDER BY last_seq DESC LIMIT 1"
    chunk = run(query, (journal,)).fetchone()
    if chunk is None or (found is not None and found.record.seq > chunk[1]):
        return found
    block = read_one(run, chunk[0]).unpack()
    return next(block.take(block.seq == chunk[1]).judged())


def numbers(run: Run, journal: int) -> set[int]:
    """Of all records that are kept."""
    loose = {seq for (seq,) in run("SELECT seq FROM tail WHERE journal = ?", (journal,))}
    return loose | known(run, journal, (0, 2**63 - 1))
