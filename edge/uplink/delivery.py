"""Everything from the journal to the broker, oldest first, events before; a refusal is waited out.

A record counts as sent when the broker has acknowledged it. What was under way when a
connection broke is sent again; consumers know a repeat by (device, epoch, seq).
"""

import logging
import time
from collections.abc import Callable

from edge.errors import BrokerError
from edge.journal import Journal
from edge.message import BATCH_BYTES, BATCH_RECORDS, data_payload, decode, encode
from edge.mqtt.connection import TooLarge
from edge.mqtt.trouble import PACKET_TOO_LARGE
from edge.uplink.flow import Flow

LOG = logging.getLogger(__name__)
# A broker that refuses a message is asked again after this, and ever later.
RETRY_S = 5.0
LONGEST_PAUSE_S = 300.0
# so many events may be under way beside the records
EVENTS = 4
# what stands around records in a message
FRAME_BYTES = 64 + BATCH_RECORDS


class Delivery:
    """What is under way to the broker. Its owner holds one lock around all calls.

    Under that lock an acknowledgement finds the message registered, and a broken connection
    cannot move the place to go on from while it is being read.
    """

    def __init__(
        self,
        journal: Journal,
        publish: Callable[[str, bytes], int],
        largest: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        """`publish(leaf, payload)` returns the message's number, or raises BrokerError.

        `largest(leaf)` is how many bytes the broker takes there, as far as it has said.
        """
        self._journal = journal
        self._publish = publish
        self._largest = largest
        self._under_way: dict[int, tuple[str, int]] = {}  # number of a message to what it carries
        self._acknowledged: set[int] = set()
        self._reached = {"data": journal.sent, "event": 0}  # published up to here
        self._resume = {"data": 0.0, "event": 0.0}
        self._pauses = {"data": RETRY_S, "event": RETRY_S}
        self._flow = Flow()
        self.refused = 0  # messages that the broker said no to

    @property
    def drained(self) -> bool:
        """Whether all is acknowledged; an event that the broker refuses must not hold up the end."""
        events = self._may_send_event() and self._journal.events_after(self._reached["event"], 1)
        return not (self._under_way or self._has_more() or events)

    @property
    def pending(self) -> bool:
        """Whether there are records to send now."""
        return self._has_more() and time.monotonic() >= self._resume["data"] and self._flow.room[0] > 0

    @property
    def wait_s(self) -> float:
        """Seconds until there may be records to send that the rate holds back; 0 when it does not."""
        return self._flow.wait_s if self._has_more() else 0.0

    @property
    def batch_bytes(self) -> int:
        """How large a message with records may be: what broker and line are known to take."""
        return max(1, min(self._flow.largest, self._largest("data") or BATCH_BYTES) - FRAME_BYTES)

    def answered(self, number: int, error: str | None, *, connected: bool) -> bool:
        """The broker has acknowledged that message, or will not; False when it is none of ours."""
        carried = self._under_way.pop(number, None)
        if not connected:
            self._flow.broke()
        elif error == PACKET_TOO_LARGE:
            if self._flow.too_large(number):
                self._pauses["data"] = RETRY_S  # of the smaller ones
        else:
            self._flow.answered(number)
        if carried is None:
            return False
        if error is None:
            self._pauses[carried[0]] = RETRY_S
            self._arrived(*carried)
        else:
            self._begin_again(carried[0], error, connected)
        return True

    def send_next(self) -> bool:
        """One message from the journal, events first; False when there is nothing to do now."""
        if self._may_send_event():
            for number, body in self._journal.events_after(self._reached["event"], 1):
                return self._send("event", number, self._fitting(body), records=1)
        if not self.pending:
            return False
        last = self._journal.last_seq
        records, room = self._flow.room
        batch = self._journal.after(self._reached["data"], records, min(room, self.batch_bytes))
        if not batch:  # the journal has let them go
            self._reached["data"] = last
            return False
        return self._send("data", batch[-1][0], data_payload(body for _, body in batch), len(batch))

    def _fitting(self, event: bytes) -> bytes:
        """An event that is too large for broker or line goes without the older part of its window."""
        most = min(self._flow.largest, self._largest("event") or BATCH_BYTES)
        while len(event) > most:
            message = decode(event)
            window = message.get("window")
            if not window:
                return event
            event = encode({**message, "window": window[len(window) // 2 + 1 :]})
        return event

    def _send(self, leaf: str, last: int, payload: bytes, records: int) -> bool:
        try:
            number = self._publish(leaf, payload)
        except TooLarge as error:
            self._refuse(leaf, str(error))
            return False
        except BrokerError:
            return False
        self._under_way[number] = (leaf, last)
        self._reached[leaf] = last
        self._flow.sent(number, len(payload), records)
        return True

    def _has_more(self) -> bool:
        return self._journal.last_seq > self._reached["data"]

    def _may_send_event(self) -> bool:
        under_way = sum(leaf == "event" for leaf, _ in self._under_way.values())
        return under_way < EVENTS and time.monotonic() >= self._resume["event"]

    def _begin_again(self, leaf: str, reason: str, connected: bool) -> None:
        """All of that leaf that is not acknowledged once more, in order; a consumer drops repeats."""
        LOG.debug("%s: %s", leaf, reason)
        for number in [number for number, what in self._under_way.items() if what[0] == leaf]:
            del self._under_way[number]
        self._reached[leaf] = 0 if leaf == "event" else self._journal.sent
        if leaf == "data":
            self._acknowledged.clear()
        if connected:  # the broker said no, and will not soon say otherwise
            self._refuse(leaf, reason)

    def _refuse(self, leaf: str, reason: str) -> None:
        if self._pauses[leaf] == RETRY_S:
            LOG.warning(
                "%s waits in the journal: %s", "an event" if leaf == "event" else "what is measured", reason
            )
        self.refused += 1
        self._resume[leaf] = time.monotonic() + self._pauses[leaf]
        self._pauses[leaf] = min(2 * self._pauses[leaf], LONGEST_PAUSE_S)

    def _arrived(self, leaf: str, last: int) -> None:
        if leaf == "event":
            self._journal.remove_event(last)
            return
        self._acknowledged.add(last)
        waiting = [seq for kind, seq in self._under_way.values() if kind == "data"]
        done = [seq for seq in self._acknowledged if not waiting or seq < min(waiting)]
        if done:
            self._journal.mark_sent(max(done))
            self._acknowledged.difference_update(done)
