"""A journal read from beside: its records in order, while the agent goes on writing them."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.errors import JournalError
from edge.journal.corrections import Correction, Corrections
from edge.journal.layout import FORMAT, READABLE
from edge.journal.packing import Unpacker
from edge.journal.ring import is_of

_PAGE = 1000


class JournalReader:
    """The records on disk. Takes no lock that the agent would wait for."""

    def __init__(self, path: Path) -> None:
        """Raises JournalError when it is no journal."""
        self._path = path
        try:
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            row = self._db.execute("select value from facts where name = 'format'").fetchone()
        except sqlite3.Error as error:
            raise JournalError(f"{path}: cannot be read as a journal: {error}") from error
        if row is None or row[0] not in READABLE:
            self._db.close()
            raise JournalError(f"{path}: not a journal of format {FORMAT}")
        self._is_first = row[0] == 1  # had no checksums, and no corrections
        self._unpacker = Unpacker(self._packed)

    def __enter__(self) -> "JournalReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @property
    def last_seq(self) -> int:
        """The number of the newest record; 0 when there is none."""
        return int(self._one("select coalesce(max(seq), 0) from records"))

    def count(self) -> int:
        """How many records there are."""
        return int(self._one("select count(*) from records"))

    def records(self, since: int = 0) -> Iterator[dict[str, Any]]:
        """Records with numbers above `since`, oldest first, with their true times; without those that rotted.

        Raises JournalError where the file is damaged.
        """
        seq = since
        crc = "null" if self._is_first else "crc"
        query = f"select seq, body, {crc} from records where seq > ? order by seq limit ?"  # noqa: S608 - ours
        try:
            corrections = self._corrections()
            while page := self._page(query, seq):
                for number, body, check in page:
                    if body is None or not (check is None or is_of(number, body, check)):
                        continue
                    table = json.loads(body)
                    corrections.table(number, table)
                    yield table
                seq = page[-1][0]
        except (sqlite3.Error, ValueError) as error:
            raise JournalError(f"{self._path}: record after {seq} cannot be read: {error}") from error

    def _page(self, query: str, seq: int) -> list[tuple[int, bytes | None, int | None]]:
        """Unpacked from one state of the file: what a record is told by may make way meanwhile."""
        self._db.execute("begin")
        try:
            rows = self._db.execute(query, (seq, _PAGE)).fetchall()
            return [(number, self._unpacker.unpack(number, packed), check) for number, packed, check in rows]
        finally:
            self._db.execute("rollback")

    def _corrections(self) -> Corrections:
        if self._is_first:
            return Corrections([])
        rows = self._db.execute("select boot, first, last, offset_ms, shift_ms, clk from corrections")
        return Corrections([Correction(*row) for row in rows])

    def _packed(self, seq: int) -> object:
        row = self._db.execute("select body from records where seq = ?", (seq,)).fetchone()
        return row and row[0]

    def _one(self, query: str) -> Any:
        try:
            return self._db.execute(query).fetchone()[0]
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: the journal cannot be read: {error}") from error
