"""All that a windowing says of every window alike, worked out once: a Pi does it every ten seconds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.detection.arithmetic import Floats, N, columns, larger, smaller
from edge.detection.pyramid import Pyramid
from edge.detection.windowing import QUANTA_PER_STEP, ROOM_INPUTS, Windowing, with_vapour

Ints = NDArray[np.int64]
Whole = Any  # an integer, or a column of them

# A window's sum of samples this large still fits 64 bits.
LARGEST_SAMPLE = 2.0**40
VOLATILITY_SAMPLES = 16
RESTLESS_S, FEWEST_RESTLESS = 1800.0, 5
# Half a hundredth of a step stands for "did not move at all" in the logarithm of volatility.
LEAST_VOLATILITY = 0.005
LEAST_RESTLESS = 0.1
FROZEN_UNIT = 10.0


@dataclass(frozen=True, slots=True)
class Apart:
    """Pairs of blocks whose distance is an input: places among the S K means, and scales in quanta."""

    here: Ints
    there: Ints
    scale: Floats
    expected: int  # so many of them are inputs of the expectation, and come first


@dataclass(frozen=True, slots=True)
class Stirs:
    """How much traces moved lately, in M ways: the volatility now, before each view's block, restlessness."""

    back: Ints  # (M,) how many samples back it ends
    samples: Ints  # (M,) and over how many it goes
    least: Floats  # (M, 1) what is added before the logarithm, in steps
    lags: Ints  # (2 M,) where they end, then where they begin
    quanta: Floats  # (M, 1) samples, in quanta of a step
    span: int  # so many past samples they all reach back


@dataclass(frozen=True, slots=True)
class Scales:
    """What turns samples into windows. C channels, K traces, V views, S blocks."""

    windowing: Windowing
    pyramid: Pyramid
    quantum: Floats  # (K,) physical units
    centre: Floats  # (K,) physical units
    swing: Floats  # (K,) physical units
    # (K,) by samples that a trace has not moved: how strange that is, sqrt(minutes x nats of surprise)
    frozen: Floats
    # K: centre, largest distance from it, quantum; physical units
    limits: tuple[tuple[float, float, float], ...]
    vapour_of: tuple[int, int] | None
    sides: Ints  # (2 V,) the newest blocks, then the blocks before them
    apart: Apart
    stirs: Stirs
    constant: Floats  # (1, K + 3) inputs that never change
    order: Ints  # (width,) where each input stands among those that are worked out side by side

    @classmethod
    def of(cls, windowing: Windowing) -> "Scales":
        """The scales of one windowing."""
        pyramid = Pyramid.of(windowing.views)
        newest = np.array(sorted(set(pyramid.newest.tolist())), np.int64)
        return cls(
            windowing=windowing,
            pyramid=pyramid,
            quantum=windowing.quantum,
            centre=np.array(windowing.centre),
            swing=np.array(windowing.swing),
            frozen=np.sqrt(np.array(windowing.stillness) * (windowing.period_s / 60.0)) / FROZEN_UNIT,
            limits=tuple(
                (centre, LARGEST_SAMPLE * quantum, quantum)
                for centre, quantum in zip(windowing.centre, windowing.quantum.tolist(), strict=True)
            ),
            vapour_of=windowing.vapour_of,
            sides=np.concatenate([newest, newest + 1]),
            apart=_apart(windowing, newest),
            stirs=_stirs(windowing),
            constant=_constant(windowing),
            order=_order(windowing),
        )

    def quantise(self, values: list[N]) -> list[Whole]:
        """Physical values, or columns of them, C to K integers."""
        traces = zip(with_vapour(values, self.vapour_of), self.limits, strict=True)
        return [
            _whole(smaller(larger(value - centre, -reach), reach) / quantum)
            for value, (centre, reach, quantum) in traces
        ]

    def quantised(self, values: Floats) -> Ints:
        """The same for a table: physical values (n, C) to integers (n, K)."""
        return np.column_stack(self.quantise(columns(values, one=False)))

    def physical(self, samples: Floats) -> Floats:
        """Integers or means of them (..., K) back to physical values (..., K)."""
        return samples * self.quantum + self.centre


