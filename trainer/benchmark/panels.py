"""The tables of a comparison as text: which figures, in which order, with which words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainer.benchmark.bed_panels import bed_tables, held_out_coverage
from trainer.benchmark.comparison import Comparison
from trainer.benchmark.registry import PRODUCT
from trainer.benchmark.sheet import FAILED, MISSING, Table, count, rate, share
from trainer.benchmark.table import NAB_GROUP, Cell
from trainer.measures import duration

MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Column:
    """One measure of a table: how it is headed, which figure it is, how it is written."""

    title: str
    name: str
    write: Callable[[float], str]

    def said(self, cell: Cell) -> str:
        """The figure for a person, or why there is none."""
        if cell.failed:
            return FAILED
        value = cell[self.name]
        return MISSING if value is None else self.write(value)


VUS = Column("VUS-PR", "vus_pr", share)
AUC = Column("AUC-PR", "auc_pr", share)
BEST = Column("events @ 1 FA/wk (best thr.)", "best_event_recall", share)
RECALL = Column("own event recall", "event_recall", share)
FALSE = Column("own FA/wk", "false_alarms_per_week", rate)
POOLED = Column("own FA/wk, all weeks together", "pooled_false_alarms_per_week", rate)
COUNT = Column("own FA", "false_alarms", count)
DELAY = Column("median delay", "median_delay_s", duration)
PRECISION = Column("point precision", "precision", share)
POINT_RECALL = Column("point recall", "recall", share)
AT_PRODUCT = Column(f"events @ {PRODUCT}'s FA/wk (best thr.)", "recall_at_product", share)
ADVISED = Column("advisory event recall", "advisory_event_recall", share)
ADVISED_FALSE = Column("advisory FA/wk", "advisory_false_alarms_per_week", rate)
COVERAGE = Column("coverage", "coverage", share)
ALARMS = (RECALL, FALSE, POOLED, COUNT, DELAY, PRECISION, POINT_RECALL)
COLUMNS = (VUS, AUC, BEST, *ALARMS, AT_PRODUCT, ADVISED, ADVISED_FALSE)

PANELS = (
    ("How well the score ranks", "VUS-PR; 1 is perfect.", (VUS,)),
    ("How well the score ranks, row by row", "AUC-PR, no adjustment.", (AUC,)),
    (
        "Events found at one false alarm a week",
        "Event recall at the best threshold, known in hindsight: an upper bound for the score.",
        (BEST,),
    ),
    (
        "Events found, and false alarms a week, at each detector's own alarm",
        "What a user lives with. The alarm level knows no labels.",
        (RECALL, FALSE),
    ),
    (
        f"Events found at {PRODUCT}'s own false alarms",
        f"Event recall at the best threshold with no more false alarms than {PRODUCT} had on that series.",
        (AT_PRODUCT,),
    ),
    (
        "Delay of the alarm",
        "From an event's start, in the median of those found; mean over series.",
        (DELAY,),
    ),
    ("Precision and recall, row by row", "At each detector's own alarm.", (PRECISION, POINT_RECALL)),
    (
        "The advisory, apart from the alarm",
        "Event recall and false alarms a week of the slow channel.",
        (ADVISED, ADVISED_FALSE),
    ),
)


NAB_SAYS = (
    "0 is silence, 100 is perfect. Left as published, with the threshold that is best for the whole corpus; "
    "right (own) at each detector's own alarm. NAB lets each flagged row outside of a window cost, so that "
    "saying the same thing again is punished: for all detectors alike a score counts only where it is higher "
    "than in as many rows before as twice the history, and an own alarm (flags less than an hour apart are "
    "one) at its first row alone. A detector that has a score for the beginning of long shifts is scored by "
    "that."
)
BAND_SAYS = (
    "Share of observed values within expected ± spread, outside of events and their slack. Stated is 0.90. "
    "Rows of the test bed are clean data that was held out, with nothing put in."
)


def tables(comparison: Comparison) -> list[Table]:
    """The summary over groups, then a table for each measure with a row for each group."""
    found = [_summary(comparison)]
    for title, says, columns in PANELS:
        if any(_measured(comparison, column) for column in columns):
            found.append(Table(title, says, _by_group(comparison, columns, comparison.detectors)))
    banded = [name for name in comparison.detectors if _covers(comparison, name)]
    if banded:
        found.append(Table("The 90 % band", BAND_SAYS, _band(comparison, banded)))
    if comparison.nab:
        found.append(Table("NAB's own score", NAB_SAYS, _nab(comparison)))
    return found + bed_tables(comparison)


def rule(comparison: Comparison) -> str:
    """How the means are made."""
    groups = comparison.counted
    if not groups:
        return "No group has labelled events, so there is no mean over groups; only false alarms are counted."
    sentences = [
        "A group's figure is the mean over its series. The mean over groups is over "
        f"those with labelled events ({', '.join(groups)})."
    ]
    if NAB_GROUP in comparison.groups:
        sentences.append(f"{NAB_GROUP} is not in it: the whole corpus is for NAB's own score.")
    if set(comparison.groups) - {*groups, NAB_GROUP}:
        sentences.append("Groups without events show false alarms only, and are not in it.")
    sentences.append(
        "Where series are short, one false alarm is many a week: a rate of all weeks together stands beside."
    )
    return " ".join(sentences)


def _measured(comparison: Comparison, column: Column) -> bool:
    return any(
        comparison.cell(detector, group)[column.name] is not None
        for detector in comparison.detectors
        for group in comparison.groups
    )


def _summary(comparison: Comparison) -> Table:
    columns = [column for column in COLUMNS if _measured(comparison, column)]
    rows = [("detector", *(column.title for column in columns))]
    for detector in comparison.detectors:
        cell = comparison.mean(detector)
        rows.append((detector, *(column.said(cell) for column in columns)))
    return Table("Mean over groups", "", tuple(rows))


def _by_group(
    comparison: Comparison, columns: Sequence[Column], names: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    def said(cell: Cell) -> str:
        words = [column.said(cell) for column in columns]
        return words[0] if set(words) <= {MISSING} or set(words) <= {FAILED} else " / ".join(words)

    rows = [(group, *(said(comparison.cell(name, group)) for name in names)) for group in comparison.groups]
    mean = (MEAN, *(said(comparison.mean(name)) for name in names))
    return (("group", *names), *rows, mean)


def _covers(comparison: Comparison, detector: str) -> bool:
    cells = [comparison.cell(detector, group) for group in comparison.groups]
    return any(cell[COVERAGE.name] is not None for cell in cells)


def _band(comparison: Comparison, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """A row for each group, and for each length of history of the test bed where nothing was put in."""
    groups = _by_group(comparison, (COVERAGE,), names)
    held_out = {name: dict(held_out_coverage(comparison, name)) for name in names}
    rows = [
        (trials, *(_held_out(held_out[name], trials) for name in names))
        for trials in next(filter(None, held_out.values()), {})
    ]
    return (*groups, *rows)


def _held_out(coverages: dict[str, float], trials: str) -> str:
    if not coverages:
        return FAILED
    return share(coverages[trials]) if trials in coverages else MISSING


def _nab(comparison: Comparison) -> tuple[tuple[str, ...], ...]:
    heads = list(next(iter(comparison.nab.values())))
    rows = [
        (name, *(f"{comparison.nab[name][head]:.1f}" if name in comparison.nab else FAILED for head in heads))
        for name in comparison.detectors
    ]
    return (("detector", *(head.replace("_", " ") for head in heads)), *rows)
