"""Did the detector find what the simulator did? Fault episodes and alarms, counted from the records.

Times are the room's own: `ts_ms` runs by our clock, and a simulated room lives `speed` times faster.
The rules:

- A *fault* is a run of records with the same non-null `fault`; its *span* ends SLACK_S after it,
  since a detector may need a few readings, and the room some time to recover.
- A record is *in alarm* when its `anomaly` is true or its `state` is `sensor_fault`.
- An *alarm* is a run of records in alarm; pauses of up to SLACK_S do not end it.
- A fault is *found* when the detector says something new in its span: an alarm begins there, or
  one that was open already changes its kind (the room, or the sensor), or doubles its score over
  the worst of the SLACK_S before the fault. An alarm that merely stays open from one fault into
  the next finds nothing: a detector that cries all the time finds at most one fault. Where spans
  overlap, what is new speaks for the fault that began last.
- A *false alarm* is an alarm that begins more than RECOVERY_S after the last fault. Before that the
  room is still recovering, and the fault is still among what the detector calls the last minutes:
  such an alarm is neither false nor does it find anything.
- *Advisories* are events of a slow channel apart from the alarm; no record is in alarm for them, and
  they count neither as found nor as false.
- Faults that ended before the first verdict (the window was filling), and faults not yet found
  whose span the last record cuts short, could not be judged: they are `unjudged`, not `faults`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SLACK_S = 90.0
RECOVERY_S = 900.0
RISE = 2.0

Kind = Literal["room", "sensor"]


@dataclass(frozen=True, slots=True)
class Tally:
    """What was put in and what came of it."""

    faults: int  # put in, and judged
    found: int
    false_alarms: int
    unjudged: int


@dataclass(slots=True)
class _Fault:
    name: str
    begin_ms: int
    end_ms: int
    before: float  # the worst score in alarm of the SLACK_S before it
    found: bool = False


@dataclass(slots=True)
class _Alarm:
    last_ms: int
    kind: Kind
    scores: list[tuple[int, float]] = field(default_factory=list)  # (ts_ms, score)
    touches: bool = False  # a fault, or the recovery from one


def tally(records: Iterable[Mapping[str, Any]], speed: float = 1.0) -> Tally:
    """Count over records in the order in which they were taken, as `edge/schema/record.json` has them."""
    counting = _Counting(1000.0 * SLACK_S / speed, 1000.0 * RECOVERY_S / speed)
    for record in records:
        counting.see(record)
    return counting.result()


class _Counting:
    """One pass over the records; remembers open and past episodes."""

    def __init__(self, slack_ms: float, recovery_ms: float) -> None:
        self._slack_ms, self._recovery_ms = slack_ms, recovery_ms
        self._faults: list[_Fault] = []
        self._alarms: list[_Alarm] = []
        self._in_fault = False
        self._first_verdict_ms: int | None = None
        self._last_ms = 0

    def see(self, record: Mapping[str, Any]) -> None:
        now = self._last_ms = int(record["ts_ms"])
        if self._first_verdict_ms is None and record["state"] not in ("no_model", "warming"):
            self._first_verdict_ms = now
        self._see_fault(record.get("fault"), now)
        kind = _alarm(record)
        if kind is not None:
            self._see_alarm(kind, float(record["score"] or 0.0), now)

    def _see_fault(self, name: str | None, now: int) -> None:
        if name is not None and self._in_fault and self._faults[-1].name == name:
            self._faults[-1].end_ms = now
        elif name is not None:
            scores = self._alarms[-1].scores if self._alarms else []
            before = max((score for at, score in scores if at >= now - self._slack_ms), default=0.0)
            self._faults.append(_Fault(name, now, now, before))
        self._in_fault = name is not None

    def _see_alarm(self, kind: Kind, score: float, now: int) -> None:
        alarm = self._alarms[-1] if self._alarms else None
        is_new = alarm is None or now - alarm.last_ms > self._slack_ms
        if alarm is None or is_new:
            alarm = _Alarm(now, kind)
            self._alarms.append(alarm)
        changed = is_new or kind != alarm.kind
        alarm.touches = alarm.touches or self._is_recovering(now)
        fault = self._fault_at(now)
        if fault is not None:
            fault.found = fault.found or changed or score >= RISE * fault.before > 0
        alarm.last_ms, alarm.kind = now, kind
        alarm.scores.append((now, score))

    def _is_recovering(self, now: int) -> bool:
        return bool(self._faults) and now <= self._faults[-1].end_ms + self._recovery_ms

    def _fault_at(self, now: int) -> _Fault | None:
        """The fault that began last of those in whose span `now` lies."""
        spans = (fault for fault in reversed(self._faults) if now <= fault.end_ms + self._slack_ms)
        return next(spans, None)

    def result(self) -> Tally:
        first = self._first_verdict_ms
        judged = [
            fault
            for fault in self._faults
            if first is not None
            and fault.end_ms >= first
            and (fault.found or fault.end_ms + self._slack_ms <= self._last_ms)
        ]
        return Tally(
            faults=len(judged),
            found=sum(fault.found for fault in judged),
            false_alarms=sum(not alarm.touches for alarm in self._alarms),
            unjudged=len(self._faults) - len(judged),
        )


def _alarm(record: Mapping[str, Any]) -> Kind | None:
    if record["state"] == "sensor_fault":
        return "sensor"
    return "room" if record["anomaly"] else None
