"""The baselines against slow obvious versions, and the contract that each of them keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.reading import in_order
from edge.recording import Recording
from trainer.benchmark import baselines
from trainer.benchmark.detection import Task
from trainer.benchmark.registry import DETECTORS
from trainer.benchmark.tail import device_tail

BASELINES = ("z", "diff", "pca", "forest", "plain")
QUICK = ("z", "diff", "pca", "forest")
VALUES = st.sampled_from([0.0, 0.1, 0.2, 5.0, -3.5, float("nan")])


def recording(values, period_s=300.0, start=0):
    values = np.asarray(values, float)
    ts_ms = (np.arange(len(values)) + start) * int(1000 * period_s)
    channels = in_order({"temperature", "humidity"} if values.shape[1] == 2 else {"temperature"})
    return Recording("t", ts_ms, channels, values, None, None, period_s, (), {}, ())


def task(values, train, period_s=300.0):
    values = np.asarray(values, float)
    values = values[:, None] if values.ndim == 1 else values
    return Task("t", recording(values[:train], period_s), recording(values[train:], period_s, train))


def room(rows=900, seed=0):
    rng = np.random.default_rng(seed)
    day = np.sin(np.arange(rows) / 45)
    return np.round(np.column_stack([20 + day, 50 - 3 * day]) + rng.normal(0, 0.1, (rows, 2)), 1)


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_scores_and_judges_each_row(name):
    result = DETECTORS[name]()(task(room(), 600))
    assert result.score.shape == result.anomaly.shape == (300,)
    assert np.isfinite(result.score).all()
    assert result.anomaly.dtype == bool


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_never_looks_ahead(name):
    values = room()
    changed = values.copy()
    changed[750:] += 40
    before, after = (DETECTORS[name]()(task(each, 600)) for each in (values, changed))
    np.testing.assert_allclose(after.score[:150], before.score[:150], rtol=1e-5)
    np.testing.assert_array_equal(after.anomaly[:150], before.anomaly[:150])
    assert after.score[150] > before.score[150]


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize(
    "values",
    [
        np.full(200, 20.0),
        np.append(np.full(100, 20.0), np.full(100, 20.5)),
        np.where(np.arange(200) % 7 == 0, np.nan, 20.0 + np.arange(200) % 3),
        np.append(np.full(100, np.nan), np.arange(100.0)),
        np.full(200, np.nan),
        np.zeros(200),
        1e12 * np.arange(200.0),
    ],
    ids=["constant", "constant, then a step", "gaps", "no history", "nothing", "zeros", "huge"],
)
def test_a_baseline_works_on_any_series(name, values):
    result = DETECTORS[name]()(task(values, 100))
    assert np.isfinite(result.score).all()


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_works_on_a_history_shorter_than_its_window(name):
    assert np.isfinite(DETECTORS[name]()(task(room(60), 3)).score).all()


@pytest.mark.parametrize("name", QUICK)
def test_a_baseline_is_silent_where_nothing_ever_changes(name):
    assert not DETECTORS[name]()(task(np.full(400, 20.0), 200)).anomaly.any()


@pytest.mark.parametrize("name", ["z", "diff", "pca"])
def test_a_step_as_never_before_raises_the_alarm_at_once(name):
    values = room()
    values[700:710, 0] += 30
    assert DETECTORS[name]()(task(values, 600)).anomaly[100]


def test_the_alarm_level_is_that_of_the_peaks_over_threshold():
    case = task(room(1500), 1200)
    values = np.concatenate([case.history.values, case.rest.values])
    result = baselines.robust_z(case)
    past = baselines.alarmed(case, np.append(_slow_z(values, 1200), [])).anomaly
    level = device_tail(_slow_z(values, 1200)[:1200], case.history.ts_ms, 300.0).level(1.0)
    np.testing.assert_array_equal(result.anomaly, result.score > level)
    np.testing.assert_array_equal(result.anomaly, past)


def test_in_a_history_of_few_hours_the_level_is_what_it_never_showed():
    values = np.tile([20.0, 20.1, 20.3], 60)
    values[150] = 20.4
    result = baselines.robust_z(task(values, 100, period_s=5.0))
    assert np.flatnonzero(result.anomaly).tolist() == [50]


def _slow_z(values, train):
    """Row by row and channel by channel."""
    found = []
    for row in values:
        each = []
        for c, value in enumerate(row):
            past = values[:train, c]
            centre = np.median(past)
            spread = 1.4826 * np.median([abs(x - centre) for x in past])
            each.append(abs(value - centre) / spread)
        found.append(max(each))
    return np.array(found)


def test_robust_z_is_the_distance_from_the_median_in_median_deviations():
    values = room()
    np.testing.assert_allclose(baselines.robust_z(task(values, 600)).score, _slow_z(values, 600)[600:])


def test_the_first_difference_is_the_step_in_median_deviations_of_steps():
    values = room()
    steps = np.diff(values[:600], axis=0)
    spread = 1.4826 * np.median(abs(steps - np.median(steps, axis=0)), axis=0)
    expected = [max(abs(values[row] - values[row - 1]) / spread) for row in range(600, 900)]
    np.testing.assert_allclose(baselines.first_difference(task(values, 600)).score, expected)


def test_pca_is_the_distance_from_the_plane_that_svd_finds():
    values = room()
    past = values[:600]
    scale = 1.4826 * np.median(abs(past - np.median(past, axis=0)), axis=0)
    unit = (values - np.median(past, axis=0)) / scale
    windows = np.array([unit[row - 31 : row + 1].ravel() for row in range(31, 900)])
    known = windows[: 600 - 31]
    _, size, axes = np.linalg.svd(known - known.mean(axis=0), full_matrices=False)
    share = np.cumsum(size**2) / (size**2).sum()
    plane = axes[: int(np.argmax(share > 0.9)) + 1]
    away = windows[600 - 31 :] - known.mean(axis=0)
    expected = np.sqrt(((away - away @ plane.T @ plane) ** 2).mean(axis=1))
    np.testing.assert_allclose(baselines.causal_pca(task(values, 600)).score, expected, rtol=1e-6)


def test_the_plain_design_flags_a_twentieth_of_what_is_like_its_history():
    values = room(4000)
    assert 0.01 < DETECTORS["plain"]()(task(values, 2000)).anomaly.mean() < 0.2


def test_the_forest_ranks_what_it_never_saw_above_the_rest():
    values = room()
    values[700] += 15
    assert baselines.isolation_forest(task(values, 600)).score.argmax() == 100


@given(
    arrays(float, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.floats(-9, 9)),
    st.integers(1, 5),
)
def test_windows_are_those_of_the_obvious_loop(values, length):
    found = baselines.windows(values, length)
    for row in range(len(values)):
        rows = [max(row - lag, 0) for lag in reversed(range(length))]
        np.testing.assert_array_equal(found[row], np.concatenate([values[at] for at in rows]))


@settings(max_examples=60)
@given(arrays(float, st.tuples(st.integers(3, 15), st.integers(1, 2)), elements=VALUES), st.integers(1, 2))
def test_a_missing_value_is_the_last_one_known(values, train):
    history, whole = baselines.filled(task(values, train))
    for c in range(values.shape[1]):
        past = [value for value in values[:train, c] if value == value]
        last = float(np.median(past)) if past else 0.0
        for row, value in enumerate(values[:, c]):
            last = value if value == value else last
            assert whole[row, c] == last
    np.testing.assert_array_equal(history, whole[:train])
