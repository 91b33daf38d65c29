"""The numbers that turn physical values into model input; they travel in the bundle."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.reading import Channel, channel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A quantum is this small a part of a channel's usual step: rounding is far below any noise.
QUANTA_PER_STEP = 1024
# A window's sum of samples this large still fits 64 bits.
LARGEST_SAMPLE = 2.0**40


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at the past: in blocks of so many samples. C channels, L levels."""

    block: int
    levels: int  # L; level k is the mean of the samples block * 2^(k-1) to block * 2^k - 1 back
    step: tuple[float, ...]  # C, physical units: robust scale of the newest block minus the one before
    spread: tuple[tuple[float, ...], ...]  # C x (L - 1): robust scale of level k minus the block before

    @property
    def span(self) -> int:
        """How many past samples it reaches back."""
        return int(self.block * 2**self.levels - 1)


@dataclass(frozen=True, slots=True)
class Windowing:
    """Everything that turns physical values into model input.

    With C channels, a view of L levels has C * (L + 1) inputs: for each channel its present
    (newest block minus the one before), the levels 2 to L minus the block before, and the
    logarithm of its recent volatility, each in units of the channel's own scale.
    """

    channels: tuple[str, ...]
    period_s: float
    gap_limit: int  # samples in a row that may be missing; they are filled with the last value
    warm_up: int  # samples after a start or a longer gap before the first score
    centre: tuple[float, ...]  # C, physical units
    views: tuple[View, ...]  # the first has a block of one sample

    @property
    def measured(self) -> tuple[Channel, ...]:
        """The channels with their units and ranges."""
        return tuple(channel(name) for name in self.channels)

    @property
    def width(self) -> int:
        """How many numbers a model input has."""
        return len(self.channels) * sum(view.levels + 1 for view in self.views)

    @property
    def outputs(self) -> int:
        """How many numbers a model answers with: a mean and a log deviation a channel and view."""
        return 2 * len(self.channels) * len(self.views)

    @property
    def span(self) -> int:
        """How many past samples the window reaches back."""
        return max(view.span for view in self.views)

    def inputs_of(self, view: int, channel: int) -> slice:
        """Where in a model input that channel of that view stands; its present comes first."""
        before = sum(len(self.channels) * (each.levels + 1) for each in self.views[:view])
        width = self.views[view].levels + 1
        return slice(before + channel * width, before + (channel + 1) * width)

    @property
    def quantum(self) -> Floats:
        """(C,) physical units of one integer step."""
        return np.asarray(self.views[0].step) / QUANTA_PER_STEP

    def in_quanta(self, scales: Floats) -> Floats:
        """Physical scales (..., C) in integer steps."""
        return np.asarray(scales / self.quantum)

    def quantise(self, values: Floats) -> Ints:
        """Physical values (..., C) to integers (..., C)."""
        reach = LARGEST_SAMPLE * self.quantum
        away = np.clip(values - np.asarray(self.centre), -reach, reach)
        samples: Ints = np.rint(away / self.quantum).astype(np.int64)
        return samples

    def physical(self, samples: Floats) -> Floats:
        """Integers or means of them (..., C) back to physical values (..., C)."""
        return np.asarray(samples * self.quantum + np.asarray(self.centre))

    def missing_before(self, elapsed_s: float) -> int:
        """Samples that should have come in the time since the last one and did not."""
        return max(0, round(elapsed_s / self.period_s) - 1)

    def is_long(self, elapsed_s: float) -> bool:
        """Whether a gap is too long to be filled."""
        return self.missing_before(elapsed_s) > self.gap_limit

    def with_views(self, views: tuple[View, ...]) -> "Windowing":
        """The same with other views."""
        return replace(self, views=views)

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
            centre=tuple(float(x) for x in table["centre"]),
            views=tuple(_view(each) for each in table["views"]),
        )
        _check(windowing)
        return windowing


def _view(table: dict[str, Any]) -> View:
    return View(
        block=int(table["block"]),
        levels=int(table["levels"]),
        step=tuple(float(x) for x in table["step"]),
        spread=tuple(tuple(float(x) for x in row) for row in table["spread"]),
    )


def _check(windowing: Windowing) -> None:
    count = len(windowing.channels)
    if not (1 <= count <= 8 and 1 <= len(windowing.views) <= 4 and 0 <= windowing.gap_limit <= 2**16):
        raise ValueError("channels, views or gap limit out of range")
    if (
        len(windowing.centre) != count
        or not all(np.isfinite(windowing.centre))
        or windowing.views[0].block != 1
    ):
        raise ValueError("a finite centre for each channel and a first view of single samples are needed")
    for view in windowing.views:
        if not (1 <= view.block <= 2**12 and 2 <= view.levels <= 16 and view.span < 2**20):
            raise ValueError("blocks or levels out of range")
        if not view.block + 1 <= windowing.warm_up <= 2**16:
            raise ValueError("the warm-up must be longer than a block")
        if len(view.step) != count or len(view.spread) != count:
            raise ValueError("a scale for each channel is needed")
        if any(len(row) != view.levels - 1 for row in view.spread):
            raise ValueError("a spread for each level is needed")
    scales = [x for view in windowing.views for row in (view.step, *view.spread) for x in row]
    if not all(np.isfinite([windowing.period_s, *scales])) or min(windowing.period_s, *scales) <= 0:
        raise ValueError("scales must be finite and above zero")
