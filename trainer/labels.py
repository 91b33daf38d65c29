"""What people said of alarms, as a training has it: stretches of the history with a verdict."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from edge.recording import Labels as Rows
from edge.recording import Recording, find_gaps

Verdict = Literal["true_alarm", "false_alarm", "missed"]
# An alarm is wanted in these.
WANTED: tuple[Verdict, ...] = ("true_alarm", "missed")


@dataclass(frozen=True, slots=True)
class LabelledEvent:
    """One alarm that a person spoke of; `missed` is one that did not come."""

    verdict: Verdict
    kind: str  # anomalous, sensor_fault or missed
    onset_ms: int  # wall time
    lasted_ms: int
    # First and last reading in the history's own time, both included; None when none is kept any more.
    span: tuple[int, int] | None
    channel: str | None = None  # the rest is what the alarm said then
    score: float | None = None
    why: str | None = None
    model: str | None = None
    note: str = ""

    def rows(self, recording: Recording, slack_ms: int = 0) -> Rows:
        """(n,) whether a reading is in it, or so near."""
        if self.span is None:
            return np.zeros(len(recording), bool)
        first, last = self.span
        return (recording.ts_ms >= first - slack_ms) & (recording.ts_ms <= last + slack_ms)

    def to_json(self) -> dict[str, Any]:
        """As it stands in a run."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "LabelledEvent":
        """From a run. Raises KeyError, TypeError or ValueError."""
        span = table["span"]
        return cls(**{**table, "span": None if span is None else (int(span[0]), int(span[1]))})


def wanted(recording: Recording, events: Iterable[LabelledEvent]) -> Rows:
    """(n,) whether a reading is in an alarm that people say is true, or missed."""
    rows = np.zeros(len(recording), bool)
    for event in events:
        if event.verdict in WANTED:
            rows |= event.rows(recording)
    return rows


def taken(recording: Recording, rows: Rows) -> Recording:
    """Those rows alone; gaps where others were."""
    ts_ms = recording.ts_ms[rows]
    return Recording(
        name=recording.name,
        ts_ms=ts_ms,
        channels=recording.channels,
        values=recording.values[rows],
        labels=None,
        kinds=None,
        period_s=recording.period_s,
        gaps=find_gaps(ts_ms, recording.period_s),
        columns=recording.columns,
        found=recording.found,
    )
