"""What a reading means."""

from dataclasses import dataclass, replace
from typing import Literal

from edge.event import Change

State = Literal["no_model", "warming", "normal", "anomalous", "sensor_fault"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reading means. Tuples have one number a channel; None without a score."""

    state: State
    score: float | None = None
    anomaly: bool | None = None
    expected: tuple[float, ...] | None = None
    spread: tuple[float, ...] | None = None
    why: str | None = None
    changes: tuple[Change, ...] = ()
    shift: float = 0.0  # of the last hours, in deviations of the last weeks, over the level of an advice
    level: float = 0.0  # how far the value itself is from what it mostly is, in swings


def after(changes: tuple[Change, ...], verdict: Verdict) -> Verdict:
    """The verdict, with what happened before it."""
    return replace(verdict, changes=changes + verdict.changes) if changes else verdict
