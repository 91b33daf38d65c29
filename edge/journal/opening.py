"""How a journal comes to be open: made, brought up to date, mended, or set aside for a new one."""

import logging
import sqlite3
from pathlib import Path

from edge.errors import JournalError
from edge.journal.file import JournalFile
from edge.journal.layout import AnotherFormat
from edge.journal.salvage import finish_recovery, recover, set_aside
from edge.journal.storage import is_damage

LOG = logging.getLogger(__name__)
_MAGIC = b"SQLite format 3\0"
_VERSIONS_AT, _VERSIONS = 18, {1, 2}  # of the file format, for writing and reading; 2 has a write-ahead log
# A larger file is not read as a whole at the start: readings come first, and damage shows when it is met.
MOST_CHECKED_BYTES = 128 * 1024 * 1024


def open_journal(path: Path, *, suspect: bool = False) -> JournalFile:
    """The journal at `path`, ready to be written; `suspect`: look for damage in any case.

    Raises JournalError when the file is something else, sqlite3.Error and OSError when the disk refuses.
    """
    finish_recovery(path)
    if not _may_be_journal(path):
        raise JournalError("file is not a database")
    _mend_header(path)
    try:
        file = JournalFile(path)
    except AnotherFormat as error:
        aside = set_aside(path, f"format-{_tame(error.found)}")
        LOG.warning("%s: %s; it is now %s, and a new one begins", path, error, aside.name)
        return JournalFile(path)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if not is_damage(error):
            raise
        recover(path)
        return JournalFile(path)
    if _is_broken(file, path, suspect):
        file.close()
        recover(path)
        return JournalFile(path)
    return file


def _is_broken(file: JournalFile, path: Path, suspect: bool) -> bool:
    try:
        closed = file.number("closed")
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if not is_damage(error):
            raise
        return True
    unsure = not closed and path.stat().st_size <= MOST_CHECKED_BYTES
    return (suspect or unsure) and not file.is_sound()


def _may_be_journal(path: Path) -> bool:
    """A file of ours, or one so damaged that it could be; a text named by mistake stays as it is."""
    if not path.exists():
        return True
    with path.open("rb") as file:
        head = file.read(len(_MAGIC))
    same = sum(one == other for one, other in zip(head, _MAGIC, strict=False))
    return not head.strip(b"\0") or same >= len(_MAGIC) - 4


def _mend_header(path: Path) -> None:
    """One flipped bit in these two bytes, and SQLite takes the file for one of its own future: read-only."""
    if not path.exists() or path.stat().st_size <= _VERSIONS_AT + 2:
        return
    with path.open("rb") as file:
        file.seek(_VERSIONS_AT)
        found = file.read(2)
    if not set(found) <= _VERSIONS:
        with path.open("r+b") as file:
            file.seek(_VERSIONS_AT)
            file.write(bytes([max(_VERSIONS)] * 2))


def _tame(found: object) -> str:
    """A format number as part of a file name, whatever stands there."""
    return str(found) if isinstance(found, int) else "unknown"
