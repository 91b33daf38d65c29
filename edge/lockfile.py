"""One owner a file: a lock beside it, for as long as the owner lives."""

import fcntl
from pathlib import Path
from typing import IO


def claim(path: Path) -> IO[str]:
    """Own `path` while the returned file is open. Raises BlockingIOError when another process does.

    The lock is on a file of its own: closing any handle of a SQLite file drops SQLite's own locks.
    """
    lock = path.with_name(path.name + ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise
    return lock
