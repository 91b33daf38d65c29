"""The measures of each series, their mean over a group, and the mean over groups."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

import numpy as np
from numpy.typing import ArrayLike

from trainer import metrics
from trainer.benchmark.detection import Result
from trainer.benchmark.nab import NabSeries, nab_scores, onsets
from trainer.benchmark.series import Series
from trainer.vus import vus_pr

# NAB's whole corpus is for NAB's own score; the mean over groups leaves it out.
NAB_GROUP = "nab_all"
NAB_BUFFER, BUFFER = 100, 32  # rows: NAB's windows are long
# NAB's profiles as our columns.
NAB_COLUMNS = {"standard": "standard", "low_fp": "reward_low_FP_rate", "low_fn": "reward_low_FN_rate"}
SUMS = ("series", "events", "found", "false_alarms", "weeks", "seconds")


@dataclass(frozen=True, slots=True)
class Measures:
    """How one detector did on one series; None is what cannot be measured there."""

    events: int
    found: int
    event_recall: float | None  # at the detector's own alarm, as all that follow up to recall
    false_alarms: int
    false_alarms_per_week: float | None
    weeks: float  # outside of events
    median_delay_s: float | None
    precision: float | None  # point by point
    recall: float | None
    vus_pr: float | None
    auc_pr: float | None
    best_event_recall: float | None  # at the budget, threshold known in hindsight
    advisory_event_recall: float | None = None
    advisory_false_alarms_per_week: float | None = None
    coverage: float | None = None  # share of values inside of the 90 % band, outside of events
    recall_at_product: float | None = None  # best threshold at the product's own false alarms
    seconds: float = 0.0  # that the detector took


@dataclass(frozen=True, slots=True)
class Cell:
    """One detector on one group, or on the mean of groups: figures by name, None where not measured."""

    figures: dict[str, float | None]
    failed: int = 0  # series on which the detector failed; the figures are then not those of the group

    def __getitem__(self, name: str) -> float | None:
        """The figure of that name."""
        return self.figures.get(name)


def measure(series: Series, result: Result, budget: float, seconds: float = 0.0) -> Measures:
    """All that can be said of a result for all rows after the training part."""
    labels, times = series.judged_labels, series.judged_s
    outcome = metrics.event_outcome(result.anomaly, labels, times, series.slack, series.merge)
    precision, recall = metrics.point_precision_recall(result.anomaly, labels)
    advisory_recall, advisory_rate = None, None
    if result.advisory is not None:
        advised = metrics.event_outcome(result.advisory, labels, times, series.slack, series.merge)
        advisory_recall, advisory_rate = advised.recall, advised.false_alarms_per_week
    buffer = NAB_BUFFER if series.group.startswith("nab_") else BUFFER
    return Measures(
        events=outcome.events,
        found=outcome.found,
        event_recall=outcome.recall,
        false_alarms=outcome.false_alarms,
        false_alarms_per_week=outcome.false_alarms_per_week,
        weeks=outcome.weeks,
        median_delay_s=outcome.median_delay_s,
        precision=precision if outcome.events else None,
        recall=recall,
        vus_pr=vus_pr(result.score, labels, buffer),
        auc_pr=metrics.auc_pr(result.score, labels),
        best_event_recall=metrics.best_event_recall(
            result.score, labels, times, budget, series.slack, series.merge
        ),
        advisory_event_recall=advisory_recall,
        advisory_false_alarms_per_week=advisory_rate,
        coverage=coverage(result, labels, series.slack, series.merge),
        seconds=seconds,
    )


def coverage(result: Result, labels: ArrayLike, slack: int = 0, merge: int = 0) -> float | None:
    """Share of values inside of the band outside of events and their slack; None where none was expected."""
    if result.inside is None:
        return None
    calm = ~np.isnan(result.inside)
    for start, stop in metrics.events(labels, merge):
        calm[start : stop + slack] = False
    return float(result.inside[calm].mean()) if calm.any() else None


def recall_at(series: Series, result: Result, product: Measures) -> float | None:
    """Event recall of the score, at the best threshold with no more false alarms than the product had."""
    # half an alarm more: a rate times its weeks may come out just below the count that it was made of
    budget = (product.false_alarms + 0.5) / product.weeks if product.weeks else 0.0
    return metrics.best_event_recall(
        result.score, series.judged_labels, series.judged_s, budget, series.slack, series.merge
    )


def nab_columns(series: Sequence[Series], results: Mapping[str, Result]) -> dict[str, float]:
    """NAB's three scores of a corpus, by title, as published and at each detector's own alarm ("own_...").

    What is said again is no detection: a score counts where it is higher than in as many rows before it
    as the history has twice, an alarm at its first row.
    """
    best, own = {}, {}
    for each in series:
        before = np.full(each.train, np.nan)  # not judged
        result = results[each.title]
        score = onsets(result.score, 2 * each.train) if result.onset is None else result.onset
        begins = np.zeros(len(result.anomaly))
        begins[[start for start, _ in metrics.alarms(result.anomaly, each.judged_s, recount_s=np.inf)]] = 1.0
        best[each.title] = NabSeries.labelled(np.append(before, score), each.labels)
        own[each.title] = NabSeries.labelled(np.append(before, begins), each.labels)
    alarm = dict.fromkeys(own, 0.5)  # between no alarm and one
    return {
        **{short: nab_scores(best)[name] for short, name in NAB_COLUMNS.items()},
        **{f"own_{short}": nab_scores(own, alarm)[name] for short, name in NAB_COLUMNS.items()},
    }


def over_series(measured: Sequence[Measures | None]) -> Cell:
    """A group's figures: counts added up, all else the mean over its series; None is a failed series."""
    rows = [{**asdict(each), "series": 1} for each in measured if each is not None]
    names = dict.fromkeys(name for row in rows for name in row)
    figures = {name: _joined(name, [row[name] for row in rows]) for name in names}
    return Cell(_with_pooled(figures), failed=sum(each is None for each in measured))


def over_groups(cells: Iterable[Cell]) -> Cell:
    """The mean over groups, of counts the sum."""
    rows = list(cells)
    names = dict.fromkeys(name for row in rows for name in row.figures)
    figures = {name: _joined(name, [row[name] for row in rows]) for name in names}
    return Cell(_with_pooled(figures), failed=sum(row.failed for row in rows))


def counted(series: Iterable[Series]) -> list[str]:
    """The groups that the mean is over: those with labelled events to judge, but NAB's whole corpus."""
    labelled = dict.fromkeys(each.group for each in series if np.any(each.judged_labels))
    return [group for group in labelled if group != NAB_GROUP]


def _joined(name: str, values: Sequence[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    return sum(known) if name in SUMS else fmean(known)


def _with_pooled(figures: dict[str, float | None]) -> dict[str, float | None]:
    """The rate of false alarms over all weeks together: a series of hours has no rate of its own."""
    alarms, weeks = figures.get("false_alarms"), figures.get("weeks")
    return {
        **figures,
        "pooled_false_alarms_per_week": alarms / weeks if alarms is not None and weeks else None,
    }
