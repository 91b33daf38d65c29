"""What a detector reached on the test bed: events found by kind, false alarms a week."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.benchmark.bed import Trial
from trainer.benchmark.detection import Result
from trainer.benchmark.table import coverage
from trainer.metrics import best_event_recall, event_outcome, recall_by_kind

SLACK_S = 1800.0
# A room takes time to recover from an event: what is said of it then is no false alarm.
RECOVERY_S = 3600.0

Outcome = dict[str, Any]


def outcome(trial: Trial, result: Result) -> Outcome:
    """What `result` is worth on that trial, ready for JSON.

    An event is found by an alarm in it or up to 30 minutes after it. An alarm is false when it is
    outside of every event and the hour after it; `recovery_alarms` counts those that would have been
    false if only the 30 minutes had been let pass. `weeks` is the time in which an alarm is false, and
    `coverage` is of that time.
    """
    truth = trial.truth
    labels = np.zeros(len(truth), bool) if truth.labels is None else truth.labels
    times = truth.ts_ms / 1000.0
    slack, recovery = (max(1, math.ceil(each / truth.period_s)) for each in (SLACK_S, RECOVERY_S))
    found = event_outcome(result.anomaly, labels, times, slack)
    false = event_outcome(result.anomaly, labels, times, recovery)
    return {
        "trial": trial.name,
        "base": trial.base,
        "simulated": trial.simulated,
        "both": trial.both,
        "days": trial.days,
        "contaminated": trial.contaminated,
        "injected": trial.injected,
        "events": found.events,
        "found": found.found,
        "recall": found.recall,
        "best_recall": best_event_recall(
            result.score, labels, times, trial.task.false_alarms_per_week, slack
        ),
        "kinds": recall_by_kind(result.anomaly, truth.kinds or (None,) * len(truth), slack),
        "median_delay_s": found.median_delay_s,
        "false_alarms": false.false_alarms,
        "false_alarms_per_week": false.false_alarms_per_week,
        "recovery_alarms": found.false_alarms - false.false_alarms,
        "weeks": false.weeks,
        "coverage": coverage(result, labels, recovery),
    }


@dataclass(frozen=True, slots=True)
class Line:
    """Trials of one sort together."""

    rooms: str  # real or simulated, all devices or those with both channels
    days: float
    history: str  # clean or contaminated; "no events" when none were put into the rest
    devices: int
    events: int
    recall: float | None  # mean over devices
    best_recall: float | None  # mean over devices, each at its own best threshold within the budget
    false_alarms: int
    weeks: float
    false_alarms_per_week: float | None  # of all devices together
    recovery_alarms: int
    kinds: dict[str, tuple[int, int]]  # (found, events)
    coverage: float | None  # share of values inside of the 90 % band outside of events, mean over devices


def summarise(outcomes: Iterable[Outcome]) -> list[Line]:
    """A line for each length and state of history, real rooms first, and then those with both channels."""
    every = list(outcomes)
    lines = []
    for simulated in (False, True):
        for both in (False, True):
            some = [o for o in every if o["simulated"] == simulated and (o["both"] or not both)]
            rooms = ("simulated" if simulated else "real") + (", both channels" if both else "")
            lines += _lines(rooms, some)
    return lines


def _lines(rooms: str, outcomes: Sequence[Outcome]) -> list[Line]:
    groups: dict[tuple[bool, bool, float], list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault((not each["injected"], each["contaminated"], each["days"]), []).append(each)
    return [
        _line(rooms, days, "no events" if calm else "contaminated" if dirty else "clean", groups[key])
        for key in sorted(groups)
        for calm, dirty, days in [key]
    ]


def _line(rooms: str, days: float, history: str, outcomes: Sequence[Outcome]) -> Line:
    false, weeks = sum(o["false_alarms"] for o in outcomes), sum(o["weeks"] for o in outcomes)
    kinds: dict[str, tuple[int, int]] = {}
    for each in outcomes:
        for kind, (found, of) in each["kinds"].items():
            before = kinds.get(kind, (0, 0))
            kinds[kind] = (before[0] + found, before[1] + of)
    return Line(
        rooms=rooms,
        days=days,
        history=history,
        devices=len({o["base"] for o in outcomes}),
        events=sum(o["events"] for o in outcomes),
        recall=_mean([o["recall"] for o in outcomes]),
        best_recall=_mean([o["best_recall"] for o in outcomes]),
        false_alarms=false,
        weeks=weeks,
        false_alarms_per_week=false / weeks if weeks else None,
        recovery_alarms=sum(o["recovery_alarms"] for o in outcomes),
        kinds=dict(sorted(kinds.items())),
        coverage=_mean([o["coverage"] for o in outcomes]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    given = [value for value in values if value is not None]
    return sum(given) / len(given) if given else None
