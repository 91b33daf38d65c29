"""True faults with their kinds, and their names below a plot, so that none covers another."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from trainer.canvas import TRUTH, TRUTH_TEXT
from trainer.metrics import events

LETTER_IN = 0.082  # width of a letter
LANE_IN = 0.17


@dataclass(frozen=True, slots=True)
class Fault:
    """A labelled stretch of rows, half open, with its kind (empty where the data names none)."""

    start: int
    stop: int
    kind: str


def true_faults(labels: ArrayLike | None, kinds: Sequence[str | None] | None) -> tuple[Fault, ...]:
    """Labelled stretches of n rows: by kind where kinds are known, else by label."""
    if kinds is not None and any(kinds):
        names = np.array([kind or "" for kind in kinds])
        cuts = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1), len(names)]
        return tuple(Fault(int(a), int(b), str(names[a])) for a, b in pairwise(cuts) if names[a])
    return () if labels is None else tuple(Fault(a, b, "") for a, b in events(labels))


@dataclass(frozen=True, slots=True)
class Name:
    """A fault's name in a lane below the panels; places are shares of the panels' width."""

    text: str
    onset: float
    left: float
    lane: int


@dataclass(frozen=True, slots=True)
class FaultNames:
    """Names side by side where they fit, else a lane lower, else left out."""

    names: tuple[Name, ...]
    height_in: float

    @classmethod
    def of(
        cls, faults: Sequence[Fault], ts_ms: NDArray[np.int64], width_in: float, lanes: int = 4
    ) -> "FaultNames":
        """Find room below panels over the times (n,) that are `width_in` wide with their margins."""
        free = [-1.0] * lanes
        names = []
        for fault in faults:
            text = fault.kind.replace("_", " ") or "fault"
            width = (len(text) + 1) * LETTER_IN / (width_in - 0.5)
            onset = float((ts_ms[fault.start] - ts_ms[0]) / max(ts_ms[-1] - ts_ms[0], 1))
            left = max(min(onset, 1.0 - width), 0.0)
            lane = next((k for k in range(lanes) if free[k] <= left), None)
            if lane is not None:
                free[lane] = left + width
                names.append(Name(text, onset, left, lane))
        used = max((name.lane + 1 for name in names), default=0)
        return cls(tuple(names), LANE_IN * used)

    def draw(self, axes: Axes) -> None:
        """Each name in its lane, and a fine line that leads up from it to its fault."""
        axes.axis("off")
        lane = LANE_IN / self.height_in
        for name in self.names:
            top = 1 - name.lane * lane
            axes.plot(
                [name.onset] * 2,
                [top - 0.8 * lane, 1.0],
                transform=axes.transAxes,
                color=TRUTH,
                linewidth=0.9,
                clip_on=False,
            )
            axes.annotate(
                name.text,
                (name.left, top),
                xycoords="axes fraction",
                xytext=(3, 0),
                textcoords="offset points",
                va="top",
                fontsize=8.5,
                color=TRUTH_TEXT,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.2},
            )
