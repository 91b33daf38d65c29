"""The way to the broker and back: birth and will, what the journal holds, what somebody asks for."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from edge.errors import BrokerError
from edge.journal import Journal
from edge.message import VERSION, encode, topic
from edge.mqtt.connection import Connection
from edge.notices import Notices
from edge.uplink.announcements import Announcements
from edge.uplink.delivery import RETRY_S, Delivery
from edge.uplink.live import Live
from edge.uplink.namesake import Namesakes
from edge.uplink.standing import Standing

LOG = logging.getLogger(__name__)
HEALTH_S = 60.0
POLL_S = 1.0
# SIGTERM must end within five seconds; a recording that has ended is sent to its end.
GOODBYE_S = 2.0
DRAIN_S = 600.0

Heed = Callable[[str, bytes, bool], None]  # topic, payload, whether the broker had kept it


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
        notices: Notices,
    ) -> None:
        """`connect` makes a Connection from a will and callbacks; no network yet."""
        self._device = device
        self._journal = journal
        self._health = health
        self._session = session
        self._lock = threading.Condition()
        self._delivery = Delivery(
            journal,
            lambda leaf, payload: self._hand_over(leaf, payload),
            lambda leaf: self.connection.largest_payload(topic(device, leaf)),
        )
        self._told: dict[int, Callable[[str | None], None]] = {}  # who waits for which acknowledgement
        self._health_due = 0.0
        self._announcements = Announcements()
        self._heard: dict[str, list[Heed]] = {}
        self._live = Live(max(1, round(3 * period_s)))
        self._stopping = False
        self.faults = 0
        self.connection = connect(
            will=(topic(device, "status"), encode(self._status("offline"))),
            on_connect=self._connected,
            on_disconnect=self._disconnected,
            on_published=self._published,
            on_message=self._hear,
        )
        self._standing = Standing(self.connection)
        namesakes = Namesakes(self.connection, session, notices)
        self.listen(topic(device, "status"), namesakes.heard)
        self._onlookers = (self._standing, namesakes)
        # the last word of a birth: whoever sees it finds the others there
        self.announce(topic(device, "status"), encode(self._status("online")), last=True)
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        """Begin, in the background; never fails because the broker is away."""
        self.connection.start()
        self._thread.start()

    def announce(self, name: str, payload: bytes, *, last: bool = False, chapter: bool = False) -> None:
        """Publish a retained message now, or as soon as there is a broker, and to each new one again.

        A later one takes the place of one that waits, unless it is a `chapter` of a story.
        """
        with self._lock:
            self._announcements.put(name, payload, last=last, chapter=chapter)
            self._lock.notify_all()

    def announce_again(self, name: str, delay_s: float) -> None:
        """Somebody new wants to hear it."""
        with self._lock:
            self._announcements.repeat(name, delay_s)

    @property
    def refused(self) -> int:
        """Messages that the broker said no to."""
        return self._delivery.refused

    @property
    def batch_bytes(self) -> int:
        """How large a message with records may be, by what the broker has said or shown."""
        return self._delivery.batch_bytes

    def standing(self) -> dict[str, Any]:
        """For health: how we stand with the broker."""
        return self._standing.report()

    def listen(self, name: str, heed: Heed) -> None:
        """Messages on that topic, whose last level may be `+`, go to `heed` too, which must not block."""
        self._heard.setdefault(name, []).append(heed)
        self.connection.subscribe(name)

    def _hear(self, name: str, payload: bytes, retained: bool) -> None:
        family = f"{name.rpartition('/')[0]}/+"
        for heed in self._heard.get(name) or self._heard.get(family) or []:
            heed(name, payload, retained)

    def send(self, leaf: str, payload: bytes, told: Callable[[str | None], None]) -> bool:
        """Publish once, QoS 1; `told` hears why it was not acknowledged, or None. False: no connection.

        `told` runs in the connection's thread and must not block.
        """
        with self._lock:
            try:
                self._told[self._hand_over(leaf, payload)] = told
            except BrokerError:
                return False
        return True

    def _hand_over(self, leaf: str, payload: bytes) -> int:
        return self.connection.publish(topic(self._device, leaf), payload, qos=1)

    def tell_health(self) -> None:
        """Something has changed that need not wait for the minute to end."""
        with self._lock:
            self._health_due = 0.0
            self._lock.notify_all()

    def show(self, record: dict[str, Any]) -> None:
        """The newest record, for the live `state` topic; overwrites one not yet sent."""
        with self._lock:
            self._live.put(record)
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
        if unsent := self._journal.unsent:
            LOG.warning("%d records are not sent; they stay in the journal", unsent)
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._publish("status", encode(self._status("disconnected")))
        self.connection.stop()

    def _status(self, state: str) -> dict[str, Any]:
        return {"v": VERSION, "state": state, "session": self._session}

    def _connected(self, _session_present: bool) -> None:
        LOG.info("connected to the broker at %s", self.connection.settings.address)
        with self._lock:
            self._announcements.repeat_all()
            self._live.again()
        self.tell_health()

    def _disconnected(self, reason: str) -> None:
        for each in self._onlookers:
            each.lost()
        if not self._stopping:
            LOG.warning("no broker: %s; readings are kept", reason)

    def _published(self, number: int, error: str | None) -> None:
        with self._lock:
            told = self._told.pop(number, None)
            if self._delivery.answered(number, error, connected=self.connection.connected):
                self._lock.notify_all()
        if told is not None:
            told(error)

    def _drained(self) -> bool:
        with self._lock:
            return self._delivery.drained

    def _run(self) -> None:
        while not self._stopping:
            try:
                for each in self._onlookers:
                    each.look()
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
                    self._lock.wait(min(POLL_S, self._delivery.wait_s or POLL_S))

    def _something_to_do(self) -> bool:
        fresh = self._live.fresh or self._announcements.due() is not None or not self._health_due
        return self.connection.connected and (fresh or self._delivery.pending)

    def _tell_health(self) -> None:
        if time.monotonic() < self._health_due:
            return
        if self._publish("health", encode(self._health())):
            self._health_due = time.monotonic() + HEALTH_S

    def _announce(self) -> None:
        while True:
            with self._lock:
                due = self._announcements.due()
                if due is None:
                    return
                self._announcements.done(due[0])
            if not self.connection.try_publish(*due, retain=True):
                self.announce_again(due[0], RETRY_S)
                return

    def _show_newest(self) -> None:
        with self._lock:
            newest = self._live.take()
        if newest is not None:
            self._publish("state", newest[0], qos=0, expiry_s=newest[1])

    def _send_next(self) -> bool:
        with self._lock:
            return not self._stopping and self._delivery.send_next()

    def _publish(self, leaf: str, payload: bytes, qos: int = 1, expiry_s: int | None = None) -> bool:
        return self.connection.try_publish(
            topic(self._device, leaf), payload, qos, retain=True, expiry_s=expiry_s
        )
