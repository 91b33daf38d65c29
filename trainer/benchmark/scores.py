"""A result for each row of the file that it came from, and the CSV file that holds it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.benchmark.detection import FLAGS, Result, Task
from trainer.benchmark.series import Series
from trainer.benchmark.table import Measures, measure


@dataclass(frozen=True, slots=True)
class Judge:
    """Measures a result on a series, and writes its scores where that is asked for."""

    series: Series
    false_alarms_per_week: float
    scores: Path | None = None

    def __call__(self, result: Result, seconds: float) -> Measures:
        """The measures of a result for the rows of `series.rest()`."""
        whole = for_all_rows(self.series, result)
        if self.scores is not None:
            write_scores(self.scores, self.series, whole)
        return measure(self.series, whole, self.false_alarms_per_week, seconds)


def task_of(series: Series, false_alarms_per_week: float) -> Task:
    """What a detector gets of a series."""
    return Task(series.title, series.history(), series.rest(), false_alarms_per_week)


def for_all_rows(series: Series, result: Result) -> Result:
    """A result for the rows of `series.rest()` to one for all rows after the training part.

    A row whose time does not increase takes what was said of the row before.
    """
    rows = series.source()
    given = rows >= 0
    return Result(
        **{
            name: np.where(given, part[rows], False if name in FLAGS else np.nan)
            for name, part in result.parts().items()
        }
    )


def write_scores(path: Path, series: Series, result: Result) -> None:
    """Timestamp, score and anomaly (0 or 1) of all rows after the training part; no score is empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = zip(
        series.timestamps[series.train :], result.score.tolist(), result.anomaly.astype(int), strict=True
    )
    lines = [f"{at},{'' if score != score else repr(score)},{flag}\n" for at, score, flag in rows]
    path.write_text("".join(["timestamp,score,anomaly\n", *lines]), encoding="utf-8")
