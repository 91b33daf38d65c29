"""What is readable of a damaged journal, copied into a new one; the damaged file is set aside."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from edge.journal.file import SENT_COMMITS, JournalFile
from edge.journal.layout import lenient
from edge.journal.losses import Loss
from edge.journal.packing import Unpacker
from edge.journal.ring import MOST_WAITING, Ring, Row, checksum, is_of

LOG = logging.getLogger(__name__)
MOST_ASIDE = 3  # files of one kind that are set aside; then the last makes way
_BATCH = 1000
_SIDES = ("", "-wal", "-shm")
_FAR = 1 << 40
_LEAST_ROW_BYTES = 4  # of a file


class _Damaged(sqlite3.Connection):
    """A file whose pages may point in a circle, so that SQLite would give rows for ever."""

    most_rows = 0


def recover(path: Path) -> None:
    """Put a sound journal in the place of a damaged one. Raises sqlite3.Error, OSError."""
    fresh = path.with_name(path.name + ".recovering")
    _remove(fresh)
    kept, lost = _copy(path, fresh)
    aside = set_aside(path, "damaged")
    fresh.replace(path)
    LOG.warning(
        "%s was damaged: %d records kept, %d lost; the damaged file is now %s", path, kept, lost, aside.name
    )


def finish_recovery(path: Path) -> None:
    """When the power went between the last two steps of `recover`."""
    fresh = path.with_name(path.name + ".recovering")
    if fresh.exists() and not path.exists():
        fresh.replace(path)


def set_aside(path: Path, why: str) -> Path:
    """Rename a journal, with what SQLite keeps beside it, to PATH.WHY-1 or the next that is free."""
    names = [path.with_name(f"{path.name}.{why}-{number}") for number in range(1, MOST_ASIDE + 1)]
    aside = next((name for name in names if not name.exists()), names[-1])
    _remove(aside)
    for side in _SIDES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + side).replace(aside.with_name(aside.name + side))
    return aside


def _remove(path: Path) -> None:
    for side in _SIDES:
        path.with_name(path.name + side).unlink(missing_ok=True)


def _copy(path: Path, fresh: Path) -> tuple[int, int]:
    """How many records were kept and lost."""
    new = JournalFile(fresh)
    try:
        with closing(sqlite3.connect(path, isolation_level=None, factory=_Damaged)) as old:
            old.most_rows = path.stat().st_size // _LEAST_ROW_BYTES
            old.text_factory = lenient
            # or SQLite reads nothing at all of a file that is shorter than it says
            old.execute("pragma writable_schema = on")
            facts = {str(name): value for name, value in _rows(old, "select name, value from facts")}
            _copy_tables(old, new)
            last = _last(old, facts)
            kept, lost = _copy_records(_records(old, last), last, new)
        epoch, dropped = str(facts.get("epoch", "")), _number(facts.get("dropped"))
        new.keep(last=last, closed=0, epoch=epoch, sent=_number(facts.get("sent")), dropped=dropped + lost)
    finally:
        new.close()
    return kept, lost


def _copy_records(rows: Iterator[Row], last: int, new: JournalFile) -> tuple[int, int]:
    ring, kept, lost, reached = Ring(), 0, 0, None
    for row in rows:
        if reached is not None:  # before the first one all have made way long ago
            lost += _lose(ring, new, reached + 1, row[0] - 1)
        reached = row[0]
        ring.records.append(row)
        kept += 1
        if len(ring.records) >= _BATCH:
            new.write(ring, _FAR, 0, 0)
            ring.clear()
    lost += _lose(ring, new, (reached or 0) + 1, last)
    new.write(ring, _FAR, 0, 0)
    return kept, lost


def _lose(ring: Ring, new: JournalFile, first: int, last: int) -> int:
    """What the old journal has not declared already."""
    lost = 0
    for begin, end in new.undeclared(first, last):
        ring.lose(Loss(begin, end, "damaged", end - begin + 1))
        lost += end - begin + 1
    return lost


def _copy_tables(old: _Damaged, new: JournalFile) -> None:
    for table, columns in (
        ("gone", "first, last, cause"),
        ("epochs", "epoch, first"),
        ("corrections", "boot, first, last, offset_ms, shift_ms, clk"),
        ("events", "number, body"),
    ):
        new.take(table, list(_rows(old, f"select {columns} from {table}")))  # noqa: S608 - constants of ours


def _rows(db: _Damaged, query: str, *values: int) -> Iterator[tuple[Any, ...]]:
    """Rows up to the first page that is broken, and no more than the file has room for."""
    with suppress(sqlite3.DatabaseError, UnicodeDecodeError):
        yield from islice(db.execute(query, values), db.most_rows)


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < _FAR else 0


def _last(db: _Damaged, facts: dict[str, object]) -> int:
    """The greatest number that was given, as far as the file tells."""
    for (seq,) in _rows(db, "select coalesce(max(seq), 0) from records"):
        return max(_number(seq), _number(facts.get("last")))
    kept = _number(facts.get("last"))
    for (seq,) in _rows(db, "pragma user_version"):
        if kept < _number(seq) <= kept + SENT_COMMITS * MOST_WAITING:  # or it is what rotted
            return _number(seq)
    return kept


def _records(db: _Damaged, last: int) -> Iterator[Row]:
    """All whole records in order, over broken pages."""
    checked = any(row[1] == "crc" for row in _rows(db, "pragma table_info(records)"))
    select = f"select seq, strange, body, {'crc' if checked else 'null'} from records not indexed where seq"  # noqa: S608
    unpacker = Unpacker(
        lambda seq: next(_rows(db, "select body from records where seq = ?", seq), (None,))[0]
    )
    reached = 0
    while reached < last:
        for row in _rows(db, f"{select} > ? order by seq", reached):
            if (whole := _whole(row, unpacker)) is not None and reached < whole[0] <= last:
                reached = whole[0]
                yield whole
        beyond = _beyond(db, select, reached, last, unpacker)
        end = beyond[0] if beyond else last + 1
        # what lies between is read backwards from there, down to the broken page
        between = {}
        for row in _rows(db, f"{select} > ? and seq < ? order by seq desc", reached, end):
            if (whole := _whole(row, unpacker)) is not None and reached < whole[0] < end:
                between[whole[0]] = whole
        yield from (between[seq] for seq in sorted(between))
        if beyond:
            yield beyond
        reached = end


def _beyond(db: _Damaged, select: str, reached: int, last: int, unpacker: Unpacker) -> Row | None:
    """A whole record above `reached`, sought in growing strides."""
    stride = 1
    while reached + stride <= last:
        for row in _rows(db, f"{select} >= ? order by seq limit 1", reached + stride):
            whole = _whole(row, unpacker)
            if whole is not None and reached < whole[0] <= last:
                return whole
        stride *= 2
    return None


def _whole(row: tuple[Any, ...], unpacker: Unpacker) -> Row | None:
    """The row, if it is as it was written."""
    seq, strange, packed, crc = row
    if not isinstance(seq, int) or strange not in (0, 1):
        return None
    body = unpacker.unpack(seq, packed)
    if body is None:
        return None
    if crc is None:
        return _row(seq, strange, body) if _is_json(body) else None
    return _row(seq, strange, body) if is_of(seq, body, crc) else None


def _row(seq: int, strange: int, body: bytes) -> Row:
    return seq, strange, body, checksum(seq, body)


def _is_json(body: bytes) -> bool:
    """All that can be told of a record from before there were checksums."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
