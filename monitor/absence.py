"""When the monitor itself did not run: a gap of that time is no device's fault."""

import time
from contextlib import suppress
from pathlib import Path

from monitor.store import Store

SCHEMA = "CREATE TABLE IF NOT EXISTS absences(from_ms INTEGER PRIMARY KEY, to_ms INTEGER)"
LEAST_MS = 60_000  # a restart is not worth a word
KEPT = 200


def last_written_ms(path: Path) -> int | None:
    """When a monitor last wrote into that store; None when there is none. To be asked before it is opened."""
    times = []
    for file in (path, Path(f"{path}-wal")):
        with suppress(OSError):
            times.append(file.stat().st_mtime_ns // 1_000_000)
    return max(times, default=None)


class Absences:
    """Kept in the store. One is open from before a start until that start has succeeded."""

    def __init__(self, store: Store, since_ms: int | None) -> None:
        """`since_ms`: when the monitor was last there, if it ever was."""
        self._store = store
        with store.writing() as run:
            run(SCHEMA)
            # the first of several starts that fail knows best since when
            (is_open,) = run("SELECT count(*) FROM absences WHERE to_ms IS NULL").fetchone()
            if since_ms is not None and not is_open:
                run("INSERT OR IGNORE INTO absences(from_ms) VALUES (?)", (since_ms,))

    def end(self) -> None:
        """The monitor is there."""
        with self._store.writing() as run:
            run("UPDATE absences SET to_ms = ? WHERE to_ms IS NULL", (int(time.time() * 1000),))
            run("DELETE FROM absences WHERE to_ms - from_ms < ?", (LEAST_MS,))
            newest = "SELECT from_ms FROM absences ORDER BY from_ms DESC LIMIT ?"
            run(f"DELETE FROM absences WHERE from_ms NOT IN ({newest})", (KEPT,))  # noqa: S608

    def known(self) -> list[tuple[int, int]]:
        """(from, to) in milliseconds since 1970, the newest first."""
        with self._store.reading() as run:
            query = "SELECT from_ms, to_ms FROM absences WHERE to_ms IS NOT NULL ORDER BY from_ms DESC"
            return [(start, end) for start, end in run(query)]
