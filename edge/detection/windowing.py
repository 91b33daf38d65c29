"""The numbers that turn physical values into model input; they travel in the bundle."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.detection.arithmetic import Floats, N, columns
from edge.detection.vapour import log_pressure_pct
from edge.reading import HUMIDITY, TEMPERATURE, Channel, channel

# A quantum is this small a part of a trace's usual step: rounding is far below any noise.
QUANTA_PER_STEP = 1024
VAPOUR = "vapour"
# What the network is told of each trace beside its levels, and of the room once.
TRACE_EXTRAS, ROOM_INPUTS = 5, 3


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at the past: in blocks of so many samples. K traces, L levels.

    Level 1 is the block before the newest, level k the mean of the samples block * 2^(k-1) to
    block * 2^k - 1 back. All scales are robust ones, in physical units.
    """

    block: int
    levels: int  # L
    step: tuple[float, ...]  # K: of the newest block minus level 1
    spread: tuple[tuple[float, ...], ...]  # K x (L - 1): of level k minus level 1, k from 2
    reach: tuple[tuple[float, ...], ...]  # K x L: of the newest block minus level k, wider if little was seen

    @property
    def span(self) -> int:
        """How many past samples it reaches back."""
        return int(self.block * 2**self.levels - 1)


@dataclass(frozen=True, slots=True)
class Windowing:
    """Everything that turns physical values into model input.

    A trace is a measured channel or, where temperature and humidity are measured, the vapour in
    the air (`edge/detection/vapour.py`), which comes last. C channels, K traces, V views of L levels each.

    Inputs for the expectation: for each view and channel the present (newest block minus the one
    before), the levels 2 to L minus the block before, and the logarithm of its recent volatility.
    Inputs for the shapes: for each trace the newest block minus each level, in the first and in the
    last view, and five more; and three of the room (`edge/detection/window.py`).
    """

    channels: tuple[str, ...]
    period_s: float
    gap_limit: int  # samples in a row that may be missing; they are filled with the last value
    warm_up: int  # samples after a start or a longer gap before the first score
    history_days: float  # how long the scales were learnt
    centre: tuple[float, ...]  # K, physical units: the median
    swing: tuple[float, ...]  # K: robust scale of the values, wider if little was seen
    stillness: tuple[float, ...]  # K: nats of surprise when a value stays as it was
    shapes: tuple[str, ...]  # the kinds of event whose shape the model knows; may be none
    views: tuple[View, ...]  # the first has a block of one sample

    @property
    def measured(self) -> tuple[Channel, ...]:
        """The channels with their units and ranges."""
        return tuple(channel(name) for name in self.channels)

    @property
    def traces(self) -> tuple[str, ...]:
        """The channels, and the vapour where it can be told."""
        return self.channels if self.vapour_of is None else (*self.channels, VAPOUR)

    @property
    def expectation_width(self) -> int:
        """How many inputs the expectation has."""
        return len(self.channels) * sum(view.levels + 1 for view in self.views)

    @property
    def trace_width(self) -> int:
        """How many inputs the shapes have from one trace."""
        return self.views[0].levels + self.views[-1].levels + TRACE_EXTRAS

    @property
    def width(self) -> int:
        """How many numbers a model input has."""
        return self.expectation_width + len(self.traces) * self.trace_width + ROOM_INPUTS

    @property
    def expectations(self) -> int:
        """How many answers are means and log deviations, for each channel and view."""
        return 2 * len(self.channels) * len(self.views)

    @property
    def outputs(self) -> int:
        """How many numbers a model answers with: the expectations, then one for each shape."""
        return self.expectations + len(self.shapes)

    @property
    def span(self) -> int:
        """How many past samples the window reaches back."""
        return max(view.span for view in self.views)

    def inputs_of(self, view: int, channel: int) -> slice:
        """Where in a model input that channel of that view stands; its present comes first."""
        before = sum(len(self.channels) * (each.levels + 1) for each in self.views[:view])
        width = self.views[view].levels + 1
        return slice(before + channel * width, before + (channel + 1) * width)

    def trace_inputs(self, trace: int) -> slice:
        """Where in a model input the shapes' inputs from that trace stand."""
        start = self.expectation_width + trace * self.trace_width
        return slice(start, start + self.trace_width)

    @property
    def quantum(self) -> Floats:
        """(K,) physical units of one integer step."""
        return np.asarray(self.views[0].step) / QUANTA_PER_STEP

    @property
    def vapour_of(self) -> tuple[int, int] | None:
        """The channels that tell of the vapour, temperature first; None where it cannot be told."""
        names = [TEMPERATURE.name, HUMIDITY.name]
        t, h = (self.channels.index(name) if name in self.channels else None for name in names)
        return None if t is None or h is None else (t, h)

    def traced(self, values: Floats) -> Floats:
        """Physical values (n, C) to traces (n, K)."""
        return np.column_stack(with_vapour(columns(values, one=False), self.vapour_of))

    def missing_before(self, elapsed_s: float) -> int:
        """Samples that should have come in the time since the last one and did not."""
        return max(0, round(elapsed_s / self.period_s) - 1)

    def missing(self, elapsed_s: Floats) -> NDArray[np.int64]:
        """The same for many (n,)."""
        missing: NDArray[np.int64] = np.maximum(0, np.rint(elapsed_s / self.period_s).astype(np.int64) - 1)
        return missing

    def is_long(self, elapsed_s: float) -> bool:
        """Whether a gap is too long to be filled."""
        return self.missing_before(elapsed_s) > self.gap_limit

    def with_views(self, views: tuple[View, ...]) -> "Windowing":
        """The same with other views."""
        return replace(self, views=views)

    def with_shapes(self, shapes: tuple[str, ...]) -> "Windowing":
        """The same for a model that knows other shapes."""
        return replace(self, shapes=shapes)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "Windowing":
        """From the manifest. Raises KeyError, TypeError or ValueError on a wrong shape."""
        windowing = cls(
            channels=tuple(str(name) for name in table["channels"]),
            period_s=float(table["period_s"]),
            gap_limit=int(table["gap_limit"]),
            warm_up=int(table["warm_up"]),
            history_days=float(table["history_days"]),
            centre=_floats(table["centre"]),
            swing=_floats(table["swing"]),
            stillness=_floats(table["stillness"]),
            shapes=tuple(str(name) for name in table["shapes"]),
            views=tuple(_view(each) for each in table["views"]),
        )
        _check(windowing)
        return windowing


