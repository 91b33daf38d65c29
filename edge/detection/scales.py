"""All that a windowing says of every window alike, worked out once: a Pi does it every ten seconds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.detection.pyramid import Pyramid
from edge.detection.windowing import ROOM_INPUTS, Windowing

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A window's sum of samples this large still fits 64 bits.
LARGEST_SAMPLE = 2.0**40
VOLATILITY_SAMPLES = 16
RESTLESS_S, FEWEST_RESTLESS = 1800.0, 5
# Half a hundredth of a step stands for "did not move at all" in the logarithm of volatility.
LEAST_VOLATILITY = 0.005
LEAST_RESTLESS = 0.1


@dataclass(frozen=True, slots=True)
class Apart:
    """Pairs of blocks whose distance is an input: places among the S K means, and scales in quanta."""

    here: Ints
    there: Ints
    scale: Floats


@dataclass(frozen=True, slots=True)
class Stirs:
    """How much traces moved lately, in M ways: the volatility now, before each view's block, restlessness."""

    back: Ints  # (M,) how many samples back it ends
    samples: Ints  # (M,) and over how many it goes
    least: Floats  # (M, 1) what is added before the logarithm, in steps


@dataclass(frozen=True, slots=True)
class Scales:
    """What turns samples into windows. C channels, K traces, V views, S blocks."""

    windowing: Windowing
    pyramid: Pyramid
    quantum: Floats  # (K,) physical units
    centre: Floats  # (K,) physical units
    swing: Floats  # (K,) physical units
    stillness: Floats  # (K,) nats
    reach: Floats  # (K,) physical units: the largest distance from the centre
    sides: Ints  # (2 V,) the newest blocks, then the blocks before them
    expected: Apart  # inputs of the expectation
    away: Apart  # inputs of the shapes
    stirs: Stirs
    constant: Floats  # (1, K + 3) inputs that never change
    order: Ints  # (width,) where each input stands among those that are worked out side by side

    @classmethod
    def of(cls, windowing: Windowing) -> "Scales":
        """The scales of one windowing."""
        pyramid = Pyramid.of(windowing.views)
        newest = np.unique(pyramid.newest)
        return cls(
            windowing=windowing,
            pyramid=pyramid,
            quantum=windowing.quantum,
            centre=np.array(windowing.centre),
            swing=np.array(windowing.swing),
            stillness=np.array(windowing.stillness),
            reach=LARGEST_SAMPLE * windowing.quantum,
            sides=np.concatenate([newest, newest + 1]),
            expected=_expected(windowing, newest),
            away=_away(windowing, newest),
            stirs=_stirs(windowing),
            constant=_constant(windowing),
            order=_order(windowing),
        )

    def quantise(self, values: Floats) -> Ints:
        """Physical values (n, C) to integers (n, K)."""
        away = np.minimum(np.maximum(self.windowing.traced(values) - self.centre, -self.reach), self.reach)
        samples: Ints = np.rint(away / self.quantum).astype(np.int64)
        return samples

    def physical(self, samples: Floats) -> Floats:
        """Integers or means of them (..., K) back to physical values (..., K)."""
        return samples * self.quantum + self.centre


def _expected(windowing: Windowing, newest: Ints) -> Apart:
    """For each view and channel: the newest block and levels 2 to L, all from level 1."""
    traces = len(windowing.traces)
    here, there, scale = [], [], []
    for view, start in zip(windowing.views, newest.tolist(), strict=True):
        for c in range(len(windowing.channels)):
            blocks = [start, *range(start + 2, start + 1 + view.levels)]
            here += [block * traces + c for block in blocks]
            there += [(start + 1) * traces + c] * view.levels
            scale += [row / windowing.quantum[c] for row in (view.step[c], *view.spread[c])]
    return Apart(np.array(here), np.array(there), np.array(scale))


def _away(windowing: Windowing, newest: Ints) -> Apart:
    """For each trace: the newest block from each level, in the first and in the last view."""
    traces = len(windowing.traces)
    here, there, scale = [], [], []
    for k in range(traces):
        for v in (0, -1):
            view, start = windowing.views[v], int(newest[v])
            here += [start * traces + k] * view.levels
            there += [block * traces + k for block in range(start + 1, start + 1 + view.levels)]
            scale += [reach / windowing.quantum[k] for reach in view.reach[k]]
    return Apart(np.array(here), np.array(there), np.array(scale))


def _stirs(windowing: Windowing) -> Stirs:
    blocks = [view.block for view in windowing.views]
    restless = max(FEWEST_RESTLESS, round(RESTLESS_S / windowing.period_s))
    volatile = 1 + len(blocks)
    return Stirs(
        # before the newest block alone: the expectation must not see that it jumped
        np.array([0, *blocks, 0]),
        np.array([VOLATILITY_SAMPLES] * volatile + [restless]),
        np.array([LEAST_VOLATILITY] * volatile + [LEAST_RESTLESS])[:, None],
    )


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
