"""The house look of every picture in a report: one palette, quiet axes, the same bytes each time."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import (
    DAILY,
    HOURLY,
    MINUTELY,
    MONTHLY,
    SECONDLY,
    AutoDateLocator,
    ConciseDateFormatter,
)
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

INK = "#22313f"
QUIET = "#71808d"
GRID = "#e8edf1"
OBSERVED = "#1c5d8c"
EXPECTED = "#b9d6ea"
STRANGE = "#d0343c"
TRUTH = "#e3a21a"
TRUTH_TEXT = "#946500"  # amber is too light for letters

WIDTH_IN = 9.0
DPI = 150
POINTS = 1600  # more than a line of 900 pixels can show

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so that no machine draws differently
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": "#c3ccd4",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "lines.linewidth": 1.1,
    "figure.facecolor": "white",
    "path.simplify": True,
    "timezone": "UTC",
}


def look() -> Any:
    """A context in which matplotlib draws in the house look, and after which it is as before."""
    return rc_context(_STYLE)  # type: ignore[arg-type]  # the stubs want each key as a literal


def blank(height_in: float) -> Figure:
    """An empty figure 900 pixels wide at 100 dots an inch; no global state of matplotlib is touched."""
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a PNG; the same figure gives the same bytes on every day."""
    with look():
        figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})


def moments(ts_ms: ArrayLike) -> NDArray[np.datetime64]:
    """Milliseconds since 1970 (n,) as times that matplotlib can draw, in UTC."""
    return np.asarray(ts_ms, "int64").astype("datetime64[ms]")


# Two hours and a half are too many half hours for a small panel, and too few hours for matplotlib,
# which then warns; so an hour is offered as sixty minutes, and so on.
_WHOLE = {MONTHLY: 12, DAILY: 31, HOURLY: 24, MINUTELY: 60, SECONDLY: 60}


def time_axis(axes: Axes, ticks: int = 9) -> None:
    """Dates without repetition below a panel."""
    locator = AutoDateLocator(minticks=3, maxticks=ticks)  # type: ignore[no-untyped-call]
    for unit, whole in _WHOLE.items():
        locator.intervald[unit] = [*locator.intervald[unit], whole]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def plain_log(axis: Axis) -> None:
    """A log axis that says 0.1, 1, 10 where matplotlib would write powers."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def extremes(ts_ms: ArrayLike, values: ArrayLike, points: int = POINTS) -> Rows:
    """The rows (at most `points`) that draw the same line as all n: each time slot's least and greatest.

    A slot without any finite value keeps its first row, which breaks the line there.
    """
    times, line = np.asarray(ts_ms, np.float64), np.asarray(values, np.float64)
    if len(times) <= points:
        return np.arange(len(times))
    slot_edges = np.linspace(times[0], times[-1], points // 2 + 1)[1:-1]
    keep: set[int] = set()
    for slot in np.split(np.arange(len(times)), np.searchsorted(times, slot_edges)):
        finite = slot[np.isfinite(line[slot])]
        if len(finite):
            keep |= {int(finite[line[finite].argmin()]), int(finite[line[finite].argmax()])}
        elif len(slot):
            keep.add(int(slot[0]))
    return np.array(sorted(keep))


def broken(ts_ms: ArrayLike, values: ArrayLike, rows: Rows) -> tuple[NDArray[np.datetime64], Floats]:
    """Those rows as (times, values), with a NaN in each gap wide enough to see."""
    times, line = np.asarray(ts_ms, np.int64), np.asarray(values, np.float64)
    steps = np.diff(times)
    if not len(steps):
        return moments(times[rows]), line[rows]
    wide = max(5 * float(np.median(steps)), float(times[-1] - times[0]) / 200)
    gaps = np.append(0, np.cumsum(steps > wide))[rows]
    at = np.flatnonzero(np.diff(gaps)) + 1
    return moments(np.insert(times[rows], at, times[rows][at] - 1)), np.insert(line[rows], at, np.nan)


def spans_ms(ts_ms: ArrayLike, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Runs of rows (start, stop) as (begin, length) in milliseconds; the last row lasts one period."""
    times = np.asarray(ts_ms, np.int64)
    period = int(np.median(np.diff(times))) if len(times) > 1 else 1
    return [(int(times[start]), int(times[stop - 1] - times[start]) + period) for start, stop in spans]


def shade(
    axes: Axes,
    ts_ms: ArrayLike,
    spans: list[tuple[int, int]],
    colour: str,
    alpha: float,
    low_high: tuple[float, float] = (0.0, 1.0),
) -> None:
    """Colour runs of rows (start, stop) between two heights, in shares of the panel's.

    The briefest run stays visible.
    """
    bars = [
        (np.datetime64(begin, "ms"), np.timedelta64(length, "ms")) for begin, length in spans_ms(ts_ms, spans)
    ]
    if bars:
        axes.broken_barh(
            bars,  # type: ignore[arg-type]  # the stubs know only floats; the axis converts times
            (low_high[0], low_high[1] - low_high[0]),
            transform=axes.get_xaxis_transform(),
            facecolor=(colour, alpha),
            edgecolor=(colour, min(2 * alpha, 1.0)),
            linewidth=0.7,
            zorder=0.5 if low_high == (0.0, 1.0) else 2.5,
        )
