"""From the broker to the disk and then to the page: one thread that commits every quarter of a second."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from monitor.fleet import Fleet, News
from monitor.frame import make_frame
from monitor.inbox import Inbox, Message
from monitor.live import Live
from monitor.message import Event, Judged
from monitor.repair import Ask, Repair
from monitor.store import Store

LOG = logging.getLogger(__name__)

COMMIT_EVERY_S = 0.25
RETRY_S = 1.0
LOOK_EVERY_S = 0.5  # for what is missing
TIDY_EVERY_S = 60.0
BOUNDS_EVERY_S = 1.0
RESET_EVERY_S = 5.0


class Ingest:
    """Takes messages from any thread. `summaries` is what has been committed, safe to read anywhere."""

    def __init__(self, store: Store, live: Live, ask: Ask = lambda *_: False) -> None:
        """`ask` publishes a command; False while it cannot."""
        self._store = store
        self._live = live
        self._repair = Repair(ask)
        self._fleet = Fleet.load(store, self._repair)
        self._inbox = Inbox()  # when that is full the network thread waits, and the broker with it
        self._stopping = threading.Event()
        self._reconnected = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self.on_events: Callable[[dict[str, list[Event]]], None] = lambda _: None  # as soon as they are kept
        # records by device as soon as they are kept, and the devices whose earlier ones have moved or gone
        self.on_records: Callable[[dict[str, list[Judged]], set[str]], None] = lambda *_: None
        self.problem: str | None = None  # why nothing can be written just now
        self.faults = 0
        self._turned_s = time.monotonic()  # when the thread last came round
        self._ahead = False  # what memory says has come is more than the store has
        self._bounds_due = self._reset_due = 0.0
        self._bounds_owed = False  # something has come since they were last kept
        self._reset_owed = False  # pages show devices that are no longer known
        self.summaries: dict[str, dict[str, Any]] = {
            device.id: device.summary() for device in self._fleet.devices.values()
        }

    @property
    def malformed(self) -> int:
        """Messages that broke the contract since the start, of all devices."""
        return self._fleet.malformed

    @property
    def turned_away(self) -> dict[str, int]:
        """What was refused or let go since the start, because there was too much of it."""
        roster = self._fleet.roster
        return {
            "refused": roster.refused,  # messages of devices for which there was no place
            "dismissed": roster.dismissed,  # devices that made way for others
            "dropped": self._fleet.dropped,  # journals, and missing records that nobody will ask for
        }

    def comes_round(self, within_s: float) -> bool:
        """Whether the thread takes in and commits; a disk that refuses is known, and waited out."""
        if not self._thread.is_alive():
            return False
        return self.problem is not None or time.monotonic() - self._turned_s < within_s

    def start(self) -> None:
        """Begin to take messages in."""
        self._turned_s = time.monotonic()
        self._thread.start()

    def take(self, messages: Sequence[Message]) -> None:
        """MQTT messages, each a topic and a payload; waits when the disk is far behind."""
        put = 0
        while put < len(messages) and not self._stopping.is_set():
            put += self._inbox.put(messages[put:], 0.5)

    def reconnected(self) -> None:
        """The way to the broker was closed, and is open."""
        self._reconnected.set()

    def stop(self) -> None:
        """Commit what has come, and end the thread."""
        self._stopping.set()
        self._inbox.close()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        look_due = tidy_due = 0.0
        while not (self._stopping.is_set() and self._inbox.empty):
            self._turned_s = time.monotonic()
            messages = self._inbox.gather(LOOK_EVERY_S, COMMIT_EVERY_S)
            try:
                if messages or (self._bounds_owed and time.monotonic() >= self._bounds_due):
                    self._digest(messages)
                if self._reconnected.is_set():
                    self._reconnected.clear()
                    self._repair.begin_again()
                if time.monotonic() >= look_due and not self._stopping.is_set():
                    look_due = time.monotonic() + LOOK_EVERY_S
                    self._repair.look(self._fleet.devices.values())
                if time.monotonic() >= tidy_due and not self._stopping.is_set():
                    tidy_due = time.monotonic() + (0.0 if self._tidy() else TIDY_EVERY_S)
            except Exception:  # one bad batch must not end the monitor; it is counted and logged
                self.faults += 1
                LOG.exception("ingest")

    def _digest(self, messages: list[Message]) -> None:
        if self._ahead:
            self._go_back()
        news = News()
        for topic, payload in messages:
            self._fleet.take(topic, payload, news)
        self._bounds_owed = True
        if time.monotonic() >= self._bounds_due:
            self._bounds_due, self._bounds_owed = time.monotonic() + BOUNDS_EVERY_S, False
            self._fleet.keep_bounds(news)
        try:
            committed = self._commit(news)
        except Exception:
            self._ahead = True
            self._salvage(messages)
            return
        if not committed:
            return
        known = self._fleet.devices
        changed = {each: known[each].summary() for each in news.devices if each in known}
        before, self.summaries = self.summaries, {**self.summaries, **changed}
        if news.changes.forgotten:
            self._forget()
        if self._reset_owed and time.monotonic() >= self._reset_due:
            self._reset_due, self._reset_owed = time.monotonic() + RESET_EVERY_S, False
            self._live.publish(b"")
        self.on_events(news.events)
        self.on_records(news.records, news.unsettled)
        if changed:
            self._live.publish(lambda: make_frame(news, before, changed))

    def _forget(self) -> None:
        """Devices have made way: every page begins again, but not too often."""
        self.summaries = {
            each: self.summaries[each] for each in self._fleet.devices if each in self.summaries
        }
        self._reset_owed = True

    def _salvage(self, messages: list[Message]) -> None:
        """The store took none of these, nobody knows why: keep those that it does take, by halves."""
        self._go_back()
        if len(messages) == 1:
            self.faults += 1
            LOG.exception("dropped a message on %s", messages[0][0])
            return
        half = len(messages) // 2
        self._digest(messages[:half])
        self._digest(messages[half:])

    def _go_back(self) -> None:
        self._fleet.go_back(self._store)
        self._repair.begin_again()  # what it waits for may be of a journal that is forgotten now
        self._ahead = False

    def _commit(self, news: News) -> bool:
        """Until it is on the disk; a full disk is waited out. False when told to stop meanwhile."""
        while True:
            try:
                self._store.commit(news.changes)
            except sqlite3.OperationalError as error:
                self.problem = f"cannot write {self._store.path}: {error}"
                LOG.error("%s", self.problem)
                if self._stopping.wait(RETRY_S):
                    return False
            else:
                self.problem = None
                return True

    def _tidy(self) -> bool:
        """A little of what may wait; whether there is more."""
        try:
            return self._store.tidy(int(time.time() * 1000))
        except sqlite3.OperationalError as error:  # a full disk is the next commit's to tell
            LOG.warning("cannot tidy %s: %s", self._store.path, error)
            return False
