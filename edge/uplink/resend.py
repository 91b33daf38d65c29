"""Answers `cmd/resend` from the journal: records once more as they stand, and what is gone by its cause.

One request at a time and ten batches a second, each acknowledged before the next, so that a
consumer that asks for everything holds up nothing that is new. Reads only.
"""

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.errors import JournalError
from edge.journal import Journal
from edge.journal.losses import Gone
from edge.message import BATCH_BYTES, BATCH_RECORDS, VERSION, data_payload, encode
from edge.uplink.epochs import Epochs, epoch_of
from edge.uplink.request import Refused, Request

LOG = logging.getLogger(__name__)
QUEUE = 16
BATCH_EVERY_S = 0.1
RETRY_S = 1.0
MOST_GONE = 1000  # stretches in one answer; what follows is asked for again
GONE_BYTES = 48  # that one takes at most

# what is gone, by the journal's word for its cause
WHY: Mapping[str, str] = {
    "cap": "the journal was full: old records made way",
    "memory": "the disk refused for so long that memory was full",
    "damaged": "the journal was damaged",
    "power": "never kept: the agent ended without a goodbye",
    "unknown": "no such number of that epoch is in this journal",
}

Told = Callable[[str | None], None]


@dataclass(slots=True)
class _Work:
    """How far one request has come: all below `next` is sent or gone; what there is ends at `last`."""

    id: str
    epoch: str
    next: int
    last: int
    asked: int  # the last number that is to be accounted for
    ok: bool = True
    sent: int = 0
    gone: list[Gone] = field(default_factory=list)
    why: list[str] = field(default_factory=list)

    def lose(self, gone: list[Gone]) -> None:
        """Declare stretches gone; what touches with one cause is one."""
        for first, last, cause in gone:
            before = self.gone[-1] if self.gone else None
            if before is not None and before[1:] == (first - 1, cause):
                self.gone[-1] = (before[0], last, cause)
            else:
                self.gone.append((first, last, cause))
            self.say(WHY[cause])

    def say(self, why: str) -> None:
        if why not in self.why:
            self.why.append(why)

    def answer(self) -> bytes:
        """`gone` and `causes` go side by side."""
        return encode(
            {
                "v": VERSION,
                "request": self.id,
                "ok": self.ok,
                "sent": self.sent,
                "gone": [gap[:2] for gap in self.gone],
                "causes": [gap[2] for gap in self.gone],
                "why": "; ".join(self.why) or None,
            }
        )


class Resend:
    """Requests in the order in which they came. Belongs to the thread that calls `step`."""

    def __init__(
        self,
        journal: Journal,
        send: Callable[[str, bytes, Told], bool],
        wake: Callable[[], None],
        batch_bytes: Callable[[], int] = lambda: BATCH_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`send` is `Uplink.send`; `wake` is called, from any thread, when `step` should be."""
        self._batch_bytes = batch_bytes
        self._journal, self._send, self._wake, self._clock = journal, send, wake, clock
        self._epochs = Epochs(journal.after)
        self._queue: deque[Request] = deque()
        self._work: _Work | None = None
        self._under_way = False
        self._due = 0.0

    def take(self, request: Request) -> None:
        """Put it in the queue. Raises Refused when that is full."""
        if len(self._queue) >= QUEUE:
            raise Refused(f"busy: {QUEUE} requests wait already, ask again later", request.id)
        self._queue.append(request)

    @property
    def wait_s(self) -> float | None:
        """Seconds until there is something to do; None when only `wake` or `take` can bring it."""
        if self._under_way or (self._work is None and not self._queue):
            return None
        return max(0.0, self._due - self._clock())

    def step(self) -> None:
        """Send the next batch or the answer, if it is time to."""
        if self.wait_s != 0.0:
            return None
        self._due = self._clock() + BATCH_EVERY_S
        if self._work is None:
            self._work = _work(self._queue.popleft())
            self._due = self._clock()
            return self._try(self._sort_out, self._work)
        most_gone = min(MOST_GONE, self._batch_bytes() // GONE_BYTES)
        if self._work.next <= self._work.last and len(self._work.gone) < most_gone:
            return self._try(self._go_on, self._work)
        return self._end(self._work)

    def _try(self, act: Callable[[_Work], None], work: _Work) -> None:
        try:
            act(work)
        except (JournalError, sqlite3.Error) as error:
            LOG.warning("resend: %s", error)
            work.ok, work.last, work.asked = False, 0, 0
            work.say(f"the journal cannot be read: {error}")

    def _sort_out(self, work: _Work) -> None:
        """What is out of the journal's reach is told at once, however many numbers it is."""
        newest = self._journal.last_seq
        if work.epoch == self._journal.epoch and work.last > newest:
            work.last = work.asked = newest
            work.ok = work.next <= newest
            work.say(f"the newest record is number {newest}")
        stretch = self._epochs.stretch(work.epoch, self._journal.epoch, newest)
        if stretch is None:
            return self._lose(work, work.last)
        self._lose(work, min(work.last, stretch[0] - 1))
        work.last = min(work.last, stretch[1])
        return None

    def _go_on(self, work: _Work) -> None:
        page = self._journal.after(work.next - 1, BATCH_RECORDS, self._batch_bytes())
        upto = min(work.last, page[-1][0]) if page else work.last
        rows = [(seq, body) for seq, body in page if seq <= upto and epoch_of(body) == work.epoch]
        gone: list[Gone] = []
        reached = work.next
        for seq in [*(seq for seq, _ in rows), upto + 1]:
            gone += self._gone(work.epoch, reached, seq - 1)
            reached = seq + 1

        def arrived() -> None:
            work.lose(gone)
            work.next = upto + 1
            work.sent += len(rows)

        if rows:
            self._hand_over("data", data_payload((body for _, body in rows), hist=True), arrived)
        else:
            arrived()

    def _lose(self, work: _Work, last: int) -> None:
        """All from where the request stands to `last` is gone."""
        work.lose(self._gone(work.epoch, work.next, last))
        work.next = max(work.next, last + 1)

    def _gone(self, epoch: str, first: int, last: int) -> list[Gone]:
        """Why each number of a stretch without records is gone. Raises JournalError when it may not be."""
        if first > last:
            return []
        if self._journal.storage != "ok":
            raise JournalError("the disk refuses just now, and may have more: ask again later")
        found: list[Gone] = []
        for start, end, cause in self._journal.gone(epoch, first, last):
            if first < start:
                found.append((first, start - 1, "unknown"))
            found.append((start, end, cause))
            first = end + 1
        return found if first > last else [*found, (first, last, "unknown")]

    def _end(self, work: _Work) -> None:
        if work.next > work.last:
            self._try(lambda work: self._lose(work, work.asked), work)
        else:
            work.say(f"answered up to {work.next - 1}, ask again for what follows")

        def done() -> None:
            self._work = None

        self._hand_over(f"res/{work.id}", work.answer(), done)

    def _hand_over(self, leaf: str, payload: bytes, arrived: Callable[[], None]) -> None:
        """Send it; `arrived` is called, before the next `step` does anything, if the broker has it."""

        def told(error: str | None) -> None:
            if error is None:
                arrived()
            else:
                self._due = self._clock() + RETRY_S
            self._under_way = False
            self._wake()

        self._under_way = True
        if not self._send(leaf, payload, told):
            told("no connection")


def _work(request: Request) -> _Work:
    epoch, first, last = (request.fields[name] for name in ("epoch", "from", "to"))
    LOG.info("resend %s: records %d to %d of epoch %s", request.id, first, last, epoch)
    return _Work(request.id, epoch, first, last, asked=last)
