"""The loop: sensor to verdict to journal. Knows no hardware and no broker."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from edge.clock import BootClock
from edge.errors import EndOfRecording, JournalError, SensorError
from edge.event import Change
from edge.journal import Journal
from edge.journal.corrections import Correction, correct_begun, correct_event
from edge.judge import Judge, Judged
from edge.message import encode, finite
from edge.notices import Notices
from edge.reading import Reading
from edge.record import Origin, event_message, record
from edge.snooze import Snooze
from edge.sources import Source

LOG = logging.getLogger(__name__)
EVENT_WINDOW = 60


@dataclass(slots=True)
class SensorState:
    """How the sensor is doing, for health."""

    fault: bool = False
    ok: int = 0
    failed: int = 0


class Agent:
    """Reads, judges and keeps one reading after another.

    `on_record` gets each record as it is made, for the live topics; it must not block.
    """

    def __init__(
        self,
        source: Source,
        judge: Judge,
        journal: Journal,
        origin: Origin,
        on_record: Callable[[dict[str, Any]], None] = lambda _: None,
        snooze: Snooze | None = None,
        notices: Notices | None = None,
    ) -> None:
        self._source = source
        self._judge = judge
        self._journal = journal
        self._origin = origin
        self._on_record = on_record
        self._snooze = snooze
        self._notices = notices or Notices()
        self._recent: deque[dict[str, Any]] = deque(maxlen=EVENT_WINDOW)
        self._event_numbers: dict[str, int] = {}  # of the events that are open, one a kind
        self._begun: dict[str, tuple[int, int]] = {}  # their first record, and the clock's offset then
        self._last_event = 0  # the number of the newest event
        self._clock = BootClock()
        self._first_seq = journal.next_seq
        self._dated: Correction | None = None  # what the time of earlier readings really was
        self._dated_ms = 0  # the time of the reading that told
        self.sensor = SensorState()
        self.faults: Counter[str] = Counter()

    def run(self, period_s: float, stop: threading.Event) -> None:
        """Sample every `period_s` seconds (0: without pause) until `stop`, or the end of a recording."""
        due = time.monotonic()
        while not stop.is_set():
            try:
                self.sample()
            except EndOfRecording:
                LOG.info("the recording has ended")
                break
            due += period_s
            behind = time.monotonic() - due
            if behind > period_s:
                due += behind // period_s * period_s if period_s else behind  # skip ticks, never burst
            stop.wait(max(0.0, due - time.monotonic()))
        self._close_events()

    def _close_events(self) -> None:
        """Nobody watches any more: events that are left open would stay so for ever."""
        changes, model = (*self._judge.close(), *self._notices.close()), self._judge.model
        self._origin = replace(self._origin, model=model.label, judged=model.channels)
        now_ms = self._recent[-1]["ts_ms"] if self._recent else 0
        seq = self._journal.next_seq - 1
        try:
            self._journal.append_events(tuple(self._event(seq, now_ms, change) for change in changes))
        except JournalError as error:
            LOG.warning("%s; the end of an event is not kept", error)

    def sample(self) -> None:
        """One reading from the sensor to the journal. Raises EndOfRecording."""
        judged = self._judge.see(self._read())
        self._note_sensor(judged)
        self._keep(judged)

    def _read(self) -> Reading:
        try:
            return self._source.read()
        except SensorError as error:
            LOG.debug("%s", error)
            nothing: dict[str, float | None] = {c.name: None for c in self._source.channels}
            now_ms = time.time_ns() // 1_000_000
            return Reading(now_ms, time.monotonic_ns() // 1_000_000, nothing, "missing", complaint=str(error))

    def _note_sensor(self, judged: Judged) -> None:
        good = judged.reading.quality in ("ok", "retried")
        self.sensor.ok += good
        self.sensor.failed += not good
        self.sensor.fault = judged.verdict.state == "sensor_fault"

    def _keep(self, judged: Judged) -> None:
        seq, reading, verdict = self._journal.next_seq, judged.reading, judged.verdict
        if (judged.model, judged.channels) != (self._origin.model, self._origin.judged):
            self._origin = replace(self._origin, model=judged.model, judged=judged.channels)
        if self._clock.see(reading.ts_ms, reading.mono_ms):
            self._date(seq, reading.ts_ms)
        made = record(self._origin, seq, self._clock.quality, reading, verdict)
        events = tuple(
            self._event(seq, reading.ts_ms, change) for change in (*verdict.changes, *self._notices.changes())
        )
        values = {c.key: finite(reading.values.get(c.name)) for c in self._origin.channels}
        self._recent.append({"ts_ms": reading.ts_ms, **values})
        try:
            self._journal.append(encode(made), strange=bool(verdict.anomaly), events=events)
        except JournalError as error:
            self.faults["journal"] += 1
            LOG.warning("%s; the record waits", error)
        self._on_record(made)

    def _date(self, seq: int, ts_ms: int) -> None:
        """The clock is better than ever before: what was read earlier gets its true time from it."""
        clock, boot = self._clock, self._origin.boot
        if self._origin.source == "replay" or not boot or clock.offset_ms is None:
            return  # a recording has times of its own
        self._dated = Correction(
            boot, self._first_seq, seq - 1, clock.offset_ms, clock.shift_ms, clock.quality
        )
        self._dated_ms = ts_ms
        self._journal.correct(self._dated)

    def _event(self, seq: int, ts_ms: int, change: Change) -> bytes:
        kind = change.event.kind
        if change.phase == "start":
            # one record can open both an alarm and an advisory, which need a number each
            self._last_event = max(seq, self._last_event + 1)
            self._event_numbers[kind] = self._last_event
            self._begun[kind] = seq, self._clock.offset_ms or 0
        number = self._event_numbers[kind]
        window = list(self._recent) if change.phase == "start" else []
        LOG.info("%s %s: %s", kind.replace("_", " "), change.phase, change.event.why)
        message = event_message(self._origin, seq, number, ts_ms, change, window)
        if self._dated is not None:
            began, offset_ms = self._begun[kind]
            if began <= self._dated.last:
                correct_begun(message, self._dated.offset_ms - offset_ms, self._dated_ms)
            correct_event(message, self._dated)
        snoozed = self._snooze is not None and self._snooze.left_s > 0
        return encode({**message, "snoozed": True} if snoozed else message)
