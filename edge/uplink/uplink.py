"""The way to the broker: birth and will, then everything from the journal, oldest first, events before.

A record counts as sent when the broker has acknowledged it. What was under way when a
connection broke is sent again; consumers know a repeat by (device, epoch, seq).
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from edge.errors import BrokerError
from edge.journal import Journal
from edge.message import BATCH_BYTES, BATCH_RECORDS, VERSION, data_payload, encode, topic
from edge.mqtt.connection import Connection
from edge.uplink.announcements import Announcements

LOG = logging.getLogger(__name__)
IN_FLIGHT = 20
HEALTH_S = 60.0
POLL_S = 1.0
# A broker that refuses a message is asked again after this, and ever later.
RETRY_S = 5.0
LONGEST_PAUSE_S = 300.0
# SIGTERM must end within five seconds; a recording that has ended is sent to its end.
GOODBYE_S = 2.0
DRAIN_S = 600.0


class Uplink:
    """Publishes what the journal holds, in a thread of its own.

    `announce` tells what is retained, and again after each new connection; `health` is asked
    for every minute.
    """

    def __init__(
        self,
        device: str,
        journal: Journal,
        connect: Callable[..., Connection],
        session: str,
        period_s: float,
        health: Callable[[], dict[str, Any]],
    ) -> None:
        """`connect` makes a Connection from a will and callbacks; no network yet."""
        self._device = device
        self._journal = journal
        self._expiry_s = max(1, round(3 * period_s))
        self._health = health
        self._session = session
        self._lock = threading.Condition()
        self._under_way: dict[int, tuple[str, int]] = {}  # number of a message to what it carries
        self._acknowledged: set[int] = set()
        self._reached = {"data": journal.sent, "event": 0}  # published up to here
        self._resume = {"data": 0.0, "event": 0.0}
        self._pauses = {"data": RETRY_S, "event": RETRY_S}
        self._health_due = 0.0
        self._announcements = Announcements()
        self._heard: dict[str, Callable[[bytes], None]] = {}
        self._newest: bytes | None = None
        self._stopping = False
        self.refused = 0  # messages that the broker said no to
        self.faults = 0
        self.connection = connect(
            will=(topic(device, "status"), encode(self._status("offline"))),
            on_connect=self._connected,
            on_disconnect=self._disconnected,
            on_published=self._published,
            on_message=self._hear,
        )
        # the last word of a birth: whoever sees it finds the others there
        self.announce(topic(device, "status"), encode(self._status("online")), last=True)
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        """Begin, in the background; never fails because the broker is away."""
        self.connection.start()
        self._thread.start()

    def announce(self, name: str, payload: bytes, *, delay_s: float = 0.0, last: bool = False) -> None:
        """Publish a retained message now, or as soon as there is a broker, and to each new one again."""
        with self._lock:
            self._announcements.put(name, payload, delay_s=delay_s, last=last)
            self._lock.notify_all()

    def announce_again(self, name: str, delay_s: float) -> None:
        """Somebody new wants to hear it."""
        with self._lock:
            self._announcements.repeat(name, delay_s)

    def listen(self, name: str, heed: Callable[[bytes], None]) -> None:
        """Messages on that topic go to `heed`, which must not block."""
        self._heard[name] = heed
        self.connection.subscribe(name)

    def _hear(self, name: str, payload: bytes, _retained: bool) -> None:
        heed = self._heard.get(name)
        if heed is not None:
            heed(payload)

    def show(self, record: dict[str, Any]) -> None:
        """The newest record, for the live `state` topic; overwrites one not yet sent."""
        with self._lock:
            self._newest = encode(record)
            self._lock.notify_all()

    def stop(self, hurry: threading.Event) -> None:
        """Send what is left, say goodbye, and end; a recording is long, but `hurry` makes it short."""
        deadline = time.monotonic() + DRAIN_S
        with self._lock:
            self._lock.notify_all()
        while not self._drained() and time.monotonic() < deadline:
            if hurry.is_set():
                deadline = min(deadline, time.monotonic() + GOODBYE_S)
                if not self.connection.connected:
                    break
            with self._lock:
                self._lock.wait(0.05)
        if self._journal.unsent:
            LOG.warning("%d records are not sent; they stay in the journal", self._journal.unsent)
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._publish("status", encode(self._status("disconnected")), retain=True)
        self.connection.stop()

    def _drained(self) -> bool:
        # an event that the broker refuses must not hold up the end
        events = self._may_send("event") and self._journal.events_after(self._reached["event"], 1)
        return not (self._under_way or self._has_more() or events)

    def _status(self, state: str) -> dict[str, Any]:
        return {"v": VERSION, "state": state, "session": self._session}

    def _connected(self, _session_present: bool) -> None:
        LOG.info("connected to the broker at %s", self.connection.settings.address)
        with self._lock:
            self._announcements.repeat_all()
            self._lock.notify_all()

    def _disconnected(self, reason: str) -> None:
        if not self._stopping:
            LOG.warning("no broker: %s; readings are kept", reason)

    def _published(self, number: int, error: str | None) -> None:
        with self._lock:
            carried = self._under_way.pop(number, None)
            if carried is None:
                return
            if error is None:
                self._pauses[carried[0]] = RETRY_S
                self._arrived(*carried)
            else:
                self._begin_again(carried[0], error)
            self._lock.notify_all()

    def _begin_again(self, leaf: str, reason: str) -> None:
        """All of that leaf that is not acknowledged once more, in order; a consumer drops repeats."""
        LOG.debug("%s: %s", leaf, reason)
        self._under_way = {number: what for number, what in self._under_way.items() if what[0] != leaf}
        self._reached[leaf] = 0 if leaf == "event" else self._journal.sent
        if leaf == "data":
            self._acknowledged.clear()
        if self.connection.connected:  # the broker said no, and will not soon say otherwise
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

    def _run(self) -> None:
        while not self._stopping:
            try:
                if self.connection.connected:
                    self._announce()
                    self._tell_health()
                    self._show_newest()
                    while self._send_next():
                        pass
            except Exception:  # whatever it is: the way to the broker must not close for good
                self.faults += 1
                LOG.exception("the publisher stumbled")
                time.sleep(RETRY_S)
            with self._lock:
                if not self._stopping and not self._something_to_do():
                    self._lock.wait(POLL_S)

    def _something_to_do(self) -> bool:
        fresh = self._newest is not None or self._announcements.due() is not None
        return self.connection.connected and (fresh or (self._may_send("data") and self._has_more()))

    def _has_more(self) -> bool:
        return self._journal.last_seq > self._reached["data"]

    def _may_send(self, leaf: str) -> bool:
        return len(self._under_way) < IN_FLIGHT and time.monotonic() >= self._resume[leaf]

    def _tell_health(self) -> None:
        if time.monotonic() < self._health_due:
            return
        if self._publish("health", encode(self._health()), retain=True):
            self._health_due = time.monotonic() + HEALTH_S

    def _announce(self) -> None:
        while True:
            with self._lock:
                due = self._announcements.due()
                if due is None:
                    return
                self._announcements.done(due[0])
            if not self._publish_to(*due, retain=True):
                self.announce_again(due[0], RETRY_S)
                return

    def _show_newest(self) -> None:
        with self._lock:
            newest, self._newest = self._newest, None
        if newest is not None:
            self._publish("state", newest, qos=0, retain=True, expiry_s=self._expiry_s)

    def _send_next(self) -> bool:
        """One message from the journal, events first; False when there is nothing to do now.

        Under the lock, so that an acknowledgement finds the message registered, and a broken
        connection cannot move the place to go on from while it is being read.
        """
        with self._lock:
            if self._stopping:
                return False
            if self._may_send("event"):
                for number, body in self._journal.events_after(self._reached["event"], 1):
                    return self._send("event", number, body)
            if not self._may_send("data") or not self._has_more():
                return False
            last = self._journal.last_seq
            batch = self._journal.after(self._reached["data"], BATCH_RECORDS, BATCH_BYTES)
            if not batch:  # the journal has let them go
                self._reached["data"] = last
                return False
            return self._send("data", batch[-1][0], data_payload(body for _, body in batch))

    def _send(self, leaf: str, last: int, payload: bytes) -> bool:
        try:
            number = self.connection.publish(topic(self._device, leaf), payload, qos=1)
        except BrokerError:
            return False
        self._under_way[number] = (leaf, last)
        self._reached[leaf] = last
        return True

    def _publish(
        self, leaf: str, payload: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> bool:
        return self._publish_to(topic(self._device, leaf), payload, qos=qos, retain=retain, expiry_s=expiry_s)

    def _publish_to(
        self, name: str, payload: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> bool:
        try:
            self.connection.publish(name, payload, qos, retain, expiry_s)
        except BrokerError as error:
            LOG.debug("%s", error)
            return False
        return True
