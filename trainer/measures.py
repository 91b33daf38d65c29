"""What metrics.json holds, and how each measure is said to a person."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

NO_LABELS = "not measured: the data has no labels"


class KindCount(TypedDict):
    """Faults of one kind: how many were found, of how many."""

    found: int
    of: int


class Losses(TypedDict):
    """Loss after each epoch."""

    train: list[float]
    validation: list[float]


class Metrics(TypedDict, total=False):
    """What `metrics.json` holds; null, or no key, is a measure that could not be taken."""

    precision: float | None  # point by point at the threshold
    recall: float | None
    events: int
    events_found: int
    event_recall: float | None
    false_alarms: int | None
    false_alarms_per_week: float | None
    median_delay_s: float | None
    auc_pr: float | None
    vus_pr: float | None
    best_event_recall: float | None  # at one false alarm a week, threshold known in hindsight
    by_kind: dict[str, KindCount]
    loss: Losses
    evaluated_on: str
    labels: dict[str, Any]  # what people said of earlier alarms, and what came of it; see outcomes.py
    threshold: float


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of the table: a key of `Metrics`, how it is written, what it means, why it may be missing."""

    key: str
    name: str
    write: Callable[[float], str]
    meaning: str
    missing: str = "not measured"

    def said(self, metrics: Mapping[str, Any]) -> tuple[str, bool]:
        """A measure for a person, and whether it was taken."""
        value = metrics.get(self.key)
        if value is not None:
            return self.write(float(value)), True
        if not metrics.get("events") and self.key != "false_alarms_per_week":
            return NO_LABELS, False
        return self.missing, False


def duration(seconds: float) -> str:
    """Seconds for a person: 45 s, 12 min, 3.5 h, 2.1 days."""
    for limit, size, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            digits = 1 if unit == "h" and seconds % size else 0
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds / 86_400:.1f} days"


def _share(value: float) -> str:
    return f"{value:.3f}"


def _rate(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def _percent(value: float) -> str:
    return f"{value:.0%}"


MEASURES = (
    Measure(
        "event_recall",
        "Faults found",
        _percent,
        "Of the labelled faults, how many raised an alarm while they lasted or just after.",
    ),
    Measure(
        "false_alarms_per_week",
        "False alarms a week",
        _rate,
        "Alarms with no fault behind them; one that lasts counts again every six hours. The budget is 1.",
    ),
    Measure(
        "median_delay_s",
        "Delay of the alarm",
        duration,
        "From a fault's start to its first alarm, in the median of those found.",
        "no fault was found",
    ),
    Measure(
        "precision",
        "Precision",
        _share,
        "Of the readings flagged, the share that lies in a fault, reading by reading.",
        "not measured: nothing was flagged",
    ),
    Measure(
        "recall",
        "Recall",
        _share,
        "Of the readings in faults, the share that was flagged. Long faults weigh most.",
    ),
    Measure(
        "best_event_recall",
        "Faults found, best threshold",
        _percent,
        "At one false alarm a week with the threshold chosen in hindsight: an upper bound for this score.",
    ),
    Measure(
        "auc_pr",
        "AUC-PR",
        _share,
        "How well the score ranks readings in faults above the others, over all thresholds; 1 is perfect.",
    ),
    Measure("vus_pr", "VUS-PR", _share, "The same, forgiving where exactly a fault begins and ends."),
)


def verdict(metrics: Mapping[str, Any]) -> str:
    """The result in one sentence that a person understands."""
    events, rate = metrics.get("events") or 0, metrics.get("false_alarms_per_week")
    alarms = "false alarms not measured"
    if rate is not None:
        alarms = f"{_rate(rate)} false alarm{'' if rate == 1 else 's'} a week"
    if not events:
        return f"No labelled faults to find, {alarms}."
    return f"Found {metrics.get('events_found', 0)} of {events} fault{'' if events == 1 else 's'}, {alarms}."
