"""The pictures of a run, a function each: arrays in, a figure out; `save` writes it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from trainer import canvas
from trainer.canvas import OBSERVED, QUIET, STRANGE, TRUTH, TRUTH_TEXT, Floats, save
from trainer.metrics import auc_pr, events, pr_curve
from trainer.series_plot import series_with_anomalies

__all__ = [
    "error_histogram",
    "error_with_threshold",
    "loss_curve",
    "precision_recall",
    "save",
    "series_with_anomalies",
]


def loss_curve(train: Sequence[float], validation: Sequence[float] = ()) -> Figure:
    """Loss after each epoch, on the data trained on and on data held out (which may be empty)."""
    with canvas.look():
        figure = canvas.blank(3.2)
        axes = figure.subplots()
        for losses, colour, name in ((train, QUIET, "training"), (validation, OBSERVED, "validation")):
            if len(losses):
                axes.plot(range(1, len(losses) + 1), losses, color=colour, linewidth=1.6, label=name)
        if len(validation):
            best = int(np.argmin(validation))
            axes.plot(best + 1, validation[best], "o", color=OBSERVED, markersize=5)
            axes.annotate(
                f"best {validation[best]:.3g}",
                (best + 1, validation[best]),
                xytext=(0, 14),
                textcoords="offset points",
                ha="center",
                color=OBSERVED,
            )
        _name_line_ends(axes)
        axes.set(title="Loss", xlabel="epoch")
        axes.set_xlim(left=0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return figure


def error_with_threshold(
    ts_ms: ArrayLike, score: ArrayLike, labels: ArrayLike | None = None, threshold: float = 1.0
) -> Figure:
    """Score (n,) over time, on a log scale, with the alarm threshold; labelled stretches in amber."""
    with canvas.look():
        figure = canvas.blank(3.4)
        axes = figure.subplots()
        heights = _above_zero(score, threshold)
        times, line = canvas.broken(ts_ms, heights, canvas.extremes(ts_ms, heights))
        if labels is not None:
            canvas.shade(axes, ts_ms, events(labels), TRUTH, 0.35)
        axes.plot(times, line, color=OBSERVED, linewidth=0.55)
        (over,) = axes.plot(times, line, color=STRANGE, linewidth=1.1)
        axes.axhline(threshold, color=STRANGE, linewidth=1.1, linestyle=(0, (5, 3)))
        axes.set_yscale("log")
        axes.margins(x=0.01)
        canvas.plain_log(axes.yaxis)
        above = Rectangle((0, threshold), 1, axes.get_ylim()[1], transform=axes.get_yaxis_transform())
        over.set_clip_path(above)
        _note(axes, threshold, "alarm threshold", STRANGE)
        canvas.time_axis(axes)
        axes.set_title("Reconstruction error (score)")
        truth = "labelled faults" if labels is not None and np.any(labels) else ""
        axes.set_title(truth, loc="right", color=TRUTH_TEXT)
        return figure


def error_histogram(
    score_clean: ArrayLike, score_labelled: ArrayLike | None = None, threshold: float = 1.0
) -> Figure:
    """Scores of normal and of labelled readings, as shares of each, in bins of equal ratio."""
    with canvas.look():
        figure = canvas.blank(3.2)
        axes = figure.subplots()
        groups = [(_finite(score_clean), OBSERVED, OBSERVED, "normal readings")]
        if score_labelled is not None:
            groups.append((_finite(score_labelled), TRUTH, TRUTH_TEXT, "readings inside faults"))
        bins = _log_bins(np.concatenate([group[0] for group in groups]), threshold)
        for position, (scores, colour, letters, name) in enumerate(groups):
            if len(scores):
                shares = np.histogram(np.clip(scores, bins[0], bins[-1]), bins)[0] / len(scores)
                axes.stairs(shares * 100, bins, fill=True, facecolor=(colour, 0.35), edgecolor=colour)
                over = float((scores >= threshold).mean()) * 100
                text = f"{name}: {len(scores):,}, {over:.2g} % at or above the threshold"
                axes.text(
                    0.0,
                    1.03 + 0.09 * (len(groups) - 1 - position),
                    text,
                    color=letters,
                    transform=axes.transAxes,
                    va="bottom",
                )
        axes.axvline(threshold, color=STRANGE, linewidth=1.1, linestyle=(0, (5, 3)))
        axes.annotate(
            "alarm threshold",
            (threshold, 1.0),
            xytext=(5, -11),
            textcoords="offset points",
            xycoords=axes.get_xaxis_transform(),
            color=STRANGE,
        )
        axes.set_xscale("log")
        canvas.plain_log(axes.xaxis)
        axes.set(xlabel="score", ylabel="% of these readings", xlim=(bins[0], bins[-1]))
        return figure


def precision_recall(
    score: ArrayLike, labels: ArrayLike, operating_point: tuple[float | None, float | None] | None = None
) -> Figure:
    """Precision over recall, reading by reading; `operating_point` is (precision, recall) at the threshold.

    Raises ValueError when there is no label.
    """
    precision, recall, _ = pr_curve(score, labels)
    chance, area = float(np.mean(np.asarray(labels, bool))), auc_pr(score, labels)
    with canvas.look():
        figure = canvas.blank(4.0)
        axes = figure.subplots()
        axes.step(recall, precision, where="pre", color=OBSERVED, linewidth=1.6)
        axes.fill_between(recall, precision, step="pre", color=OBSERVED, alpha=0.08, linewidth=0)
        axes.axhline(chance, color=QUIET, linewidth=1.0, linestyle=(0, (2, 3)))
        _note(axes, chance, f"by chance {chance:.2g}", QUIET)
        axes.set(xlim=(0, 1.015), ylim=(0, 1.05), xlabel="recall: share of faulty readings that are flagged")
        axes.set_title(f"Precision: share of flagged readings that are faulty   (area {area:.2f})")
        if operating_point and None not in operating_point:
            _mark(axes, operating_point[1] or 0.0, operating_point[0] or 0.0)
        return figure


def _mark(axes: Axes, recall: float, precision: float) -> None:
    """The point at which the product works, with its figures written on the free side."""
    axes.plot(recall, precision, "o", color=STRANGE, markersize=8, markeredgecolor="white", zorder=3)
    left, low = recall < 0.6, precision < 0.3
    axes.annotate(
        f"at the alarm threshold:\nprecision {precision:.2f}, recall {recall:.2f}",
        (recall, precision),
        xytext=(10 if left else -10, 8 if low else -8),
        textcoords="offset points",
        ha="left" if left else "right",
        va="bottom" if low else "top",
        color=STRANGE,
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5},
    )


def _name_line_ends(axes: Axes) -> None:
    """Each line's name at its right end, the names of two that end close together kept apart."""
    lines = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    ends = [float(np.asarray(line.get_ydata())[-1]) for line in lines]
    low, high = axes.get_ylim()
    close = bool(ends) and max(ends) - min(ends) < 0.12 * (high - low)
    for line, end in zip(lines, ends, strict=True):
        shift = 0 if len(lines) == 1 or not close else 8 if end == max(ends) else -8
        axes.annotate(
            f"{line.get_label()} {end:.3g}",
            (float(np.asarray(line.get_xdata())[-1]), end),
            xytext=(6, shift),
            textcoords="offset points",
            color=str(line.get_color()),
            va="center",
            annotation_clip=False,
        )


def _note(axes: Axes, y: float, text: str, colour: str) -> None:
    """Words above a level line at height `y`, at the left edge."""
    axes.annotate(
        text,
        (0, y),
        xytext=(5, 3),
        textcoords="offset points",
        xycoords=axes.get_yaxis_transform(),
        ha="left",
        va="bottom",
        color=colour,
        bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.0},
    )


def _finite(score: ArrayLike) -> Floats:
    scores = np.asarray(score, np.float64)
    return scores[np.isfinite(scores)]


def _above_zero(score: ArrayLike, threshold: float) -> Floats:
    """Scores fit for a log axis: none below a thousandth of the threshold, NaN where there is none."""
    scores = np.asarray(score, np.float64)
    return np.where(np.isfinite(scores), np.maximum(scores, threshold / 1000), np.nan)


def _log_bins(scores: Floats, threshold: float) -> Floats:
    """Bin edges of equal ratio around all scores and the threshold."""
    low, high = threshold / 10, threshold * 10
    if len(scores):
        low = min(low, max(float(np.quantile(scores, 0.001)), threshold / 1000))
        high = max(high, float(scores.max()) * 1.1)
    return np.geomspace(low, high, 70)