def _whole(number: N) -> Whole:
    return round(number) if isinstance(number, float) else np.rint(number).astype(np.int64)


Pairs = tuple[list[int], list[int], list[float]]


def _apart(windowing: Windowing, newest: Ints) -> Apart:
    expected, away = _expected(windowing, newest), _away(windowing, newest)
    return Apart(
        np.array(expected[0] + away[0]),
        np.array(expected[1] + away[1]),
        np.array(expected[2] + away[2]),
        len(expected[0]),
    )


def _expected(windowing: Windowing, newest: Ints) -> Pairs:
    """For each view and channel: the newest block and levels 2 to L, all from level 1."""
    traces = len(windowing.traces)
    here: list[int] = []
    there: list[int] = []
    scale: list[float] = []
    for view, start in zip(windowing.views, newest.tolist(), strict=True):
        for c in range(len(windowing.channels)):
            blocks = [start, *range(start + 2, start + 1 + view.levels)]
            here += [block * traces + c for block in blocks]
            there += [(start + 1) * traces + c] * view.levels
            scale += [row / windowing.quantum[c] for row in (view.step[c], *view.spread[c])]
    return here, there, scale


def _away(windowing: Windowing, newest: Ints) -> Pairs:
    """For each trace: the newest block from each level, in the first and in the last view."""
    traces = len(windowing.traces)
    here: list[int] = []
    there: list[int] = []
    scale: list[float] = []
    for k in range(traces):
        for v in (0, -1):
            view, start = windowing.views[v], int(newest[v])
            here += [start * traces + k] * view.levels
            there += [block * traces + k for block in range(start + 1, start + 1 + view.levels)]
            scale += [reach / windowing.quantum[k] for reach in view.reach[k]]
    return here, there, scale


def _stirs(windowing: Windowing) -> Stirs:
    blocks = [view.block for view in windowing.views]
    restless = max(FEWEST_RESTLESS, round(RESTLESS_S / windowing.period_s))
    volatile = 1 + len(blocks)
    # before the newest block alone: the expectation must not see that it jumped
    back = np.array([0, *blocks, 0])
    samples = np.array([VOLATILITY_SAMPLES] * volatile + [restless])
    least = np.array([LEAST_VOLATILITY] * volatile + [LEAST_RESTLESS])[:, None]
    lags = np.concatenate([back, back + samples])
    return Stirs(back, samples, least, lags, samples[:, None] * float(QUANTA_PER_STEP), int(lags.max()))


def _constant(windowing: Windowing) -> Floats:
    """Usual steps in a swing of each trace; humidity or not, how often, for how long."""
    steps = np.log(np.array(windowing.swing) / np.array(windowing.views[0].step))
    both = 1.0 if len(windowing.traces) > len(windowing.channels) else 0.0
    room = [both, np.log(windowing.period_s / 60.0), np.log(windowing.history_days)]
    return np.array([[*steps, *room]])


def _order(windowing: Windowing) -> Ints:
    """Inputs as `edge/detection/windowing.py` lays them out, from parts as `window.py` joins them."""
    traces, views = len(windowing.traces), windowing.views
    near = len(windowing.channels) * sum(view.levels for view in views)
    far = views[0].levels + views[-1].levels
    level = near + traces * far
    frozen, stirs = level + traces, level + 2 * traces
    restless = stirs + (1 + len(views)) * 2 * traces + traces
    constant = restless + traces
    order, done = [], 0
    for v, view in enumerate(views):
        for c in range(len(windowing.channels)):
            order += [*range(done, done + view.levels), stirs + (1 + v) * 2 * traces + c]
            done += view.levels
    for k in range(traces):
        order += range(near + k * far, near + (k + 1) * far)
        order += [start + k for start in (restless, stirs, level, frozen, constant)]
    return np.array([*order, *range(constant + traces, constant + traces + ROOM_INPUTS)])
