"""What a disk that refuses suffers from: the agent goes on from memory, and health names the reason."""

import errno
import os
import sqlite3
from pathlib import Path
from typing import Literal

Storage = Literal["ok", "full", "readonly", "failing"]

_STATES: dict[int, Storage] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EROFS: "readonly",
    errno.EIO: "failing",
}


def storage_state(folder: Path, error: Exception) -> Storage | None:
    """Why the disk refused, by `error` or a small write to `folder`; None: it is not to blame."""
    if isinstance(error, OSError):
        return _STATES.get(error.errno or 0)
    if (
        isinstance(error, sqlite3.Error)
        and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    ):
        return "full"
    # SQLite hides errno: a file system that turned read-only is a "disk I/O error"
    return _probe(folder)


def is_damage(error: Exception) -> bool:
    """Whether SQLite says that the file itself is broken.

    A schema that has rotted shows as a query of ours that SQLite does not understand, or as a name
    that is no text.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    broken = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
    return isinstance(error, UnicodeDecodeError) or (isinstance(error, sqlite3.Error) and code in broken)


def _probe(folder: Path) -> Storage | None:
    probe = folder / f".probe-{os.getpid()}"
    try:
        with probe.open("wb", buffering=0) as file:
            file.write(b"\0" * 8192)
            os.fsync(file.fileno())
    except OSError as error:
        return _STATES.get(error.errno or 0)
    finally:
        _remove(probe)
    return None


def _remove(probe: Path) -> None:
    try:
        probe.unlink(missing_ok=True)
    except OSError:
        return
