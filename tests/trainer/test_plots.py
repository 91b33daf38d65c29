"""The pictures, judged by what stands in their pixels."""

from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from PIL import Image

from edge.reading import in_order
from trainer import canvas, plots
from trainer.fault_names import Fault, FaultNames

BOTH = in_order({"temperature", "humidity"})
MINUTE_MS = 60_000


def room(n, seed=0):
    """Times, values, expected and spread of n minutes of a calm room."""
    rng = np.random.default_rng(seed)
    ts_ms = 1_736_000_000_000 + np.arange(n) * MINUTE_MS
    day = np.sin(np.arange(n) * 2 * np.pi / 1440)
    expected = np.column_stack([20 + 2 * day, 45 - 4 * day])
    return ts_ms, expected + rng.normal(0, [0.1, 0.3], (n, 2)), expected, np.tile([0.2, 0.6], (n, 1))


def rows(n, start, stop):
    marked = np.zeros(n, bool)
    marked[start:stop] = True
    return marked


def pixels(figure, tmp_path):
    """The saved picture as an array (height, width, 3)."""
    plots.save(figure, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as image:
        return np.asarray(image.convert("RGB")).astype(int)


def painted(picture, colour, tolerance=40):
    """How many pixels are of about that colour."""
    target = np.array(to_rgb(colour)) * 255
    return int((np.abs(picture - target).max(axis=2) < tolerance).sum())


def series(n, anomaly, labels=None, kinds=None, channels=2):
    ts_ms, values, expected, spread = room(n)
    cut = slice(0, channels)
    return plots.series_with_anomalies(
        ts_ms, values[:, cut], BOTH[cut], expected[:, cut], spread[:, cut], anomaly, labels, kinds
    )


def figures():
    """One of each plot, small."""
    n = 300
    ts_ms, *_ = room(n)
    labels, score = rows(n, 100, 130), np.linspace(0.01, 3, n)
    return {
        "loss": plots.loss_curve([3.0, 2.0, 1.5], [3.1, 2.2, 2.3]),
        "series": series(n, rows(n, 105, 140), labels, ["spike" if label else None for label in labels]),
        "error": plots.error_with_threshold(ts_ms, score, labels),
        "histogram": plots.error_histogram(score[~labels], score[labels]),
        "precision_recall": plots.precision_recall(score, labels, (0.5, 0.4)),
    }


def test_the_same_arrays_give_the_same_bytes(tmp_path):
    for name, figure in figures().items():
        plots.save(figure, tmp_path / f"{name}.png")
    for name, figure in figures().items():
        plots.save(figure, tmp_path / "again.png")
        assert (tmp_path / "again.png").read_bytes() == (tmp_path / f"{name}.png").read_bytes()


def test_drawing_leaves_matplotlib_as_it_was(tmp_path):
    before = dict(matplotlib.rcParams)
    for figure in figures().values():
        plots.save(figure, tmp_path / "plot.png")
    assert dict(matplotlib.rcParams) == before


def test_a_flagged_stretch_is_shaded_red_as_wide_as_it_is_long(tmp_path):
    shade = tuple(1 - 0.22 * (1 - part) for part in to_rgb(canvas.STRANGE))
    none, short, long = (
        painted(pixels(series(600, rows(600, 100, 100 + length)), tmp_path), shade, 6)
        for length in (0, 50, 200)
    )
    assert short > none + 1000
    assert (long - none) / (short - none) == pytest.approx(4, rel=0.15)


def test_a_single_flagged_reading_among_a_hundred_thousand_can_be_seen(tmp_path):
    n = 100_000
    key_height = 60  # the words that explain the colours stand above the panels
    flagged = pixels(series(n, rows(n, 50_000, 50_001)), tmp_path)[key_height:600]
    calm = pixels(series(n, rows(n, 0, 0)), tmp_path)[key_height:600]
    redder = [(picture[:, :, 0] - picture[:, :, 2]).max() for picture in (flagged, calm)]
    assert redder[0] > 40
    assert redder[1] <= 0


def test_true_labels_stand_in_amber_under_every_channel(tmp_path):
    n = 600
    with_labels = series(n, rows(n, 0, 0), rows(n, 200, 300))
    one_channel = series(n, rows(n, 0, 0), rows(n, 200, 300), channels=1)
    both, one = (painted(pixels(figure, tmp_path), canvas.TRUTH, 25) for figure in (with_labels, one_channel))
    assert one > 500
    assert both == pytest.approx(2 * one, rel=0.2)


def test_a_long_series_is_shown_close_by_at_up_to_four_events():
    n = 20_000
    labels = np.zeros(n, bool)
    for start in range(1000, 19_000, 3000):
        labels[start : start + 60] = True
    short = series(1000, rows(1000, 0, 0), rows(1000, 100, 160))
    long = series(n, rows(n, 0, 0), labels)
    one = series(n, rows(n, 0, 0), rows(n, 100, 160))
    panels = [len(figure.axes) for figure in (short, long, one)]
    assert panels == [3, 3 + 4 * 3, 3 + 3]


def test_events_of_different_kinds_are_shown_before_a_kind_is_shown_twice():
    n = 20_000
    kinds = [None] * n
    for place, kind in enumerate(["spike", "spike", "spike", "spike", "drift", "frozen"]):
        kinds[1000 + 3000 * place : 1060 + 3000 * place] = [kind] * 60
    figure = series(n, rows(n, 0, 0), None, kinds)
    names = [text.get_text() for axes in figure.axes[3:] for text in axes.texts]
    assert names == ["spike", "spike", "drift", "frozen"]


def test_nothing_to_show_is_no_error(tmp_path):
    n = 50
    ts_ms, values, _, _ = room(n)
    nothing = np.full((n, 2), np.nan)
    none = np.zeros(n, bool)
    for figure in (
        plots.series_with_anomalies(ts_ms, values, BOTH, nothing, nothing, none),
        plots.series_with_anomalies(ts_ms, nothing, BOTH, nothing, nothing, none, none),
        plots.series_with_anomalies(ts_ms[:1], values[:1], BOTH, nothing[:1], nothing[:1], none[:1]),
        plots.error_with_threshold(ts_ms, nothing[:, 0]),
        plots.error_histogram([], None),
        plots.error_histogram([0.5, np.nan], []),
        plots.loss_curve([1.0]),
        plots.loss_curve([]),
        plots.precision_recall([0.5, 2.0], [False, True], (None, 0.0)),
    ):
        plots.save(figure, tmp_path / "plot.png")
        assert (tmp_path / "plot.png").stat().st_size > 1000


def test_a_score_above_the_threshold_is_red_and_one_below_is_not(tmp_path):
    ts_ms, *_ = room(5000)
    score = np.full(5000, 0.3)
    score[1000] = 0.9
    calm = pixels(plots.error_with_threshold(ts_ms, score), tmp_path)
    score[2500] = 30.0
    spike = pixels(plots.error_with_threshold(ts_ms, score), tmp_path)
    assert painted(spike, canvas.STRANGE) > painted(calm, canvas.STRANGE) + 200


def test_the_operating_point_is_marked_where_precision_and_recall_put_it(tmp_path):
    labels, score = rows(100, 0, 20), np.linspace(2, 0, 100)
    figure = plots.precision_recall(score, labels, (0.3, 0.9))
    picture = pixels(figure, tmp_path)
    x, y = figure.axes[0].transData.transform((0.9, 0.3)) * canvas.DPI / figure.dpi
    assert np.abs(picture[len(picture) - int(y), int(x)] - np.array(to_rgb(canvas.STRANGE)) * 255).max() < 10


def test_a_curve_without_labels_is_refused():
    with pytest.raises(ValueError, match="no row is labelled"):
        plots.precision_recall([0.1, 0.2], [False, False])


@given(st.integers(1, 5000), st.integers(0, 2**32 - 1), st.floats(0, 0.9))
def test_thinning_keeps_the_extremes_of_every_slot_and_the_limit(n, seed, missing):
    rng = np.random.default_rng(seed)
    ts_ms = np.cumsum(rng.integers(1, 5000, n))
    values = np.where(rng.random(n) < missing, np.nan, rng.normal(size=n))
    kept = canvas.extremes(ts_ms, values, points=100)
    assert len(kept) <= max(100, 0 if n > 100 else n)
    assert np.all(np.diff(kept) > 0)
    slots = np.minimum((ts_ms - ts_ms[0]) * 50 // max(ts_ms[-1] - ts_ms[0], 1), 49)
    for slot in np.unique(slots[np.isfinite(values)]):
        inside = values[slots == slot]
        near = [slot - 1, slot, slot + 1]  # a row on the border may be counted to either side
        chosen = values[kept][np.isin(slots[kept], near)]
        assert np.nanmin(chosen) <= np.nanmin(inside)
        assert np.nanmax(chosen) >= np.nanmax(inside)


def test_a_line_is_broken_at_a_gap_and_only_there():
    ts_ms = np.concatenate([np.arange(500), np.arange(500) + 5000]) * MINUTE_MS
    values = np.arange(1000.0)
    _, line = canvas.broken(ts_ms, values, canvas.extremes(ts_ms, values))
    assert np.flatnonzero(np.isnan(line)).tolist() == [500]


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from(["spike", "window_left_open", ""]))))
def test_names_of_faults_never_cover_each_other(onsets):
    faults = [Fault(start, start + 1, kind) for start, kind in sorted(onsets)]
    names = FaultNames.of(faults, np.arange(1000) * MINUTE_MS, width_in=9.0).names
    for lane in range(4):
        inside = sorted((name.left, len(name.text)) for name in names if name.lane == lane)
        for (left, letters), (following, _) in pairwise(inside):
            assert left + letters * 0.082 / 8.5 < following


@given(st.floats(1.0, 3e8), st.sampled_from([5, 9]), st.integers(1_500_000_000, 2_000_000_000))
@settings(max_examples=300, deadline=None)
def test_a_time_axis_of_any_length_has_some_ticks_and_never_too_many(length_s, ticks, start_s):
    axes = canvas.blank(3.0).subplots()
    axes.plot(np.array([start_s * 1000, start_s * 1000 + length_s * 1000]).astype("datetime64[ms]"), [0, 1])
    canvas.time_axis(axes, ticks)
    low, high = axes.get_xlim()
    shown = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert 1 <= len(shown) <= ticks + 1
