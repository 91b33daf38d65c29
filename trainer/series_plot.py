"""The picture of a judged series: what was observed, what was expected, what was flagged, what was true."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea
from numpy.typing import ArrayLike, NDArray

from edge.reading import Channel
from trainer import canvas
from trainer.canvas import EXPECTED, OBSERVED, STRANGE, TRUTH, TRUTH_TEXT, Floats
from trainer.fault_names import Fault, FaultNames, true_faults
from trainer.metrics import events

ZOOMS = 4


@dataclass(frozen=True, slots=True)
class _Judged:
    """A series of n rows and C channels with what was said of it."""

    ts_ms: NDArray[np.int64]
    values: Floats  # n x C
    channels: tuple[Channel, ...]
    expected: Floats  # n x C
    spread: Floats  # n x C
    anomaly: NDArray[np.bool_]
    faults: tuple[Fault, ...]

    def between(self, start: int, stop: int) -> "_Judged":
        """Rows start to stop, with the faults that reach into them."""
        faults = tuple(
            Fault(max(f.start, start) - start, min(f.stop, stop) - start, f.kind)
            for f in self.faults
            if f.start < stop and f.stop > start
        )
        cut = slice(start, stop)
        return replace(
            self,
            ts_ms=self.ts_ms[cut],
            values=self.values[cut],
            expected=self.expected[cut],
            spread=self.spread[cut],
            anomaly=self.anomaly[cut],
            faults=faults,
        )


def series_with_anomalies(
    ts_ms: ArrayLike,
    values: ArrayLike,
    channels: Sequence[Channel],
    expected: ArrayLike,
    spread: ArrayLike,
    anomaly: ArrayLike,
    labels: ArrayLike | None = None,
    kinds: Sequence[str | None] | None = None,
) -> Figure:
    """A panel for each of C channels: values (n, C) on the band expected ± spread (n, C), in physical units.

    Flagged rows (n,) are shaded red; labelled rows (n,) stand as an amber strip below, with their
    kinds. NaN is no value. More rows than a picture has pixels are thinned so that no peak is
    lost, and up to four events are shown close by.
    """
    whole = _Judged(
        np.asarray(ts_ms, np.int64),
        np.asarray(values, np.float64),
        tuple(channels),
        np.asarray(expected, np.float64),
        np.asarray(spread, np.float64),
        np.asarray(anomaly, bool),
        true_faults(labels, kinds),
    )
    zooms = _zooms(whole) if len(whole.ts_ms) > canvas.POINTS else []
    panels, rows = len(channels), (len(zooms) + 1) // 2
    heights = [1.75 * panels + 0.9] + [1.15 * panels + 0.75] * rows
    with canvas.look():
        figure = canvas.blank(sum(heights))
        bands = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
        _stack(bands[0], whole, canvas.WIDTH_IN, key=True)
        for row, band in enumerate(bands[1:]):
            for part, zoom in zip(
                band.subfigures(1, 2, squeeze=False)[0], zooms[2 * row : 2 * row + 2], strict=False
            ):
                _stack(part, zoom, canvas.WIDTH_IN / 2)
        return figure


def _zooms(whole: _Judged) -> list[_Judged]:
    """Close views of up to four events: as many different kinds as there are, in the order of time."""
    found = whole.faults or tuple(Fault(a, b, "") for a, b in events(whole.anomaly, merge=60))
    kinds: dict[str, int] = {}
    ranks = []
    for fault in found:
        kinds[fault.kind] = kinds.get(fault.kind, 0) + 1
        ranks.append(kinds[fault.kind])
    chosen = sorted(range(len(found)), key=lambda i: (ranks[i], i))[:ZOOMS]
    views = []
    for fault in (found[i] for i in sorted(chosen)):
        margin = max(fault.stop - fault.start, 45)
        views.append(whole.between(max(fault.start - margin, 0), fault.stop + margin))
    return views


def _stack(place: SubFigure, judged: _Judged, width_in: float, key: bool = False) -> None:
    """One panel a channel, with the names of the true faults below them."""
    names = FaultNames.of(judged.faults, judged.ts_ms, width_in)
    count = len(judged.channels)
    ratios = [1.75 if key else 1.15] * count + ([names.height_in] if names.height_in else [])
    panels = place.subplots(len(ratios), 1, squeeze=False, sharex=True, height_ratios=ratios)[:, 0]
    for c, axes in enumerate(panels[:count]):
        _panel(axes, judged, c)
        axes.tick_params(labelbottom=c == count - 1, bottom=c == count - 1)
    if len(judged.ts_ms) > 1:
        panels[0].set_xlim(*canvas.moments(judged.ts_ms[[0, -1]]))
    canvas.time_axis(panels[count - 1], ticks=9 if key else 5)
    if key:
        _key(panels[0], bool(judged.faults))
    if names.height_in:
        names.draw(panels[count])


def _panel(axes: Axes, judged: _Judged, c: int) -> None:
    """One channel: the band first, then what was observed, then what was flagged."""
    observed, centre, half = judged.values[:, c], judged.expected[:, c], judged.spread[:, c]
    low, high = centre - half, centre + half
    rows = np.union1d(canvas.extremes(judged.ts_ms, low), canvas.extremes(judged.ts_ms, high))
    times, lower = canvas.broken(judged.ts_ms, low, rows)
    _, upper = canvas.broken(judged.ts_ms, high, rows)
    axes.fill_between(times, lower, upper, color=EXPECTED, linewidth=0.6)
    times, line = canvas.broken(judged.ts_ms, observed, canvas.extremes(judged.ts_ms, observed))
    axes.plot(times, line, color=OBSERVED, linewidth=0.8)
    canvas.shade(axes, judged.ts_ms, events(judged.anomaly), STRANGE, 0.22)
    channel = judged.channels[c]
    name = channel.name.replace("_", " ")
    axes.set_title(f"{name[:1].upper()}{name[1:]}" + (f", {channel.unit}" if channel.unit else ""))
    finite = observed[np.isfinite(observed)]
    if len(finite):  # the band may be far wider than the room ever was
        margin = max(0.12 * float(np.ptp(finite)), 2 * channel.resolution, 1e-9)
        axes.set_ylim(float(finite.min()) - 1.5 * margin, float(finite.max()) + margin)
    truth = [(fault.start, fault.stop) for fault in judged.faults]
    canvas.shade(axes, judged.ts_ms, truth, TRUTH, 0.9, (0.0, 0.05))


def _key(axes: Axes, labelled: bool) -> None:
    """What the colours mean, written in them."""
    words = [("observed", OBSERVED), ("expected (90 % band)", "#5e95bd"), ("flagged", STRANGE)]
    words += [("true fault", TRUTH_TEXT)] if labelled else []
    areas: list[Artist] = [TextArea(text, textprops={"color": colour}) for text, colour in words]
    packed = HPacker(children=areas, pad=0, sep=14)
    axes.add_artist(
        AnchoredOffsetbox(
            "lower right",
            child=packed,
            frameon=False,
            pad=0.0,
            borderpad=0.25,
            bbox_to_anchor=(1.0, 1.02),
            bbox_transform=axes.transAxes,
        )
    )
