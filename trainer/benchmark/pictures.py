"""The two pictures of a comparison: who ranks best, and what each detector's own alarm is worth."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from trainer import canvas
from trainer.benchmark.comparison import Comparison
from trainer.benchmark.registry import PRODUCT
from trainer.benchmark.table import Cell

_OTHERS = ("#e3a21a", "#4f9d77", "#b0628f", "#71808d", "#c97b4a", "#7d77c4", "#d0343c", "#b7c1ca")


def colours(detectors: Sequence[str]) -> dict[str, str]:
    """The product in the house blue, its variants in lighter ones, the others apart from them."""
    variants = [name for name in detectors if name.startswith(PRODUCT) and name != PRODUCT]
    found = {name: _OTHERS[at % len(_OTHERS)] for at, name in enumerate(_strangers(detectors))}
    for at, name in enumerate(variants):
        found[name] = to_hex((canvas.OBSERVED, 0.75 - 0.6 * at / len(variants)), keep_alpha=True)
    return {**found, PRODUCT: canvas.OBSERVED}


def ranking_bars(comparison: Comparison) -> Figure:
    """VUS-PR of each group with labels as a bunch of bars, a bar a detector, and their mean at the right."""
    groups = comparison.counted
    colour = colours(comparison.detectors)
    with canvas.look():
        figure = canvas.blank(4.0)
        axes = figure.subplots()
        width = 0.84 / len(comparison.detectors)
        places = np.append(np.arange(len(groups)), len(groups) + 0.25)
        for at, detector in enumerate(comparison.detectors):
            cells = [*(comparison.cell(detector, group) for group in groups), comparison.mean(detector)]
            heights = [_figure(cell, "vus_pr") for cell in cells]
            left = places - 0.42 + at * width
            axes.bar(left, heights, width * 0.92, align="edge", color=colour[detector], label=detector)
            axes.text(
                left[-1] + width / 2,
                float(np.nan_to_num(heights[-1])) + 0.015,
                "" if np.isnan(heights[-1]) else f"{heights[-1]:.2f}"[1:],
                ha="center",
                fontsize=6,
                rotation=0 if len(comparison.detectors) < 7 else 90,
                color=canvas.QUIET,
            )
        axes.set_xticks(places, [*groups, "mean"])
        axes.tick_params(axis="x", length=0, labelcolor=canvas.INK)
        axes.set(ylim=(0, 1), xlim=(-0.6, places[-1] + 0.6))
        axes.grid(visible=False, axis="x")
        axes.axvline(len(groups) - 0.375, color=canvas.GRID)
        axes.set_title("VUS-PR: how well the score ranks")
        _legend(axes, len(comparison.detectors))
        return figure


def alarm_scatter(comparison: Comparison) -> Figure:
    """Own event recall over own false alarms a week: a dot a detector, faint ones for its groups."""
    colour = colours(comparison.detectors)
    with canvas.look():
        figure = canvas.blank(4.4)
        axes = figure.subplots()
        axes.axvspan(0, 1, color=canvas.OBSERVED, alpha=0.05, linewidth=0)
        for detector in comparison.detectors:
            cells = [comparison.cell(detector, group) for group in comparison.counted]
            axes.plot(*_points(cells), "o", color=colour[detector], markersize=4, alpha=0.35, clip_on=False)
            axes.plot(
                *_points([comparison.mean(detector)]),
                "o",
                color=colour[detector],
                markersize=10,
                markeredgecolor="white",
                label=detector,
                clip_on=False,
                zorder=4 if detector == PRODUCT else 3,
            )
        axes.set_xscale("symlog", linthresh=0.5, linscale=0.6)
        axes.set(ylim=(0, 1.03), xlabel="false alarms a week", ylabel="events found")
        axes.set_xlim(left=0)
        ticks = [
            tick for tick in (0, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if tick <= axes.get_xlim()[1]
        ]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_title("What each detector's own alarm is worth; shaded: within the budget")
        _legend(axes, len(comparison.detectors))
        return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG, the same bytes each time."""
    file = io.BytesIO()
    with canvas.look():
        figure.savefig(file, format="png", dpi=canvas.DPI, metadata={"Software": None})
    return file.getvalue()


def _strangers(detectors: Sequence[str]) -> list[str]:
    return [name for name in detectors if not name.startswith(PRODUCT)]


def _figure(cell: Cell, name: str) -> float:
    """The figure, NaN where a detector failed or nothing was measured."""
    value = None if cell.failed else cell[name]
    return np.nan if value is None else value


def _points(cells: Sequence[Cell]) -> tuple[list[float], list[float]]:
    return (
        [_figure(cell, "false_alarms_per_week") for cell in cells],
        [_figure(cell, "event_recall") for cell in cells],
    )


def _legend(axes: Axes, count: int) -> None:
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.14),
        ncols=min(count, 6),
        frameon=False,
        handlelength=0.9,
        columnspacing=1.4,
    )
