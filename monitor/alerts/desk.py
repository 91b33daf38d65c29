"""Where alerts are judged, kept, told and shown: one thread that looks once a second."""

import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from monitor.alerts.alert import Acknowledgement
from monitor.alerts.archive import Archive
from monitor.alerts.channel import Channel
from monitor.alerts.courier import Courier
from monitor.alerts.letter import Letter, trial, write
from monitor.alerts.notice import Notice
from monitor.alerts.outbox import Outbox, Waiting
from monitor.alerts.settings import Settings
from monitor.alerts.shown import Shown, shown
from monitor.alerts.steady import SteadyClock
from monitor.alerts.triage import Triage
from monitor.alerts.watch import Watch
from monitor.store import Store

LOG = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
Tell = Callable[[dict[str, Any]], None]


class Desk:
    """From `start` to `stop`; all else may be asked from any thread."""

    def __init__(
        self,
        store: Store,
        watch: Watch,
        settings: Settings,
        channels: Sequence[Channel] = (),
        tell: Tell = lambda _: None,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """`tell` gets news for open pages. Raises sqlite3.Error when the store cannot be written."""
        self._store, self._watch, self._settings, self._tell = store, watch, settings, tell
        self._look_every_s = look_every_s
        self.looks = 0  # since the start
        self._archive = Archive(store)
        self._outbox = Outbox(store)
        self._triage = Triage(settings.rules, self._archive.next_id())
        latest = max(self._archive.load(self._triage), self._outbox.newest)
        self._drop_unwatched()
        self._clock = SteadyClock(latest)
        self._lock = threading.Lock()  # guards the triage
        self._is_kept = True  # whether the store has all that the triage knows
        keep_s = 3600.0 * settings.retry_hours
        self._outbox.expire(self._clock() - keep_s, {each.name for each in channels})
        self._couriers = [
            Courier(each, self._outbox, self._clock, keep_s, self._changed) for each in channels
        ]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin to look and to deliver."""
        for courier in self._couriers:
            courier.start()
        self._thread.start()

    def stop(self) -> None:
        """End all threads; what is not delivered waits in the store."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)
        for courier in self._couriers:
            courier.stop()

    def hurry(self) -> None:
        """The network is back: try at once what waits."""
        for courier in self._couriers:
            courier.hurry()

    def acknowledge(self, number: int, by: str, note: str) -> bool:
        """Somebody takes care of an alert, or of a group; False when it is not open."""
        with self._lock:
            known = self._triage.acknowledge(number, Acknowledgement(by, note, _wall_ms()))
            self._keep([])
        self._changed()
        return known

    def snooze(self, devices: Sequence[str], minutes: float) -> None:
        """Say nothing of these devices, or of EVERYONE, so long; 0 ends it."""
        with self._lock:
            for device in devices:
                self._triage.snooze(device, self._clock() + 60.0 * minutes)
            self._keep([])
        self._changed()

    def send_test(self, name: str) -> bool:
        """A letter by that channel that is only a test; False when there is no such channel."""
        for courier in self._couriers:
            if courier.channel.name == name:
                letter = trial(secrets.token_hex(8), self._settings.page, _wall_ms())
                with self._lock:
                    self._keep([Waiting(name, self._clock(), letter)])
                courier.hurry()
                return True
        return False

    def shown(self) -> Shown:
        """What is open, snoozed, and how the channels are, for the page."""
        with self._lock:
            return shown(self._triage, self._clock(), _wall_ms())

    def channels(self) -> list[dict[str, Any]]:
        """How each of them is."""
        return [each.state() for each in self._couriers]

    def past(self, limit: int) -> list[dict[str, Any]]:
        """Alerts that are over."""
        return self._archive.past(limit)

    def look(self) -> None:
        """Once: judge, keep, tell."""
        seen = self._watch.look(self._clock(), _wall_ms())
        with self._lock:
            notices = self._triage.step(self._clock(), _wall_ms(), seen)
            is_news = bool(notices or self._triage.changed or self._triage.closed)
            if is_news or not self._is_kept:
                self._keep(self._letters(notices))
        self.looks += 1
        if is_news:
            self._changed(notices)

    def _run(self) -> None:
        while not self._stopping.wait(self._look_every_s):
            try:
                self.look()
            except Exception:  # one look that fails must not end all alerts
                LOG.exception("alerts")

    def _letters(self, notices: list[Notice]) -> list[Waiting]:
        letters = [write(each, secrets.token_hex(8), self._settings.page) for each in notices]
        return [
            Waiting(courier.channel.name, self._clock(), letter)
            for letter in letters
            for courier in self._couriers
            if not courier.channel.kinds or letter.kind in courier.channel.kinds
        ]

    def _keep(self, letters: list[Waiting]) -> None:
        """State and letters in one transaction: nothing is told twice or lost by a kill in between.

        A store that cannot be written stops no letter: it goes from memory, and the rest is kept later.
        """
        try:
            with self._store.writing() as run:
                self._archive.keep(run, self._triage, self._clock())
                kept = self._outbox.write(run, letters)
        except sqlite3.Error as error:
            if self._is_kept:
                LOG.error("alerts cannot be kept: %s", error)
            self._is_kept = False
            self._outbox.enter(letters)
            return
        self._is_kept = True
        self._triage.changed.clear()
        self._triage.closed.clear()
        self._outbox.enter(kept)

    def _drop_unwatched(self) -> None:
        """What the rules no longer ask for is over without a word."""
        for key, alert in list(self._triage.alerts.items()):
            if not self._settings.rules.by_kind[alert.kind].tell:
                alert.over_ms = _wall_ms()
                self._triage.closed.append(self._triage.alerts.pop(key))

    def _changed(self, notices: Sequence[Notice] = ()) -> None:
        """Open pages load anew; they read aloud what is told."""
        page = self._settings.page
        said: list[Letter] = [write(each, "", page) for each in notices]
        with self._lock:
            open_now = self._triage_counts()
        self._tell({"alerts": {**open_now, "news": [each.text for each in said[-3:]]}})

    def _triage_counts(self) -> dict[str, int]:
        return shown(self._triage, self._clock(), _wall_ms()).counts()


def _wall_ms() -> int:
    return int(time.time() * 1000)
