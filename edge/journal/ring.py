"""Memory in front of the disk: what waits for its commit, and all there is while the disk refuses."""

from collections import deque
from zlib import crc32

from edge.journal.corrections import Correction
from edge.journal.losses import Gone, Loss

# While the disk refuses: about three hours at one reading a second, 10 MB.
MOST_WAITING = 10_000
MOST_WAITING_EVENTS = 1_000

Row = tuple[int, int, bytes, int]  # number, whether it is strange, JSON, CRC-32


def checksum(seq: int, body: bytes) -> int:
    """CRC-32 of a record and its number: SQLite has none, and a flipped bit in a body is good SQL."""
    return crc32(body, seq & 0xFFFFFFFF)


def is_of(seq: int, body: bytes, crc: object) -> bool:
    """Whether that is its checksum, which SQLite may have kept with a sign."""
    return isinstance(crc, int) and crc & 0xFFFFFFFF == checksum(seq, body)


class Ring:
    """Records and events that are not on disk yet; the oldest go when there are too many."""

    def __init__(self) -> None:
        self.records: deque[Row] = deque()
        self.events: deque[tuple[int, bytes]] = deque(maxlen=MOST_WAITING_EVENTS)
        self.losses: list[Loss] = []
        self.corrections: list[Correction] = []
        self.delivered: set[int] = set()  # events on disk that may go with the next commit
        self.unreadable: set[int] = set()  # records on disk likewise

    def __bool__(self) -> bool:
        rest = self.losses or self.corrections or self.delivered or self.unreadable
        return bool(self.records or self.events or rest)

    @property
    def lost(self) -> int:
        """How many records are gone that the disk does not know of yet."""
        return sum(loss.count for loss in self.losses)

    def add(self, seq: int, body: bytes, *, strange: bool) -> None:
        """One record more; the oldest goes when there are too many."""
        self.records.append((seq, int(strange), body, checksum(seq, body)))
        if len(self.records) > MOST_WAITING:
            dropped = self.records.popleft()[0]
            self.lose(Loss(dropped, dropped, "memory", 1))

    def lose(self, loss: Loss) -> None:
        """Remember what is gone until the disk can."""
        before = self.losses[-1] if self.losses else None
        if before is not None and before.cause == loss.cause and before.last + 1 == loss.first:
            loss = Loss(before.first, loss.last, loss.cause, before.count + loss.count)
            self.losses.pop()
        self.losses.append(loss)

    def gone(self, first: int, last: int) -> list[Gone]:
        """What of those numbers is lost that the disk does not know of yet."""
        cut = [(max(first, loss.first), min(last, loss.last), loss.cause) for loss in self.losses]
        return [each for each in cut if each[0] <= each[1]]

    def note_unreadable(self, seq: int) -> None:
        """A record on disk is not what was written."""
        if seq not in self.unreadable:
            self.unreadable.add(seq)
            self.lose(Loss(seq, seq, "damaged", 1))

    def deliver(self, number: int) -> None:
        """The broker has that event."""
        kept = [event for event in self.events if event[0] != number]
        if len(kept) == len(self.events):
            self.delivered.add(number)
        self.events = deque(kept, MOST_WAITING_EVENTS)

    def after(self, seq: int, most: int) -> list[tuple[int, bytes]]:
        """At most so many records with numbers above `seq`."""
        found = []
        for number, _, body, _ in self.records:
            if number > seq:
                found.append((number, body))
                if len(found) >= most:
                    break
        return found

    def clear(self) -> None:
        """All of it is on disk."""
        self.records.clear()
        self.events.clear()
        self.losses.clear()
        self.corrections.clear()
        self.delivered.clear()
        self.unreadable.clear()
