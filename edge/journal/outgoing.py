"""What may be sent: what is on disk, and what memory holds while the disk refuses."""

from edge.journal.disk import Disk
from edge.journal.ring import Ring


class Outgoing:
    """Records and events in their order, whole and with their true times."""

    def __init__(self, disk: Disk, ring: Ring) -> None:
        self._disk, self._ring = disk, ring

    def page(self, seq: int, most: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """As `records`, and no more than so large together, but at least one. Raises JournalError."""
        taken: list[tuple[int, bytes]] = []
        size = 0
        for number, body in self.records(seq, most):
            size += len(body) + 1
            if taken and size > most_bytes:
                break
            taken.append((number, body))
        return taken

    def records(self, seq: int, most: int) -> list[tuple[int, bytes]]:
        """At most so many with numbers above `seq`; empty only when there are none. Raises JournalError."""
        rows = self._disk.ask(lambda file: file.after(seq, most)) or []
        for number, _, whole in rows:
            if not whole:
                self._ring.note_unreadable(number)
        page = [(number, body) for number, body, whole in rows if whole]
        reached = rows[-1][0] if rows else seq
        if rows and not page:
            return self.records(reached, most)
        if self._disk.state != "ok" and len(rows) < most:
            waiting = self._ring.after(reached, most - len(rows))
            page += [(number, self._disk.corrections.record(number, body)) for number, body in waiting]
        return page

    def events(self, number: int, most: int) -> list[tuple[int, bytes]]:
        """At most so many with numbers above `number`. Raises JournalError."""
        delivered = self._ring.delivered
        rows = self._disk.ask(lambda file: file.events_after(number, most + len(delivered))) or []
        found = [row for row in rows if row[0] not in delivered]
        if self._disk.state != "ok":
            found += [row for row in self._ring.events if row[0] > number]
        return found[:most]
