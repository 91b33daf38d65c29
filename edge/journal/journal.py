"""The journal as sampler and publisher see it: numbers are given here, and the disk may come and go.

SQLite with a write-ahead log. Records gather in memory and are committed together, which
spares the card: what is not yet committed is what a power cut can cost. While the disk works
only committed records are published. While it refuses they go out from memory: no number is
given twice all the same, since a journal that was not closed in order begins a new epoch.
"""

import logging
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge.errors import JournalError
from edge.journal.corrections import Correction
from edge.journal.disk import Disk
from edge.journal.file import JournalFile
from edge.journal.losses import Gone, Loss
from edge.journal.outgoing import Outgoing
from edge.journal.ring import Ring
from edge.journal.storage import Storage, is_damage

LOG = logging.getLogger(__name__)
COMMIT_S = 10.0
COMMIT_RECORDS = 10
MOST_RECORDS = 2_000_000
_EPOCH = re.compile("[0-9a-f]{16}")


class Journal:
    """Records by number, and events that wait to be sent. Safe to use from two threads.

    `epoch` names this life of the file: (device, epoch, seq) names a record for ever. A file that
    was not closed in order starts a new epoch, since numbers may have been given that were not kept.
    """

    def __init__(
        self,
        path: Path,
        *,
        commit_s: float = COMMIT_S,
        commit_records: int = COMMIT_RECORDS,
        most_records: int = MOST_RECORDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open or create; on a disk that refuses, begin in memory. Raises JournalError for a wrong file."""
        self._disk = Disk(path)
        self._commit_s, self._commit_records, self._most_records = commit_s, commit_records, most_records
        self._clock = clock
        self._lock = threading.RLock()
        self._ring = Ring()
        self._due = 0.0  # when what waits is to be on disk
        self._outgoing = Outgoing(self._disk, self._ring)
        self._last = self._last_event = self._sent = self._dropped = 0
        self.epoch = ""
        try:
            self._open()
        except (sqlite3.Error, OSError, JournalError) as error:
            self._begin_in_memory(error)

    def _open(self) -> None:
        try:
            self._begin(self._disk.open())
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if not is_damage(error):
                raise
            # one that was closed in order is not looked through, and a look sees no column's name
            self._disk.mend()
            self._begin(self._disk.open())

    def _begin(self, file: JournalFile) -> None:
        """Numbers go on over all epochs of one file, so seq orders the whole of it."""
        self._read_facts(file)
        kept = str(file.fact("epoch", "")) if file.number("closed") else ""
        if _EPOCH.fullmatch(kept):  # or one of its bits has flipped
            self.epoch = kept
        self.epoch = self.epoch or secrets.token_hex(8)
        self._claim(file)

    def _read_facts(self, file: JournalFile) -> None:
        self._last, self._last_event = file.last, file.last_event()
        self._sent, self._dropped = file.number("sent"), file.number("dropped")

    def _claim(self, file: JournalFile) -> None:
        file.begin_epoch(self.epoch, file.last + 1)
        self._disk.know(self.epoch)

    def _begin_in_memory(self, error: Exception) -> None:
        """What is on the disk can perhaps be read; what comes is of a new epoch."""
        state = None if isinstance(error, JournalError) else self._disk.blame(error)
        if state is None:
            self._disk.close()
            raise JournalError(
                f"{self._disk.path}: the journal cannot be opened ({error}); "
                "name another with --journal or move it away"
            ) from error
        self._disk.state, self.epoch = state, secrets.token_hex(8)
        file = self._disk.open_to_read()
        if file is not None:
            self._read_facts(file)
        LOG.error("%s cannot be written (%s): records are kept in memory", self._disk.path, error)

    @property
    def storage(self) -> Storage:
        """How the disk is; anything but `ok` means that records are kept in memory."""
        return self._disk.state

    @property
    def next_seq(self) -> int:
        """The number that the next record will have."""
        return self._last + 1

    @property
    def last_seq(self) -> int:
        """The number of the newest record that may be sent: on disk, or in memory while the disk refuses."""
        file = self._disk.file
        return file.last if file is not None and self.storage == "ok" else self._last

    @property
    def sent(self) -> int:
        """Up to which number the broker has acknowledged all records."""
        return self._sent

    @property
    def unsent(self) -> int:
        """How many records that may be sent no broker has acknowledged, at most."""
        return max(0, min(self.last_seq - self._sent, self.count()))

    @property
    def first_seq(self) -> int:
        """The number of the oldest record that is still there; 0 when there is none."""
        with self._lock:
            first = self._disk.ask(lambda file: file.first())
            return first or (self._ring.records[0][0] if self._ring.records else 0)

    @property
    def dropped(self) -> int:
        """How many records are gone for good, whatever the cause."""
        return self._dropped + self._ring.lost

    def count(self) -> int:
        """How many records there are, on disk and waiting."""
        with self._lock:
            return (self._disk.file.held if self._disk.file else 0) + len(self._ring.records)

    def append(self, body: bytes, *, strange: bool = False, events: tuple[bytes, ...] = ()) -> int:
        """Add a record, JSON, as number `next_seq`; one with events is on disk when this returns.

        Raises JournalError when the disk refuses; the record then waits for the next try, after
        another commit interval. Memory holds so many records; then the oldest is dropped and counted.
        """
        with self._lock:
            if not self._ring.records:
                self._due = self._clock() + self._commit_s
            self._last += 1
            self._ring.add(self._last, body, strange=strange)
            self._add_events(events)
            refused = self.storage != "ok"
            full = len(self._ring.records) >= self._commit_records
            if self._clock() >= self._due or ((full or events) and not refused):
                self.commit()
            return self._last

    def append_events(self, events: tuple[bytes, ...]) -> None:
        """Add events that come with no record. Raises JournalError when the disk refuses."""
        with self._lock:
            self._add_events(events)
            self.commit()

    def _add_events(self, events: tuple[bytes, ...]) -> None:
        for body in events:
            self._last_event += 1
            self._ring.events.append((self._last_event, body))

    def commit(self) -> None:
        """Put what waits on disk. Raises JournalError when the disk refuses."""
        with self._lock:
            if not self._ring:
                return
            self._due = self._clock() + self._commit_s
            try:
                file = self._disk.to_write or self._reopen()
                cut = file.write(self._ring, self._most_records, self._sent, self.dropped)
            except (sqlite3.Error, OSError, JournalError) as error:
                self._disk.refuse(error)
                raise JournalError(f"{self._disk.path}: the journal cannot be written: {error}") from error
            self._dropped = self.dropped + cut
            self._ring.clear()
            self._disk.accept()

    def _reopen(self) -> JournalFile:
        """The disk may be back, or what is broken mended. Raises as `Disk.open`."""
        kept = self._disk.file.last if self._disk.file else 0
        file = self._disk.open(self.epoch)
        self._claim(file)
        if file.last < kept:
            self._ring.lose(Loss(file.last + 1, kept, "damaged", kept - file.last))
        for correction in self._ring.corrections:
            file.corrections.add(correction)
        self._dropped = max(self._dropped, file.number("dropped"))
        return file

    def after(self, seq: int, most: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """Records with numbers above `seq` that may be sent, at most so many and so large, at least one."""
        with self._lock:
            return self._outgoing.page(seq, most, most_bytes)

    def gone(self, epoch: str | None, first: int, last: int) -> list[Gone]:
        """Which of those numbers are not here, and why; `epoch` None is that of now. Raises JournalError."""
        with self._lock:
            of = epoch or self.epoch
            with suppress(JournalError):
                self.commit()  # what memory knows to be lost
            found = self._disk.ask(lambda file: file.gone(of, self.epoch, file.last, first, last)) or []
            if of == self.epoch:
                found = sorted([*found, *self._ring.gone(first, last)])
            return found

    def epochs(self) -> list[tuple[str, int, int]]:
        """The newest, oldest first: first and last number, as far as a broker has acknowledged them."""
        with self._lock:
            return self._disk.ask(lambda file: file.epochs(self._sent)) or []

    def correct(self, correction: Correction) -> None:
        """Records of a boot get their true time whenever they are read; kept with the next commit."""
        with self._lock:
            self._disk.corrections.add(correction)
            self._ring.corrections.append(correction)

    def events_after(self, number: int, most: int) -> list[tuple[int, bytes]]:
        """Events that wait to be sent, with their numbers above `number`."""
        with self._lock:
            return self._outgoing.events(number, most)

    def mark_sent(self, seq: int) -> None:
        """The broker has all records up to `seq`; kept with the next commit."""
        with self._lock:
            self._sent = max(self._sent, seq)

    def remove_event(self, number: int) -> None:
        """The broker has that event; it goes with the next commit."""
        with self._lock:
            self._ring.deliver(number)

    def close(self) -> None:
        """Commit and close in order. Raises JournalError when the disk refuses."""
        with self._lock:
            facts: dict[str, int] = {}
            try:
                self.commit()
                if self._disk.to_write and self.storage == "ok":
                    facts = {"closed": 1, "last": self._last, "sent": self._sent}
            finally:
                self._disk.close(**facts)
