"""Letters that wait for their channel, in memory and in the store, so that a restart loses none.

A letter is deleted once it is delivered: if the monitor is killed in between, it comes a second
time, with the same id.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from monitor.alerts.letter import Letter
from monitor.store import Store

WAITING_MOST = 1000  # a channel
SCHEMA = """
CREATE TABLE IF NOT EXISTS alert_outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL,
    made REAL NOT NULL, letter BLOB NOT NULL)
"""
Run = Callable[..., sqlite3.Cursor]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A letter on its way; `row` is None while the store could not take it."""

    channel: str
    made: float  # seconds of the desk's clock
    letter: Letter
    row: int | None = None


class Outbox:
    """May be used from any thread."""

    def __init__(self, store: Store) -> None:
        """Take up what the last monitor left. Raises sqlite3.Error."""
        self._store = store
        self._changed = threading.Condition()
        self._queues: dict[str, deque[Waiting]] = {}
        self._delivered: list[int] = []  # rows that are still to be deleted
        self.dropped: dict[str, int] = {}  # by channel, since the start: there was no room
        with store.writing() as run:
            run(SCHEMA)
        with store.reading() as run:
            for row, channel, made, letter in run(
                "SELECT id, channel, made, letter FROM alert_outbox ORDER BY id"
            ):
                known = Letter.from_json(msgspec.json.decode(letter))
                self._queues.setdefault(channel, deque()).append(Waiting(channel, made, known, row))

    @property
    def newest(self) -> float:
        """When the last of them was made, by the clock of its time."""
        return max((each.made for queue in self._queues.values() for each in queue), default=0.0)

    def write(self, run: Run, letters: Iterable[Waiting]) -> list[Waiting]:
        """Into the store, as a part of a transaction; `enter` them once it has been committed."""
        kept = []
        for each in letters:
            row = (each.channel, each.made, msgspec.json.encode(each.letter.to_json()))
            cursor = run("INSERT INTO alert_outbox(channel, made, letter) VALUES (?, ?, ?)", row)
            kept.append(Waiting(each.channel, each.made, each.letter, cursor.lastrowid))
        for number in self._delivered:
            run("DELETE FROM alert_outbox WHERE id = ?", (number,))
        return kept

    def enter(self, letters: Iterable[Waiting]) -> None:
        """Let the couriers have them."""
        lost = []
        with self._changed:
            for each in letters:
                queue = self._queues.setdefault(each.channel, deque())
                queue.append(each)
                if len(queue) > WAITING_MOST:
                    lost.append(queue.popleft())
                    self.dropped[each.channel] = self.dropped.get(each.channel, 0) + 1
            self._changed.notify_all()
        for each in lost:
            self._delete(each)

    def first(self, channel: str, has_ended: Callable[[], bool]) -> Waiting | None:
        """The oldest letter of a channel, as soon as there is one; None when nobody wants it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._queues.get(channel) or has_ended())
            queue = self._queues.get(channel)
            return queue[0] if queue else None

    def remove(self, done: Waiting) -> None:
        """It is delivered, or given up."""
        with self._changed:
            queue = self._queues.get(done.channel)
            if queue and queue[0] is done:
                queue.popleft()
        self._delete(done)

    def waiting(self, channel: str) -> int:
        """How many letters."""
        with self._changed:
            return len(self._queues.get(channel, ()))

    def expire(self, before: float, channels: set[str]) -> None:
        """Let go what was made before that for a channel that is no longer one of these."""
        with self._changed:
            old = [queue for name, queue in self._queues.items() if name not in channels]
            gone = [each for queue in old for each in queue if each.made < before]
        for each in gone:
            self._delete(each)

    def nudge(self) -> None:
        """Wake all who wait, to look whether they should end."""
        with self._changed:
            self._changed.notify_all()

    def _delete(self, done: Waiting) -> None:
        if done.row is None:
            return
        with self._changed:
            self._delivered.append(done.row)
            rows = list(self._delivered)
        try:
            with self._store.writing() as run:
                for row in rows:
                    run("DELETE FROM alert_outbox WHERE id = ?", (row,))
        except sqlite3.Error:
            return  # with the next one that can be deleted
        with self._changed:
            self._delivered = [row for row in self._delivered if row not in rows]
