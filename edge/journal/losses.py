"""What the journal no longer has, and why: a gap that is declared is not lost in silence.

Ranges are coarse: a number inside one may still be there, when the records around it made way
and it did not. Who asks gets only numbers that are gone.
"""

import sqlite3
from dataclasses import dataclass
from typing import Literal

# cap: made way for newer ones; memory: the disk refused for too long; damaged: the file was
# broken; power: numbers of an epoch that ended without a goodbye; unknown: of no epoch of this file
Cause = Literal["cap", "memory", "damaged", "power", "unknown"]
Gone = tuple[int, int, Cause]  # first and last number, both included

MOST_RANGES = 500
MOST_EPOCHS = 1000
EPOCHS_TOLD = 100  # of the newest, health says from where to where they go


@dataclass(frozen=True, slots=True)
class Loss:
    """Numbers that went, both ends included, and how many of them."""

    first: int
    last: int
    cause: Cause
    count: int


def keep_losses(db: sqlite3.Connection, losses: list[Loss]) -> None:
    """Add them to the table `gone`; those of one cause that touch become one range."""
    for loss in losses:
        touching = "cause = ? and first <= ? and last >= ?"
        about = (loss.cause, loss.last + 1, loss.first - 1)
        (first, last) = db.execute(
            f"select min(first), max(last) from gone where {touching}",  # noqa: S608 - a constant of ours
            about,
        ).fetchone()
        db.execute(f"delete from gone where {touching}", about)  # noqa: S608
        row = (min(loss.first, first or loss.first), max(loss.last, last or loss.last), loss.cause)
        db.execute("insert into gone values (?, ?, ?)", row)
    if losses:
        _bound(db)


def _bound(db: sqlite3.Connection) -> None:
    """The two oldest ranges become one, with the cause of the longer, until there are few enough."""
    rows = db.execute("select first, last, cause from gone order by first").fetchall()
    if len(rows) <= MOST_RANGES:
        return
    while len(rows) > MOST_RANGES:
        one, other = rows[0], rows[1]
        longer = max(one, other, key=lambda row: int(row[1]) - int(row[0]))
        rows[:2] = [(one[0], max(one[1], other[1]), longer[2])]
    db.execute("delete from gone")
    db.executemany("insert into gone values (?, ?, ?)", rows)


def keep_epoch(db: sqlite3.Connection, epoch: str, first: int) -> None:
    """From number `first` on, records are of `epoch`."""
    db.execute("insert or ignore into epochs values (?, ?)", (epoch, first))
    db.execute(
        "delete from epochs where rowid not in (select rowid from epochs order by rowid desc limit ?)",
        (MOST_EPOCHS,),
    )


def gone(db: sqlite3.Connection, epoch: str, newest: str, last: int, first: int, end: int) -> list[Gone]:
    """Which of the numbers `first` to `end` of `epoch` are not there and will not come, and why.

    `newest` is the epoch of now, and `last` its newest number so far. Ascending, without overlap.
    """
    row = db.execute("select rowid, first from epochs where epoch = ?", (epoch,)).fetchone()
    if row is None:
        return [(first, end, "unknown")] if first <= end else []
    after = db.execute("select min(first) from epochs where rowid > ?", (row[0],)).fetchone()[0]
    is_old = epoch != newest and after is not None
    ended = int(after) - 1 if is_old else last
    found = _missing(db, max(first, int(row[1])), min(end, ended))
    if is_old and end > ended:
        found.append((max(first, ended + 1), end, "power"))
    return found


def _missing(db: sqlite3.Connection, first: int, end: int) -> list[Gone]:
    """The holes among the records, cut where the cause changes."""
    ranges = db.execute(
        "select first, last, cause from gone where last >= ? and first <= ? order by first", (first, end)
    ).fetchall()
    found: list[Gone] = []
    reached = first
    for (seq,) in db.execute("select seq from records where seq between ? and ? order by seq", (first, end)):
        found += _causes(ranges, reached, seq - 1)
        reached = seq + 1
    return found + _causes(ranges, reached, end)


def _causes(ranges: list[Gone], first: int, end: int) -> list[Gone]:
    """The hole `first` to `end` in pieces, one a cause."""
    pieces: list[Gone] = []
    while first <= end:
        over = [row for row in ranges if row[0] <= first <= row[1]]
        # what no range explains was there once, and is not readable now
        cause: Cause = over[0][2] if over else "damaged"
        ahead = [row[0] - 1 for row in ranges if row[0] > first]
        last = min(end, over[0][1] if over else min(ahead, default=end))
        pieces.append((first, last, cause))
        first = last + 1
    return pieces


def undeclared(db: sqlite3.Connection, first: int, last: int) -> list[tuple[int, int]]:
    """The parts of `first` to `last` that are not in the table of what is gone."""
    found = []
    query = "select first, last from gone where last >= ? and first <= ? order by first"
    for begin, end in db.execute(query, (first, last)).fetchall():
        if begin > first:
            found.append((first, begin - 1))
        first = max(first, end + 1)
    return [*found, (first, last)] if first <= last else found
