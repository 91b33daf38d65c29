"""A monitor's store, read by others: records as columns, and what people said; also beside a running monitor.

Takes no lock that the monitor would wait for, and changes nothing.
"""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from edge.errors import RecordingError
from monitor.history import reading
from monitor.history.block import Block
from monitor.labels import Labelled, Missed, labelled, missed
from monitor.store import APPLICATION_ID, VERSION

__all__ = ["Block", "Labelled", "Missed", "StoreReader", "is_store"]

_MAGIC = b"SQLite format 3\0"
_AT, _BYTES = 68, 4  # where SQLite keeps the application's number, big end first


def is_store(path: Path) -> bool:
    """Whether the file says that it is a monitor's store. Raises OSError where there is none to read."""
    with path.open("rb") as file:
        head = file.read(_AT + _BYTES)
    if not head.startswith(_MAGIC):
        return False
    try:  # beside a monitor that has just begun, even the first page may stand in the log alone
        with closing(_connected(path)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
    except sqlite3.Error:  # damaged: the reader says how
        application = int.from_bytes(head[_AT:], "big")
    return bool(application == APPLICATION_ID)


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)


class StoreReader:
    """One moment's view of a store."""

    def __init__(self, path: Path) -> None:
        """Raises RecordingError when it is no store of this monitor's format."""
        self._path = path
        with self._telling():
            self._db = _connected(path)
        try:
            with self._telling():
                self._db.execute("BEGIN")  # all that is read is of one moment
                (application,) = self._db.execute("PRAGMA application_id").fetchone()
                (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if application != APPLICATION_ID:
                raise RecordingError(f"{path}: not a monitor's store")
            if version != VERSION:
                raise RecordingError(
                    f"{path}: a store of format {version}, this picanary reads {VERSION}; "
                    "start its monitor once with this version, which brings it up to date"
                )
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> "StoreReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, zlib.error) as error:
            raise RecordingError(f"{self._path}: cannot be read as a monitor's store: {error}") from error

    def devices(self) -> list[str]:
        """Those that have records."""
        with self._telling():
            query = "SELECT DISTINCT device FROM journals WHERE last > 0 ORDER BY device"
            return [device for (device,) in self._db.execute(query)]

    def blocks(self, device: str) -> Iterator[Block]:
        """All records of a device in the order of time. Raises RecordingError where they are damaged."""
        with self._telling():
            yield from reading.blocks(self._db.execute, device, reading.EVER)

    def labels(self, device: str) -> tuple[list[Labelled], list[Missed]]:
        """What people said of its events, and when they missed an alarm."""
        with self._telling():
            return labelled(self._db.execute, device), missed(self._db.execute, device)
