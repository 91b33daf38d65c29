"""The product as a device lives that starts with the package's model: it learns the room again and again."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from edge.settling import next_point
from edge.sources.weather import DAY_S
from trainer.benchmark.detection import Detector, Result, Task
from trainer.benchmark.product import picanary


@dataclass(slots=True)
class Settling:
    """A detector that learns anew, from all it has seen until then, at each of the edge's points in time.

    What it learns from holds the faults of its first days, as it does on a device.
    """

    product: Detector

    def __call__(self, task: Task) -> Result:
        """Judge the rest of a task in stretches, each with what was known when it began."""
        whole = task.history.followed_by(task.rest)
        days = (whole.ts_ms - whole.ts_ms[0]) / 1000.0 / DAY_S
        begin, parts = len(task.history), []
        while begin < len(whole):
            end = max(begin + 1, int(np.searchsorted(days, next_point(days[begin]))))
            stretch = Task(
                task.name, whole.between(0, begin), whole.between(begin, end), task.false_alarms_per_week
            )
            parts.append(self.product(stretch))
            begin = end
        joined: dict[str, Any] = {
            each.name: _joined([getattr(part, each.name) for part in parts]) for each in fields(Result)
        }
        return Result(**joined)


def _joined(columns: list[np.ndarray | None]) -> np.ndarray | None:
    known = [column for column in columns if column is not None]
    return np.concatenate(known) if len(known) == len(columns) else None


def picanary_settling() -> Detector:
    """The product with the package's model, learning the room as its history grows."""
    return Settling(picanary())
