"""What stands in the journal of a running agent, read as anybody may: without a lock, and without a wait."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from edge.journal.packing import Unpacker

PATIENCE_S = 120.0


def bodies(journal: Path) -> list[dict[str, Any]]:
    """The records in their order; none while there is no journal."""
    if not journal.exists():
        return []
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        try:
            return list(by_number(database).values())
        except sqlite3.OperationalError:  # it is being made
            return []


def by_number(database: sqlite3.Connection) -> dict[int, dict[str, Any]]:
    """The records as they were written, uncorrected, in their order."""
    rows: dict[int, bytes] = dict(database.execute("select seq, body from records order by seq").fetchall())
    unpacker = Unpacker(rows.get)
    return {seq: json.loads(unpacker.unpack(seq, packed) or b"") for seq, packed in rows.items()}


def count(journal: Path) -> int:
    """How many records there are."""
    return len(bodies(journal))


def wait_for(journal: Path, records: int) -> None:
    """Until there are so many records."""
    deadline = time.monotonic() + PATIENCE_S
    while count(journal) < records:
        assert time.monotonic() < deadline, f"{count(journal)} records"
        time.sleep(0.05)
