"""Sent = received + declared gaps: what a journal gave out, held against what somebody got."""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.edge.faults.journals import by_number

Epoch = tuple[str, str]  # device and epoch


@dataclass(frozen=True, slots=True)
class Sent:
    """The numbers of one epoch, both ends included, as the agent's journal knows them."""

    first: int
    last: int


@dataclass(slots=True)
class Received:
    """What one consumer has of one epoch."""

    had: set[int] = field(default_factory=set)
    gone: dict[int, str] = field(default_factory=dict)  # declared, with the cause

    @property
    def holes(self) -> set[int]:
        """Neither had nor declared, between the least and the greatest number that is known."""
        known = self.had | self.gone.keys()
        return set(range(min(known), max(known) + 1)) - known if known else set()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the ledger. `missing` was neither received nor declared; `strange` nobody has sent."""

    consumer: str
    device: str
    epoch: str
    sent: int
    received: int
    declared: int
    missing: tuple[int, ...]
    strange: tuple[int, ...]

    @property
    def holds(self) -> bool:
        """Whether the equation does."""
        return not self.missing and not self.strange and self.sent == self.received + self.declared


def balance(consumer: str, at: Epoch, sent: Sent | None, got: Received, *, from_memory: bool) -> Row:
    """The line of one epoch. `from_memory`: the disk refused then, and records went out that it never had."""
    numbers = set(range(sent.first, sent.last + 1)) if sent else set()
    strange = got.had - numbers
    if from_memory:
        # what nobody kept is what the consumer itself knows of
        numbers |= strange | got.holes | {seq for seq in got.gone if seq <= max(got.had, default=0)}
        strange = set()
    declared = (got.gone.keys() - got.had) & numbers
    missing = numbers - got.had - declared
    received = len(got.had & numbers)
    return Row(
        consumer,
        *at,
        len(numbers),
        received,
        len(declared),
        tuple(sorted(missing)),
        tuple(sorted(strange)),
    )


@dataclass(frozen=True, slots=True)
class Peek:
    """A journal as it lies on the disk."""

    epochs: dict[str, Sent]
    records: dict[int, str]  # what each record says of itself, of those that are still there
    newest_ms: int


def peek(journal: Path) -> Peek:
    """Read a copy, so that whoever opens the journal next finds it as it was left."""
    with tempfile.TemporaryDirectory(prefix="picanary-soak-") as folder:
        copy = Path(folder) / journal.name
        for side in ("", "-wal"):
            if (file := journal.with_name(journal.name + side)).exists():
                shutil.copy(file, copy.with_name(copy.name + side))
        with closing(sqlite3.connect(copy)) as database:
            tables = {name for (name,) in database.execute("select name from sqlite_master")}
            if "epochs" not in tables:
                return Peek({}, {}, 0)
            begun = database.execute("select epoch, first from epochs order by rowid").fetchall()
            records = by_number(database)
            row = database.execute("select value from facts where name = 'last'").fetchone()
    last = max([int(row[0]) if row else 0, *records])
    ends = [first - 1 for _, first in begun[1:]] + [last]
    epochs = {name: Sent(first, end) for (name, first), end in zip(begun, ends, strict=True) if first <= end}
    newest = records[max(records)]["ts_ms"] if records else 0
    return Peek(epochs, {seq: content(record) for seq, record in records.items()}, newest)


def content(record: dict[str, object]) -> str:
    """What of a record never changes; its time may be corrected."""
    return f"{record['epoch']} {record['mono_ms']} {record.get('temperature_c')} {record.get('humidity_pct')}"


def ranges(numbers: tuple[int, ...]) -> str:
    """Numbers in ascending order as people write them: 1-5, 9."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(f"{first}-{last}" if first < last else str(first) for first, last in parts)
