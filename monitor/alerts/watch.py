"""From what the ingest knows to what is the case; silence is measured by our own clock, not by theirs."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from monitor.alerts import words
from monitor.alerts.condition import MONITOR, Condition, Key, Observation
from monitor.message import Event, decode
from monitor.shown_event import APART, event_to_page
from monitor.store import Store

SILENT_PERIODS = 5  # as the page has it, in words/conditions.js
SILENT_LEAST_S = 15.0
RECALLED = 20  # events of a device
OLDEST_MS = 30 * 86_400_000  # what a device dates before that, it dates by a clock that was not set

Summary = Mapping[str, Any]


class Watch:
    """`hear` may be called from any thread, `look` from one."""

    def __init__(
        self,
        summaries: Callable[[], Mapping[str, dict[str, Any]]],
        broker_reason: Callable[[], str | None],
        store_problem: Callable[[], str | None],
    ) -> None:
        self._summaries = summaries
        self._broker_reason = broker_reason
        self._store_problem = store_problem
        self._lock = threading.Lock()
        self._events: dict[str, dict[str, Event]] = {}  # by device: the newest alarm, and each kind apart
        self._heard: dict[str, tuple[int, float, bool]] = {}  # heard_ms, when we saw it, whether it is news
        self._quiet: dict[str, tuple[int, float]] = {}  # the health report's time, and until when
        self._since: dict[str, int] = {}  # wall time of the monitor's own troubles
        self._was_blind = True

    def hear(self, events: Mapping[str, Iterable[Event]]) -> None:
        """Events by device, as they come."""
        with self._lock:
            for device, some in events.items():
                known = self._events.setdefault(device, {})
                for event in some:
                    of = event.state if event.state in APART else "alarm"
                    before = known.get(of)
                    if before is None or (event.onset_ms, event.seq) >= (before.onset_ms, before.seq):
                        known[of] = event

    def recall(self, store: Store) -> None:
        """The events of the time before a restart."""
        for device in self._summaries():
            self.hear({device: [decode(body, Event) for body in store.events(device, RECALLED)]})

    def look(self, now: float, wall_ms: int) -> Observation:
        """What is the case at that moment of our clock."""
        troubles = {"broker": self._broker_reason(), "store": self._store_problem()}
        blind = any(troubles.values())
        summaries = self._summaries()
        if blind or self._was_blind:
            self._heard = {name: (each["heard_ms"], now, False) for name, each in summaries.items()}
        self._was_blind = blind
        self._prune(summaries)
        conditions: dict[Key, Condition] = dict(self._own(troubles, wall_ms))
        away, unheard, stopped, quiet = set(), set(), set(), set()
        for device, summary in summaries.items():
            if not self._listen(device, summary, now):
                unheard.add(device)
            if self._is_quiet(device, summary, now):
                quiet.add(device)
            if summary["presence"] == "offline":
                away.add(device)
            elif summary["presence"] == "disconnected":
                stopped.add(device)
            if not blind:
                conditions.update(self._of(device, summary, now, wall_ms))
        away_, unheard_, stopped_, quiet_ = map(frozenset, (away, unheard, stopped, quiet))
        return Observation(conditions, frozenset(summaries), blind, away_, unheard_, stopped_, quiet_)

    def _prune(self, summaries: Mapping[str, Any]) -> None:
        """Devices that the fleet has forgotten."""
        with self._lock:
            for known in (self._events, self._heard, self._quiet):
                if len(known) > len(summaries):
                    for device in known.keys() - summaries.keys():
                        del known[device]

    def _own(self, troubles: Mapping[str, str | None], wall_ms: int) -> Iterable[tuple[Key, Condition]]:
        for kind, reason in troubles.items():
            if reason is None:
                self._since.pop(kind, None)
            else:
                since_ms = self._since.setdefault(kind, wall_ms)
                yield (MONITOR, kind), Condition(since_ms, words.clean(reason))

    def _listen(self, device: str, summary: Summary, now: float) -> bool:
        """Notes when it was heard; whether it was since we began to listen."""
        known = self._heard.get(device)
        if known is None or known[0] != summary["heard_ms"]:
            self._heard[device] = (summary["heard_ms"], now, True)
        return self._heard[device][2]

    def _is_quiet(self, device: str, summary: Summary, now: float) -> bool:
        health = summary["health"]
        if health is not None and self._quiet.get(device, (None, 0.0))[0] != health["ts_ms"]:
            self._quiet[device] = (health["ts_ms"], now + health.get("snoozed_s", 0))
        reported_ms, until = self._quiet.get(device, (0, now))
        alarm = self._events.get(device, {}).get("alarm")
        # an event may say so before the next health report does
        return now < until or (alarm is not None and alarm.snoozed and alarm.ts_ms > reported_ms)

    def _of(self, device: str, summary: Summary, now: float, wall_ms: int) -> Iterable[tuple[Key, Condition]]:
        if summary["presence"] == "offline":
            yield (device, "offline"), Condition(wall_ms, "offline")
        if summary["presence"] != "online":
            return
        heard_at = self._heard[device][1]
        period_s = (summary["info"] or {}).get("period_s", 10.0)
        if now - heard_at > max(SILENT_LEAST_S, SILENT_PERIODS * period_s):
            since_ms = wall_ms - round(1000 * (now - heard_at))
            yield (device, "silent"), Condition(since_ms, "connected, but nothing has come")
        if missing := summary["counts"]["missing"]:
            yield (device, "missing"), Condition(wall_ms, f"{missing} records are missing")
        yield from self._strange(device, summary, wall_ms)

    def _strange(self, device: str, summary: Summary, wall_ms: int) -> Iterable[tuple[Key, Condition]]:
        """What the agent says of the room, the sensor and itself."""
        newest = summary["newest"]
        with self._lock:
            events = dict(self._events.get(device, {}))
        alarm = events.pop("alarm", None)
        if newest is not None and newest["state"] in ("anomalous", "sensor_fault"):
            kind = "anomaly" if newest["state"] == "anomalous" else "sensor_fault"
            yield (device, kind), _alarm(summary, newest, alarm, wall_ms)
        for kind, event in events.items():
            if event_to_page(event, summary)["open"]:
                why = words.clean(event.why or words.TROUBLE[kind][0])
                yield (device, kind), Condition(_sane(event.onset_ms, wall_ms), why, event.score or 1.0)


def _alarm(summary: Summary, newest: Mapping[str, Any], event: Event | None, wall_ms: int) -> Condition:
    """By its event; by the newest record while that has not come."""
    is_of_event = event is not None and event.state == newest["state"] and event.epoch == newest["epoch"]
    if event is None or not is_of_event or event.end_ms is not None:
        values, expected, spread = newest["values"], newest["expected"], newest["spread"]
        channel, why, since_ms = words.worst_channel(values, expected, spread), newest["why"], newest["ts_ms"]
        score = newest["score"]
    else:
        values, expected, spread = event.observed, event.expected, event.spread
        channel, why, since_ms, score = event.channel, event.why, event.onset_ms, event.score
    since_ms = _sane(since_ms, wall_ms)
    if newest["state"] == "sensor_fault":
        return Condition(since_ms, words.clean(why or "the sensor cannot be trusted"))
    numbers = tuple(table.get(channel) if channel else None for table in (values, expected, spread))
    sentence = words.anomaly(summary["info"], channel, numbers, why)  # type: ignore[arg-type]
    return Condition(since_ms, sentence, score or 1.0)


def _sane(told_ms: int, wall_ms: int) -> int:
    """A device's time, or ours when its clock was not set."""
    return told_ms if wall_ms - OLDEST_MS <= told_ms <= wall_ms else wall_ms
