"""What a benchmarked detector is: a function from a task without labels to a score and an alarm."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from edge.recording import Recording

FLAGS = ("anomaly", "advisory")  # what a Result says by yes and no


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What a detector gets: no labels anywhere."""

    name: str
    history: Recording  # the leading part, to train on (labels None)
    rest: Recording  # what is judged, in time order right after it (labels None)
    false_alarms_per_week: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a detector says of the n rows of `rest`."""

    score: NDArray[np.float64]  # (n,) NaN where it gives none
    anomaly: NDArray[np.bool_]  # (n,) its own alarm, at its own label-free threshold
    advisory: NDArray[np.bool_] | None = None  # (n,) the slow channel apart from the alarm, if it has one
    # (n,) for NAB's own score, which wants the beginning of long shifts; None: the score
    onset: NDArray[np.float64] | None = None
    # (n,) share of the channels whose value lies within what was expected and its 90 % band, NaN
    # where nothing was expected; None for a detector that expects nothing
    inside: NDArray[np.float64] | None = None

    def parts(self) -> dict[str, NDArray[np.bool_] | NDArray[np.float64]]:
        """What is given, by name: (n,) arrays, scores float64 and flags bool."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: np.asarray(part, bool if name in FLAGS else np.float64)
            for name, part in given.items()
            if part is not None
        }


Detector = Callable[[Task], Result]
