"""Windowings of several rooms, and random series for them."""

import math
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from edge.detection.windowing import View, Windowing

USUAL = {"temperature": 20.0, "humidity": 45.0, "pressure": 1013.0, "co2": 600.0, "vapour": 400.0}
ROOMS = [
    ("temperature",),
    ("temperature", "humidity"),
    ("co2", "humidity"),
    ("pressure", "humidity", "temperature"),
]
VIEWS = [((1, 5),), ((1, 5), (3, 4)), ((1, 3), (2, 2), (4, 6))]  # blocks and levels


def windowing(
    channels: tuple[str, ...] = ("temperature", "humidity"),
    views: tuple[tuple[int, int], ...] = VIEWS[1],
    period_s: float = 10.0,
) -> Windowing:
    """A room whose every scale is another number, so that none can stand for another."""
    blank = Windowing(channels, period_s, 2, 6, 12.0, (), (), (), (), ())
    traces = range(len(blank.traces))
    return replace(
        blank,
        centre=tuple(USUAL[name] + 0.1 for name in blank.traces),
        swing=tuple(2.0 + 0.3 * k for k in traces),
        stillness=tuple(0.05 * (k + 1) for k in traces),
        views=tuple(view(block, levels, len(traces)) for block, levels in views),
    )


def view(block: int, levels: int, traces: int) -> View:
    step = [0.1 * (k + 1) * (0.8 + 0.2 * block) for k in range(traces)]
    return View(
        block,
        levels,
        tuple(step),
        tuple(tuple(s * (1.1 + 0.2 * level) for level in range(levels - 1)) for s in step),
        tuple(tuple(s * (1.5 + 0.3 * level) for level in range(levels)) for s in step),
    )


Series = tuple[Windowing, np.ndarray, np.ndarray]  # values (n, C), seconds since the last whole row (n,)


@st.composite
def series(draw: st.DrawFn) -> Series:
    """A random walk, smooth or in the sensor's steps, with missing values and gaps of all lengths."""
    setup = windowing(
        draw(st.sampled_from(ROOMS)), draw(st.sampled_from(VIEWS)), draw(st.sampled_from([10.0, 60.0, 600.0]))
    )
    rows, size = draw(st.integers(1, 150)), draw(st.sampled_from([0.0, 0.05, 3.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    usual = np.array([USUAL[name] for name in setup.channels])
    values = usual + np.cumsum(rng.normal(size=(rows, len(usual))) * size, axis=0)
    values = np.round(values, draw(st.sampled_from([1, 9])))
    values[rng.random(rows) < draw(st.sampled_from([0.0, 0.1])), 0] = np.nan
    odd = rng.choice([1.04, 0.4, 2.0, 3.0, 3.5, 50.0], rows)
    often = draw(st.sampled_from([0.0, 0.02, 0.2]))
    waits = np.where(rng.random(rows) < often, odd, 1.0) * setup.period_s
    return setup, values, since_whole(values, waits)


def since_whole(values: np.ndarray, waits: np.ndarray) -> np.ndarray:
    """(n,) seconds since the last row before that has all its values."""
    elapsed_s, last = np.zeros(len(values)), None
    for row, now in enumerate(np.cumsum(waits)):
        if np.isfinite(values[row]).all():
            elapsed_s[row] = 0.0 if last is None else now - last
            last = now
    return elapsed_s


def samples_of(data: Series) -> dict[int, list[list[float]]]:
    """All samples of its stretch up to each whole row: short gaps filled, long ones a new start."""
    setup, values, elapsed_s = data
    found: dict[int, list[list[float]]] = {}
    stretch: list[list[float]] = []
    for row, sample in enumerate(values.tolist()):
        if not all(map(math.isfinite, sample)):
            continue
        missing = max(0, round(float(elapsed_s[row]) / setup.period_s) - 1)
        stretch = [] if missing > setup.gap_limit else stretch + stretch[-1:] * missing
        stretch = [*stretch, sample]
        found[row] = stretch
    return found