def with_vapour(values: list[N], of: tuple[int, int] | None) -> list[N]:
    """C values, or columns of them, to K of the traces."""
    if of is None:
        return values
    traces = values.copy()
    traces.append(log_pressure_pct(values[of[0]], values[of[1]]))
    return traces


def _floats(row: list[Any]) -> tuple[float, ...]:
    return tuple(float(x) for x in row)


def _view(table: dict[str, Any]) -> View:
    return View(
        block=int(table["block"]),
        levels=int(table["levels"]),
        step=_floats(table["step"]),
        spread=tuple(_floats(row) for row in table["spread"]),
        reach=tuple(_floats(row) for row in table["reach"]),
    )


def _check(windowing: Windowing) -> None:
    count, traces = len(windowing.channels), len(windowing.traces)
    if not (1 <= count <= 8 and 1 <= len(windowing.views) <= 4 and 0 <= windowing.gap_limit <= 2**16):
        raise ValueError("channels, views or gap limit out of range")
    each_trace = (windowing.centre, windowing.swing, windowing.stillness)
    if any(len(row) != traces or not all(np.isfinite(row)) for row in each_trace):
        raise ValueError("a finite centre, swing and stillness for each trace are needed")
    if windowing.views[0].block != 1 or len(windowing.shapes) > 16:
        raise ValueError("a first view of single samples and at most 16 shapes are needed")
    for view in windowing.views:
        _check_view(view, windowing.warm_up, traces)
    scales = [x for view in windowing.views for row in (view.step, *view.spread, *view.reach) for x in row]
    positive = [windowing.period_s, windowing.history_days, *windowing.swing, *scales]
    if not all(np.isfinite(positive)) or min(positive) <= 0 or min(windowing.stillness) < 0:
        raise ValueError("scales must be finite and above zero")


def _check_view(view: View, warm_up: int, traces: int) -> None:
    if not (1 <= view.block <= 2**12 and 2 <= view.levels <= 16 and view.span < 2**20):
        raise ValueError("blocks or levels out of range")
    if not view.block + 1 <= warm_up <= 2**16:
        raise ValueError("the warm-up must be longer than a block")
    if not len(view.step) == len(view.spread) == len(view.reach) == traces:
        raise ValueError("scales for each trace are needed")
    if any(len(row) != view.levels - 1 for row in view.spread) or any(
        len(row) != view.levels for row in view.reach
    ):
        raise ValueError("a spread and a reach for each level are needed")
