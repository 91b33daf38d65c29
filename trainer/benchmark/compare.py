"""A whole comparison from beginning to end: series, tasks, results, and the figures that come of them."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from edge.errors import RecordingError
from trainer.benchmark.bed import DAYS, Trial, trials
from trainer.benchmark.bed_bases import bases_from, simulated_bases
from trainer.benchmark.bed_score import Line, outcome, summarise
from trainer.benchmark.comparison import Comparison
from trainer.benchmark.detection import Detector, Result, Task
from trainer.benchmark.registry import PRODUCT
from trainer.benchmark.runner import Job, key, load, run
from trainer.benchmark.scores import Judge, for_all_rows, task_of
from trainer.benchmark.series import Series, read_index
from trainer.benchmark.table import NAB_GROUP, Measures, nab_columns, recall_at

FALSE_ALARMS_PER_WEEK = 1.0
SIMULATED_ROOMS = 8

Name = tuple[str, str]  # detector, and series or trial
Verdict = TypeVar("Verdict")


@dataclass(frozen=True, slots=True)
class Order:
    """What to compare, and where to leave it."""

    data: Path
    detectors: dict[str, Callable[[], Detector]]
    out: Path
    groups: Sequence[str] = ()  # all if empty
    scores: Path | None = None
    processes: int = 1
    bed: bool = True
    bed_days: tuple[float, ...] = DAYS
    fresh: bool = False
    debug: bool = False


def compare(order: Order) -> Comparison:
    """Run all detectors on all series, and on the test bed; tells on stderr how far it is, and what failed.

    Raises RecordingError when the folder or a file in it cannot be used.
    """
    series = read_index(order.data, order.groups)
    jobs = _series_jobs(order, series)
    measures, failures = _work(order, list(jobs.values()), "series")
    bed: dict[str, tuple[Line, ...]] = {}
    notes: tuple[str, ...] = ()
    if order.bed:
        bed, failed, notes = _bed(order, series)
        failures |= failed
    return Comparison(
        data=str(order.data),
        series=tuple(series),
        detectors=tuple(order.detectors),
        measures=_beside_the_product(series, jobs, measures),
        failures=failures,
        false_alarms_per_week=FALSE_ALARMS_PER_WEEK,
        nab=_nab([each for each in series if each.group == NAB_GROUP], order.detectors, jobs, measures),
        bed=bed,
        notes=notes,
    )


def _work(
    order: Order, jobs: Sequence[Job[Verdict]], title: str
) -> tuple[dict[Name, Verdict], dict[Name, str]]:
    """Verdicts and failures, by detector and task."""
    verdicts: dict[Name, Verdict] = {}
    failures: dict[Name, str] = {}
    with tqdm(total=len(jobs), desc=title, unit="job", file=sys.stderr, disable=None) as bar:
        for job, outcome in run(jobs, order.processes):
            name = (job.detector, job.task.name)
            if outcome.verdict is not None:
                verdicts[name] = outcome.verdict
            else:
                failures[name] = outcome.failure or "no reason given"
                bar.write(f"failed  {job.detector} on {job.task.name}: {failures[name]}", sys.stderr)
                if order.debug and outcome.trace:
                    bar.write(outcome.trace, sys.stderr)
            bar.update()
    return verdicts, failures


def _job(order: Order, detector: str, task: Task, judge: Callable[[Result, float], Verdict]) -> Job[Verdict]:
    kept = order.out / "cache" / f"{key(detector, task)}.npz"
    return Job(detector, order.detectors[detector], task, kept, judge, order.fresh)


def _series_jobs(order: Order, series: Sequence[Series]) -> dict[Name, Job[Measures]]:
    """The longest series first, so that no process is left alone with one at the end."""
    tasks = [
        (each, task_of(each, FALSE_ALARMS_PER_WEEK)) for each in sorted(series, key=lambda s: -len(s.ts_ms))
    ]
    jobs = {}
    for detector in order.detectors:
        for each, task in tasks:
            path = None
            if order.scores is not None:
                folder = order.scores if len(order.detectors) == 1 else order.scores / detector
                path = folder / f"{each.group}__{each.name}.csv"
                path.unlink(missing_ok=True)  # never an older run's scores beside a failure
            judge = Judge(each, FALSE_ALARMS_PER_WEEK, path)
            jobs[detector, each.title] = _job(order, detector, task, judge)
    return jobs


def _kept(series: Series, job: Job[Measures]) -> Result:
    """The result of a job that is done, for all rows after the training part."""
    kept = load(job.kept)
    if kept is None:
        raise RecordingError(f"{job.kept} is gone; run the benchmark again")
    return for_all_rows(series, kept[0])


def _beside_the_product(
    series: Sequence[Series], jobs: Mapping[Name, Job[Measures]], measures: Mapping[Name, Measures]
) -> dict[Name, Measures]:
    """The measures, with each detector's recall at the product's own false alarms where that ran."""
    by_title = {each.title: each for each in series}
    found = dict(measures)
    for (detector, title), own in measures.items():
        product = measures.get((PRODUCT, title))
        if product is not None and own.events:
            result = _kept(by_title[title], jobs[detector, title])
            recall = recall_at(by_title[title], result, product)
            found[detector, title] = replace(own, recall_at_product=recall)
    return found


def _nab(
    series: Sequence[Series],
    detectors: Iterable[str],
    jobs: Mapping[Name, Job[Measures]],
    measures: Mapping[Name, Measures],
) -> dict[str, dict[str, float]]:
    """NAB's score of each detector that did the whole corpus, at the best threshold and at its own alarm."""
    scores = {}
    for detector in detectors:
        if all((detector, each.title) in measures for each in series) and any(
            each.judged_labels.any() for each in series
        ):
            results = {each.title: _kept(each, jobs[detector, each.title]) for each in series}
            scores[detector] = nab_columns(series, results)
    return scores


def _bed(
    order: Order, series: Sequence[Series]
) -> tuple[dict[str, tuple[Line, ...]], dict[Name, str], tuple[str, ...]]:
    """The lines of the test bed by detector, none for one that failed in a trial; failures; notes."""
    bases, notes = simulated_bases(SIMULATED_ROOMS), list[str]()
    try:
        bases = [*bases_from(series), *bases]
    except RecordingError as error:
        notes.append(f"The test bed has simulated rooms only. {error}.")
    every = trials(bases, order.bed_days)
    jobs = [
        _job(order, detector, trial.task, partial(_on_the_bed, trial))
        for detector in order.detectors
        for trial in every
    ]
    outcomes, failures = _work(order, jobs, "test bed")
    failed = {detector for detector, _ in failures}
    lines = {
        detector: () if detector in failed else tuple(summarise(outcomes[detector, t.name] for t in every))
        for detector in order.detectors
    }
    return lines, failures, tuple(notes)


def _on_the_bed(trial: Trial, result: Result, _seconds: float) -> dict[str, Any]:
    return outcome(trial, result)
