"""The disk: whether the journal can be written here, and for how long."""

import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge.doctor.report import Finding, fail, ok, warn
from edge.errors import JournalError
from edge.journal.file import JournalFile
from edge.journal_reader import JournalReader

SUBJECT = "disk"
# A journal at its default cap of two million records.
ROOMY_BYTES = 1_000_000_000
LEAST_BYTES = 30_000_000


def disk(journal: Path) -> Iterator[Finding]:
    """Findings about the journal's folder and the journal itself. Nothing stays behind."""
    folder = _existing(journal.parent)
    yield _writable(folder, journal.parent)
    yield _space(folder)
    yield _journal(journal)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there: the agent makes the rest."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _writable(folder: Path, wanted: Path) -> Finding:
    try:
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return fail(
                SUBJECT,
                f"{folder} is on a file system that is mounted read-only",
                "look for errors of the card in `dmesg`, and remount it or name another --journal",
            )
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"picanary")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return fail(
            SUBJECT,
            f"{folder} cannot be written: {error.strerror}",
            "run this as the user of the agent, free the disk, or name another --journal",
        )
    made = "" if folder == wanted else f"; the agent will make {wanted}"
    return ok(SUBJECT, f"{folder} can be written{made}")


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    says = f"{free / 1e6:.0f} MB are free in {folder}"
    if free < LEAST_BYTES:
        return fail(SUBJECT, says, "free some: a week of readings every 10 s needs about 30 MB")
    if free < ROOMY_BYTES:
        return warn(SUBJECT, says, "free some, or lower most_records under [journal]: a full one needs 1 GB")
    return ok(SUBJECT, says)


def _journal(path: Path) -> Finding:
    if not path.exists():
        return ok(SUBJECT, f"no journal yet: the agent will begin {path}")
    try:
        if in_use(path):
            with JournalReader(path) as journal:
                return ok(SUBJECT, f"{path} opens, newest record {journal.last_seq}, a running agent has it")
        file = JournalFile(path, writable=False)  # leaves nothing of root's that would lock the agent out
        try:
            return ok(SUBJECT, f"{path} opens, newest record {file.last}")
        finally:
            file.close()
    except (JournalError, sqlite3.Error) as error:
        does = "the agent saves what it can read of it and begins a new one; a card that does so is worn out"
        return fail(SUBJECT, f"{path} does not open as a journal: {error}", does)


def in_use(journal: Path) -> bool:
    """Whether an agent has that journal: by its lock, which is asked for and let go at once."""
    try:
        with journal.with_name(journal.name + ".lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
