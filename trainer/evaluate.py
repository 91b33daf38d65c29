"""How good the detector is on data that it was not trained on, through the edge's own code."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge.detection.judgement import Judgement
from edge.recording import Recording
from edge.sources.faults import inject, schedule
from trainer import metrics
from trainer.vus import vus_pr

FAULT_SLACK_S = 1800.0
VUS_BUFFER = 32


@dataclass(frozen=True, slots=True)
class Stretch:
    """A series to evaluate on, with true labels."""

    recording: Recording  # with labels
    says: str  # a sentence: what it is and where its labels come from


def with_labels(test: Recording, seed: int) -> Stretch:
    """The test part with its own labels or, where it has none, with faults put into it."""
    if test.labels is not None and test.labels.any():
        return Stretch(test, f"{len(test.ts_ms)} later readings of {test.name}, with the labels of the file")
    length_s = float(test.ts_ms[-1] - test.ts_ms[0]) / 1000.0
    # three rounds of all kinds where the series is long enough, and calm days between for false alarms
    every_s = max(length_s / 36.0, 40 * test.period_s)
    names = tuple(c.name for c in test.channels)
    rng = np.random.default_rng(seed)
    faults = schedule(rng, 0.0, length_s, every_s, channels=names, period_s=test.period_s)
    spoilt = inject(test, faults)
    says = (
        f"{len(test.ts_ms)} later readings of {test.name}, with {len(faults)} faults put in by the simulator"
    )
    return Stretch(spoilt, says)


def measure(stretch: Recording, judgement: Judgement) -> dict[str, Any]:
    """Every measure of a judged stretch, as it stands in metrics.json; null where it cannot be measured."""
    labels = np.zeros(len(stretch.ts_ms), bool) if stretch.labels is None else stretch.labels
    ts_s = stretch.ts_ms / 1000.0
    slack = max(1, round(FAULT_SLACK_S / stretch.period_s))
    alarm = judgement.alarm
    score = ranking(judgement)
    outcome = metrics.event_outcome(alarm, labels, ts_s, slack=slack)
    precision, recall = metrics.point_precision_recall(alarm, labels)
    table: dict[str, Any] = {
        "precision": precision,
        "recall": recall,
        "events": outcome.events,
        "events_found": outcome.found,
        "event_recall": outcome.recall,
        "false_alarms": outcome.false_alarms,
        "false_alarms_per_week": outcome.false_alarms_per_week,
        "median_delay_s": outcome.median_delay_s,
        "auc_pr": metrics.auc_pr(score, labels),
        "vus_pr": vus_pr(score, labels, VUS_BUFFER) if labels.any() else None,
        "best_event_recall": metrics.best_event_recall(score, labels, ts_s, 1.0, slack),
        "by_kind": {},
        "threshold": 1.0,
    }
    if stretch.kinds is not None:
        found = metrics.recall_by_kind(alarm, stretch.kinds, slack)
        table["by_kind"] = {kind: {"found": hit, "of": of} for kind, (hit, of) in found.items()}
    return table


def ranking(judgement: Judgement) -> np.ndarray:
    """(n,) scores for ranking: a reading without one is not strange, a broken sensor is at the threshold."""
    score = np.nan_to_num(judgement.score, nan=0.0)
    fault = np.array([state == "sensor_fault" for state in judgement.states])
    return np.where(fault, np.maximum(score, 1.0), score)


def split(recording: Recording, train_share: float) -> tuple[Recording, Recording]:
    """The earlier part to train on and the later part to evaluate on; never shuffled."""
    cut = int(len(recording.ts_ms) * train_share)
    train = recording.between(0, cut)
    return replace(train, labels=None, kinds=None), recording.between(cut, len(recording.ts_ms))
