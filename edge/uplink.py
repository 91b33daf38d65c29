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

LOG = logging.getLogger(__name__)
IN_FLIGHT = 20
HEALTH_S = 60.0
POLL_S = 0.2
# A broker that refuses a message is asked again after this.
RETRY_S = 5.0


class Uplink:
    """Publishes what the journal holds, in a thread of its own.

    `info` is the birth certificate; `health` is asked for every minute.
    """

    def __init__(
        self,
        device: str,
        journal: Journal,
        connect: Callable[..., Connection],
        session: str,
        info: dict[str, Any],
        health: Callable[[], dict[str, Any]],
    ) -> None:
        """`connect` makes a Connection from a will and callbacks; no network yet."""
        self._device = device
        self._journal = journal
        self._info = info
        self._health = health
        self._session = session
        self._lock = threading.Condition()
        self._under_way: dict[int, tuple[str, int]] = {}  # number of a message to what it carries
        self._acknowledged: set[int] = set()
        self._reached = journal.sent  # published up to here
        self._event_reached = 0
        self._pause_until = 0.0
        self._birth_due = False
        self._newest: bytes | None = None
        self._stopping = False
        self.refused = 0
        self.connection = connect(
            will=(topic(device, "status"), encode(self._status("offline"))),
            on_connect=self._connected,
            on_disconnect=self._disconnected,
            on_published=self._published,
        )
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        """Begin, in the background; never fails because the broker is away."""
        self.connection.start()
        self._thread.start()

    def show(self, record: dict[str, Any]) -> None:
        """The newest record, for the live `state` topic; overwrites one not yet sent."""
        with self._lock:
            self._newest = encode(record)
            self._lock.notify_all()

    def stop(self, drain_s: float) -> None:
        """Send what is left for at most `drain_s`, say goodbye, and end."""
        deadline = time.monotonic() + drain_s
        with self._lock:
            self._lock.notify_all()
            while not self._drained() and self.connection.connected and time.monotonic() < deadline:
                self._lock.wait(0.05)
            self._stopping = True
            self._lock.notify_all()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._publish("status", encode(self._status("disconnected")), retain=True)
        self.connection.stop()

    def _drained(self) -> bool:
        return not self._under_way and self._journal.sent >= self._journal.last_seq

    def _status(self, state: str) -> dict[str, Any]:
        return {"v": VERSION, "state": state, "session": self._session}

    def _connected(self, _session_present: bool) -> None:
        LOG.info("connected to the broker at %s", self.connection.settings.address)
        with self._lock:
            self._birth_due = True
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
                self._arrived(*carried)
            else:
                self._begin_again(error)
            self._lock.notify_all()

    def _begin_again(self, reason: str) -> None:
        """All that is not acknowledged once more: the order is kept, and a consumer drops repeats."""
        LOG.debug("%s", reason)
        self.refused += 1
        self._reached = self._journal.sent
        self._event_reached = 0
        self._under_way.clear()
        self._acknowledged.clear()
        self._pause_until = time.monotonic() + RETRY_S

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
        next_health = time.monotonic()
        while True:
            with self._lock:
                if self._stopping:
                    return
            if self.connection.connected:
                self._be_born()
                due = time.monotonic() >= next_health
                if due and self._publish("health", encode(self._health()), retain=True):
                    next_health = time.monotonic() + HEALTH_S
                self._send_all()
            with self._lock:
                if not self._stopping and not self._something_to_do():
                    self._lock.wait(POLL_S)

    def _something_to_do(self) -> bool:
        if not self.connection.connected or time.monotonic() < self._pause_until:
            return False
        fresh = self._newest is not None or self._birth_due
        return fresh or (len(self._under_way) < IN_FLIGHT and self._journal.last_seq > self._reached)

    def _be_born(self) -> None:
        with self._lock:
            due, self._birth_due = self._birth_due, False
        if due and not (
            self._publish("info", encode(self._info), retain=True)
            and self._publish("status", encode(self._status("online")), retain=True)
        ):
            self._birth_due = True

    def _send_all(self) -> None:
        with self._lock:
            newest, self._newest = self._newest, None
        if newest is not None:
            expiry_s = max(1, round(3 * float(self._info["period_s"])))
            self._publish("state", newest, qos=0, retain=True, expiry_s=expiry_s)
        while self._send_next():
            pass

    def _send_next(self) -> bool:
        """One message from the journal, events first; False when there is nothing to do now.

        Under the lock, so that an acknowledgement finds the message registered, and a broken
        connection cannot move the place to go on from while it is being read.
        """
        with self._lock:
            if self._stopping or len(self._under_way) >= IN_FLIGHT or time.monotonic() < self._pause_until:
                return False
            for number, body in self._journal.events_after(self._event_reached, 1):
                if sent := self._send("event", number, body):
                    self._event_reached = number
                return sent
            batch = self._journal.after(self._reached, BATCH_RECORDS, BATCH_BYTES)
            if not batch or not self._send("data", batch[-1][0], data_payload(body for _, body in batch)):
                return False
            self._reached = batch[-1][0]
            return True

    def _send(self, leaf: str, last: int, payload: bytes) -> bool:
        try:
            number = self.connection.publish(topic(self._device, leaf), payload, qos=1)
        except BrokerError:
            return False
        self._under_way[number] = (leaf, last)
        return True

    def _publish(
        self, leaf: str, payload: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> bool:
        try:
            self.connection.publish(topic(self._device, leaf), payload, qos, retain, expiry_s)
        except BrokerError as error:
            LOG.debug("%s", error)
            return False
        return True
