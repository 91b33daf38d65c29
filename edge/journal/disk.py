"""The disk under the journal, which may come and go: who owns the file, whether it can be written."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from edge.errors import JournalError
from edge.journal.corrections import Corrections
from edge.journal.file import JournalFile
from edge.journal.opening import open_journal
from edge.journal.salvage import recover, set_aside
from edge.journal.storage import Storage, is_damage, storage_state
from edge.lockfile import claim

LOG = logging.getLogger(__name__)
SURE = 2  # writes in a row that meet damage
Answer = TypeVar("Answer")


class Disk:
    """One journal file, or none for the time being; `state` says how the disk is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state: Storage = "ok"
        self.file: JournalFile | None = None
        self.corrections = Corrections([])
        self._owner: IO[str] | None = None
        self._damaged = False
        self._struck = 0  # how many times in a row a write has met damage
        self._epochs: set[str] = set()  # by which the file that we began with is known again

    @property
    def to_write(self) -> JournalFile | None:
        """The file, when it can be written as far as is known."""
        return self.file if self.file is not None and self.file.writable and not self._damaged else None

    def open(self, epoch: str = "") -> JournalFile:
        """Open to write, mend what is broken; `epoch` is that of an agent that has begun already.

        Raises JournalError when the file is something else, sqlite3.Error and OSError when the disk refuses.
        """
        if self._owner is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._owner = claim(self.path)
            except BlockingIOError as error:
                raise JournalError("another agent has it") from error
        readable, self.file = self.file, None
        if readable is not None:
            readable.close()
        if self._struck == SURE:  # SQLite's own check finds nothing, and yet
            recover(self.path)
        self.file = open_journal(self.path, suspect=self._damaged)
        found = str(self.file.fact("epoch", ""))
        if epoch and self.file.held and found not in self._epochs:
            # another card, say: its numbers are not ours to go on with
            self.file.close()
            aside = set_aside(self.path, "earlier")
            LOG.warning("%s is not the journal of before; it is set aside as %s", self.path, aside.name)
            self.file = open_journal(self.path)
        self._damaged = False
        self._epochs |= {epoch, found}
        self.corrections = self.file.corrections
        return self.file

    def know(self, epoch: str) -> None:
        """The file carries that epoch from now on."""
        self._epochs.add(epoch)

    def open_to_read(self) -> JournalFile | None:
        """What the disk still tells, when it takes nothing."""
        try:
            self.file = JournalFile(self.path, writable=False)
            self._epochs.add(str(self.file.fact("epoch", "")))
            self.corrections = self.file.corrections
        except (sqlite3.Error, OSError, JournalError) as error:
            LOG.warning("%s cannot be read either: %s", self.path, error)
        return self.file

    def blame(self, error: Exception) -> Storage | None:
        """What the disk suffers from; None when it is not to blame."""
        return storage_state(self.path.parent, error)

    def mend(self) -> None:
        """Keep what is readable, whatever SQLite's own check says. Raises sqlite3.Error, OSError."""
        broken, self.file = self.file, None
        if broken is not None:
            broken.close()
        recover(self.path)

    def refuse(self, error: Exception) -> None:
        """The disk did not take what it was given."""
        if is_damage(error):
            self._damaged, self._struck = True, self._struck + 1
        self.state = self.blame(error) or "failing"

    def accept(self) -> None:
        """The disk took it."""
        self._struck = 0
        if self.state != "ok":
            LOG.warning("%s is written again; what memory held is on disk", self.path)
        self.state = "ok"

    def ask(self, question: Callable[[JournalFile], Answer]) -> Answer | None:
        """What the file says; None while there is none or the disk fails. Raises JournalError."""
        if self.file is None:
            return None
        try:
            return question(self.file)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._damaged = self._damaged or is_damage(error)
            if self.state != "ok":
                return None
            raise JournalError(f"{self.path}: the journal cannot be read: {error}") from error

    def close(self, **facts: int) -> None:
        """Let the file go, with its last facts when it takes them."""
        try:
            if self.file is not None:
                self.file.close(**facts)
        except sqlite3.Error as error:  # all records are there; without the facts the next start looks twice
            LOG.warning("%s was not closed in order (%s): the next start looks through it", self.path, error)
        finally:
            self.file = None
            if self._owner is not None:
                self._owner.close()
            self._owner = None
