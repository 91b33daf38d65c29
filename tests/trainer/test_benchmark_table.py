"""What a result is worth beyond the measures: NAB's score of what is new, and the band's coverage."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.reading import channel
from trainer.benchmark.detection import Result
from trainer.benchmark.nab import onsets
from trainer.benchmark.scores import for_all_rows
from trainer.benchmark.series import Series
from trainer.benchmark.table import coverage, measure, nab_columns

N, TRAIN = 1000, 150
WINDOW = slice(500, 600)
SCORES = st.sampled_from([0.0, 0.5, 1.0, 1.5, 40.0, math.nan, math.inf, -math.inf])


def file(*windows, train=TRAIN, slack=0, period_s=300.0):
    """A file of NAB's corpus with labels in the windows."""
    labels = np.zeros(N, bool)
    for window in windows:
        labels[window] = True
    ts_ms = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000) + np.arange(N) * int(period_s * 1000)
    return Series(
        "nab_all", "x", period_s, train, 0, slack, "", ("",) * N, ts_ms, (channel("value"),),
        np.zeros((N, 1)), labels,
    )  # fmt: skip


def silent(n=N - TRAIN):
    return np.zeros(n), np.zeros(n, bool)


def columns(result, *windows):
    series = file(*(windows or (WINDOW,)))
    return nab_columns([series], {series.title: result})


def alarmed(*spans):
    score, anomaly = silent()
    for start, stop in spans:
        anomaly[start - TRAIN : stop - TRAIN] = True
    return Result(score, anomaly)


@given(st.lists(SCORES, max_size=30), st.integers(1, 40))
def test_onsets_are_those_of_the_obvious_loop(scores, rows):
    found = onsets(scores, rows)
    assert len(found) == len(scores)
    for row, score in enumerate(scores):
        before = [other for other in scores[max(0, row - rows) : row] if not math.isnan(other)]
        new = score > max(before, default=-math.inf)  # False for NaN
        assert found[row] == score if new else math.isnan(found[row])


@given(st.lists(SCORES, min_size=1, max_size=30), st.integers(1, 40), st.data())
def test_onsets_never_look_ahead(scores, rows, data):
    cut = data.draw(st.integers(0, len(scores)))
    np.testing.assert_array_equal(onsets(scores[:cut], rows), onsets(scores, rows)[:cut])


def test_an_onset_needs_something_before_it():
    with pytest.raises(ValueError, match="compared with a row at least, not with 0"):
        onsets([1.0, 2.0], 0)


def test_a_score_that_stays_high_is_not_punished_for_saying_it_again():
    score, anomaly = silent()
    score[WINDOW.start - TRAIN :] = 1.0  # from the window's first row to the end
    assert columns(Result(score, anomaly))["standard"] == pytest.approx(100.0)


def test_what_was_as_high_twice_the_history_ago_is_new_again():
    def said(first, second):
        score, anomaly = silent()
        score[[first - TRAIN, second - TRAIN]] = 1.0
        return columns(Result(score, anomaly), slice(200, 210), WINDOW)["standard"]

    assert said(200, 500) < said(200, 501)
    assert said(200, 501) > 99.0


def test_the_score_for_long_shifts_is_nabs_where_a_detector_has_one():
    score, anomaly = silent()
    score[700:] = 1.0
    onset = np.zeros(len(score))
    onset[WINDOW.start - TRAIN] = 1.0
    assert columns(Result(score, anomaly, onset=onset))["standard"] == pytest.approx(100.0)
    assert columns(Result(score, anomaly))["standard"] == 0.0


def test_an_alarm_of_its_own_counts_at_its_first_row_alone():
    once, lasting = alarmed((500, 501)), alarmed((500, 1000))
    assert columns(lasting)["own_standard"] == columns(once)["own_standard"] == pytest.approx(100.0)
    before = alarmed((400, 1000))  # it was there before the window, and says nothing in it
    assert columns(before)["own_standard"] == pytest.approx(-5.5)


def test_flags_less_than_an_hour_apart_are_one_alarm():
    perfect = columns(alarmed((500, 501)))
    assert columns(alarmed((500, 501), (700, 711)))["own_low_fp"] < perfect["own_low_fp"]
    near = [(row, row + 1) for row in range(500, 1000, 11)]  # 55 minutes
    assert columns(alarmed(*near))["own_low_fp"] == perfect["own_low_fp"]
    far = [(row, row + 1) for row in range(500, 1000, 12)]
    assert columns(alarmed(*far))["own_low_fp"] < perfect["own_low_fp"]


def test_coverage_is_the_mean_outside_of_events_and_their_slack():
    score, anomaly = silent()
    inside = np.full(len(score), 1.0)
    inside[:85] = 0.5
    inside[WINDOW.start - TRAIN : WINDOW.stop - TRAIN + 20] = 0.0
    inside[-15:] = np.nan
    result = Result(score, anomaly, inside=inside)
    calm = len(score) - 100 - 20 - 15
    assert measure(file(WINDOW, slack=20), result, 1.0).coverage == pytest.approx(1 - 42.5 / calm)
    assert measure(file(WINDOW), result, 1.0).coverage == pytest.approx(1 - (42.5 + 20) / (calm + 20))


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 1.0, math.nan]), st.booleans()), max_size=30
    ),
    st.integers(0, 5),
)  # fmt: skip
def test_coverage_is_that_of_the_obvious_loop(rows, slack):
    inside, labels = (np.array([row[at] for row in rows]) for at in (0, 1))
    calm = [
        share
        for row, share in enumerate(inside)
        if not any(labels[max(0, row - slack) : row + 1]) and not math.isnan(share)
    ]
    n = len(rows)
    found = coverage(Result(np.zeros(n), np.zeros(n, bool), inside=inside), labels, slack)
    assert found == (pytest.approx(sum(calm) / len(calm)) if calm else None)


def test_a_detector_that_expects_nothing_has_no_coverage():
    assert measure(file(WINDOW), Result(*silent()), 1.0).coverage is None


def test_all_parts_of_a_result_follow_the_rows_of_the_file():
    series = file(WINDOW)
    series.ts_ms[[TRAIN, 400]] = series.ts_ms[[TRAIN - 1, 399]]  # times that stand still
    n = len(series.rest())
    assert n == N - TRAIN - 2
    numbers = np.arange(n, dtype=float)
    odd = np.arange(n) % 2 == 1
    whole = for_all_rows(series, Result(numbers, odd, ~odd, numbers + 0.25, numbers + 0.5))
    assert np.isnan([whole.score[0], whole.onset[0], whole.inside[0]]).all()
    assert not whole.anomaly[0] and not whole.advisory[0]
    at = 400 - TRAIN
    for part in (whole.score, whole.anomaly, whole.advisory, whole.onset, whole.inside):
        assert len(part) == N - TRAIN
        assert part[at] == part[at - 1] != part[at + 1]
    np.testing.assert_array_equal(whole.onset - whole.score, [np.nan, *[0.25] * (N - TRAIN - 1)])
    np.testing.assert_array_equal(whole.inside - whole.score, [np.nan, *[0.5] * (N - TRAIN - 1)])
