"""The measures against slow obvious versions, and against cases that a person can count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from tests.trainer import naive
from trainer import metrics
from trainer.vus import vus_pr

HOUR = 3600.0
WEEK = 7 * 24 * HOUR
SCORES = st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 7.25])


@st.composite
def labelled(draw, longest=60):
    """Scores with ties, labels, and times with gaps and jumps around the hour."""
    n = draw(st.integers(1, longest))
    score = draw(st.lists(SCORES, min_size=n, max_size=n))
    labels = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    steps = draw(st.lists(st.sampled_from([60.0, 1800.0, 3599.0, 3600.0, 30000.0]), min_size=n, max_size=n))
    return score, labels, np.cumsum(steps).tolist()


def minutes(n):
    return np.arange(n) * 60.0


@given(labelled(), st.integers(0, 6))
def test_events_are_the_runs_that_a_walk_finds(case, merge):
    _, labels, _ = case
    assert metrics.events(labels, merge) == naive.events(labels, merge)


@given(labelled())
def test_alarms_are_those_that_a_walk_through_time_finds(case):
    score, _, ts_s = case
    anomaly = [value >= 1.0 for value in score]
    assert metrics.alarms(anomaly, ts_s) == naive.alarms(anomaly, ts_s, naive.together_s(ts_s), 6 * HOUR)


@given(labelled(), st.integers(0, 4), st.integers(0, 6))
def test_the_outcome_is_what_a_walk_through_time_counts(case, slack, merge):
    score, labels, ts_s = case
    anomaly = [value >= 1.0 for value in score]
    outcome = metrics.event_outcome(anomaly, labels, ts_s, slack, merge)
    assert list(outcome.delays_s) == naive.delays(anomaly, labels, ts_s, slack, merge)
    assert outcome.events == len(naive.events(labels, merge))
    assert outcome.false_alarms == naive.false_alarms(anomaly, labels, ts_s, slack, merge)


@given(labelled())
def test_average_precision_agrees_with_scikit_learn(case):
    score, labels, _ = case
    if any(labels):
        assert metrics.auc_pr(score, labels) == pytest.approx(average_precision_score(labels, score))
    else:
        assert metrics.auc_pr(score, labels) is None


@given(labelled())
def test_every_point_of_the_curve_is_the_precision_and_recall_at_its_threshold(case):
    score, labels, _ = case
    if not any(labels):
        with pytest.raises(ValueError, match="no row is labelled"):
            metrics.pr_curve(score, labels)
        return
    curve = list(zip(*metrics.pr_curve(score, labels), strict=True))
    assert [threshold for _, _, threshold in curve] == sorted(set(score), reverse=True)
    for precision, recall, threshold in curve:
        assert (precision, recall) == metrics.point_precision_recall(np.array(score) >= threshold, labels)


@given(labelled(), st.integers(0, 3), st.sampled_from([0.0, 1.0, 10.0, 100.0]))
def test_the_best_recall_is_the_best_over_thresholds_that_find_an_event(case, slack, budget):
    score, labels, ts_s = case
    reach = naive.reach(labels, slack, 0)
    best = metrics.best_event_recall(score, labels, ts_s, budget, slack)
    if not reach:
        assert best is None
        return
    peaks = [max(score[start:stop]) for start, stop in reach]
    weeks = metrics.event_outcome([False] * len(score), labels, ts_s, slack).weeks
    tried = [0.0]
    for threshold in peaks:
        anomaly = [value >= threshold for value in score]
        if naive.false_alarms(anomaly, labels, ts_s, slack, 0) <= budget * weeks:
            tried.append(sum(peak >= threshold for peak in peaks) / len(peaks))
    assert best == max(tried)


@given(labelled(40), st.integers(0, 14), st.sampled_from([1, 2, 7, 250, None]))
def test_vus_pr_equals_the_published_definition_row_by_row(case, buffer, thresholds):
    score, labels, _ = case
    if any(labels):
        expected = naive.vus_pr(score, labels, buffer, thresholds)
        assert vus_pr(score, labels, buffer, thresholds) == pytest.approx(expected, abs=1e-12)
    else:
        assert vus_pr(score, labels, buffer, thresholds) is None


# From TSB-AD 1.5 (PyPI), file TSB_AD/evaluation/basic_metrics.py loaded on its own:
#     generate_curve(labels, score, buffer)[-1]     with the arrays made below, numpy 2.4
@pytest.mark.parametrize(
    ("seed", "n", "buffer", "published"),
    [
        (0, 400, 20, 0.5335123009577349),
        (1, 1000, 32, 0.5361805465068148),
        (2, 600, 100, 0.6942841248104219),
    ],
)
def test_vus_pr_is_the_figure_that_the_public_benchmark_computes(seed, n, buffer, published):
    rng = np.random.default_rng(seed)
    labels = np.zeros(n, int)
    for start in rng.integers(0, n - 30, 5):
        labels[start : start + rng.integers(1, 30)] = 1
    score = rng.normal(size=n) + 2 * np.convolve(labels, np.ones(9) / 9, "same")
    assert vus_pr(score.round(2), labels, buffer) == pytest.approx(published, abs=1e-12)


def test_a_perfect_score_reaches_one_without_a_buffer_and_a_wrong_one_does_not():
    labels = np.zeros(300, bool)
    labels[100:120] = True
    assert vus_pr(labels * 1.0, labels, 0) == pytest.approx(1.0)
    assert vus_pr(~labels * 1.0, labels, 0) < 0.1


def test_a_score_that_was_not_given_ranks_last_and_reaches_no_threshold():
    labels = [True, False, False, False]
    score = [np.nan, 0.1, 0.2, 0.3]
    assert metrics.auc_pr(score, labels) == pytest.approx(1 / 4)
    assert metrics.best_event_recall(score, labels, minutes(4), 1e9) == 0.0
    assert vus_pr(score, labels, 2) == vus_pr([-1.0, 0.1, 0.2, 0.3], labels, 2)


def test_a_flag_within_the_slack_finds_the_event_and_is_no_false_alarm():
    anomaly = np.zeros(1000, bool)
    labels = np.zeros(1000, bool)
    labels[100:110] = True
    anomaly[113] = True
    within = metrics.event_outcome(anomaly, labels, minutes(1000), slack=5)
    beyond = metrics.event_outcome(anomaly, labels, minutes(1000), slack=3)
    assert (within.found, within.false_alarms, within.delays_s) == (1, 0, (13 * 60.0,))
    assert (beyond.found, beyond.false_alarms, beyond.median_delay_s) == (0, 1, None)


def test_an_alarm_of_the_next_event_does_not_find_the_one_before():
    labels = [True, False, True, True]
    outcome = metrics.event_outcome([False, False, True, True], labels, minutes(4), slack=3)
    assert (outcome.events, outcome.found, outcome.recall) == (2, 1, 0.5)


def test_an_alarm_that_outlives_its_event_counts_only_after_six_hours():
    n = 20 * 60
    labels = np.zeros(n, bool)
    labels[60:120] = True
    short, long = np.zeros(n, bool), np.zeros(n, bool)
    short[90 : 120 + 5 * 60] = True
    long[90 : 120 + 13 * 60] = True
    assert metrics.event_outcome(short, labels, minutes(n)).false_alarms == 0
    assert metrics.event_outcome(long, labels, minutes(n)).false_alarms == 2


def test_an_alarm_that_began_before_the_event_is_false():
    labels, anomaly = np.zeros(600, bool), np.zeros(600, bool)
    labels[300:330] = True
    anomaly[290:320] = True
    assert metrics.event_outcome(anomaly, labels, minutes(600)).false_alarms == 1


def test_an_alarm_that_never_ends_costs_four_a_day():
    n = 7 * 24 * 60
    outcome = metrics.event_outcome(np.ones(n, bool), np.zeros(n, bool), minutes(n))
    assert outcome.false_alarms == 28
    assert outcome.false_alarms_per_week == pytest.approx(28.0)
    assert outcome.recall is None


def test_a_gap_in_the_recording_is_not_time_observed():
    ts_s = np.concatenate([minutes(600), minutes(600) + 30 * WEEK])
    outcome = metrics.event_outcome(np.zeros(1200, bool), np.zeros(1200, bool), ts_s)
    assert outcome.weeks == pytest.approx(1200 * 60 / WEEK)


def test_time_in_events_and_their_slack_is_not_time_for_false_alarms():
    labels = np.zeros(100, bool)
    labels[10:20] = True
    outcome = metrics.event_outcome(labels, labels, minutes(100), slack=5)
    assert outcome.weeks == pytest.approx(85 * 60 / WEEK)


def test_recall_by_kind_counts_kinds_that_touch_as_two_events():
    kinds = [None, "spike", "drift", "drift", None, "spike", None]
    anomaly = [False, False, True, False, False, False, True]
    assert metrics.recall_by_kind(anomaly, kinds) == {"spike": (0, 2), "drift": (1, 1)}
    assert metrics.recall_by_kind(anomaly, kinds, slack=1) == {"spike": (1, 2), "drift": (1, 1)}


def test_what_cannot_be_measured_is_none():
    assert metrics.point_precision_recall([False, False], [True, False]) == (None, 0.0)
    assert metrics.point_precision_recall([True, False], [False, False]) == (0.0, None)
    assert metrics.event_outcome([], [], []).false_alarms_per_week is None


def test_hourly_readings_in_a_row_are_one_alarm():
    ts_s = 3600.0 * np.arange(1000)
    flags = np.zeros(1000, bool)
    flags[100:104] = True
    assert metrics.alarms(flags, ts_s) == [(100, 104)]
