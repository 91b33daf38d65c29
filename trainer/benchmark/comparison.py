"""All figures of a comparison of detectors, and the form in which programs read them."""

from dataclasses import asdict, dataclass, field
from typing import Any

from edge import __version__
from trainer.benchmark.bed_score import Line
from trainer.benchmark.runner import fingerprint
from trainer.benchmark.series import Series
from trainer.benchmark.table import Cell, Measures, counted, over_groups, over_series


@dataclass(frozen=True, slots=True)
class Comparison:
    """All figures of a comparison, by detector and series title ("group/name")."""

    data: str
    series: tuple[Series, ...]
    detectors: tuple[str, ...]
    measures: dict[tuple[str, str], Measures]
    failures: dict[tuple[str, str], str]  # also by the name of a trial of the bed
    false_alarms_per_week: float = 1.0  # the budget
    nab: dict[str, dict[str, float]] = field(default_factory=dict)  # by detector; NAB's score by column
    bed: dict[str, tuple[Line, ...]] = field(default_factory=dict)  # by detector; empty where one failed
    notes: tuple[str, ...] = ()  # sentences on what could not be done

    @property
    def groups(self) -> list[str]:
        """All groups, in the order of the index."""
        return list(dict.fromkeys(each.group for each in self.series))

    @property
    def counted(self) -> list[str]:
        """The groups that the mean is over."""
        return counted(self.series)

    def cell(self, detector: str, group: str) -> Cell:
        """A detector's figures on a group."""
        titles = [each.title for each in self.series if each.group == group]
        return over_series([self.measures.get((detector, title)) for title in titles])

    def mean(self, detector: str) -> Cell:
        """A detector's mean over groups."""
        return over_groups(self.cell(detector, group) for group in self.counted)

    def as_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "picanary": __version__,
            "data": self.data,
            "fingerprint": fingerprint(),
            "false_alarms_per_week": self.false_alarms_per_week,
            "mean_over": self.counted,
            "detectors": {
                detector: {
                    "mean": _plain(self.mean(detector)),
                    "groups": {group: _plain(self.cell(detector, group)) for group in self.groups},
                    "series": {
                        each.title: asdict(self.measures[detector, each.title])
                        for each in self.series
                        if (detector, each.title) in self.measures
                    },
                }
                for detector in self.detectors
            },
            "nab": self.nab,
            "bed": {detector: [asdict(line) for line in lines] for detector, lines in self.bed.items()},
            "notes": list(self.notes),
            "failed": [
                {"detector": detector, "series": title, "why": why}
                for (detector, title), why in self.failures.items()
            ],
        }


def _plain(cell: Cell) -> dict[str, float | int | None]:
    return {**cell.figures, "failed": cell.failed}
