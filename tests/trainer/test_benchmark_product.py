"""The product and what is left of it, on a simulated room: a detector's contract, and what each part does."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from edge.detection.calibration import calibrate
from edge.detection.habits import elapsed, learn_habits
from edge.detection.scorer import Scorer
from edge.detection.window import batches
from edge.sources.faults import Fault, inject
from edge.sources.simulator import simulate
from trainer.benchmark import product
from trainer.benchmark.ablations import ConstantDeviation, Persistence, uncalibrated
from trainer.benchmark.detection import Task
from trainer.benchmark.registry import DETECTORS
from trainer.benchmark.runner import load, save
from trainer.prior import shipped

VARIANTS = [name for name in DETECTORS if name.startswith("picanary")]
# The one that settles learns later what it could not at first, and is the product until then.
LEARN_ONCE = [name for name in VARIANTS if name != "picanary-settling"]
DAY_S, PERIOD_S = 86_400.0, 300.0
TRAIN = round(2 * DAY_S / PERIOD_S)
PARTS = ("score", "anomaly", "advisory", "onset", "inside")


@cache
def room():
    """Four days every five minutes: two of them calm, then a jump, a silent sensor and an open window."""
    faults = [
        Fault("level_shift", 2.5 * DAY_S, 3600.0, 6.0, "temperature"),
        Fault("dropout", 3.0 * DAY_S, 7200.0),
        Fault("window_open", 3.5 * DAY_S, 5400.0, 12.0, "temperature"),
    ]
    return inject(simulate(4 * DAY_S, PERIOD_S, 5), faults)


def unlabelled(recording):
    return replace(recording, labels=None, kinds=None)


def task(recording=None, train=TRAIN):
    whole = unlabelled(room() if recording is None else recording)
    return Task("room", whole.between(0, train), whole.between(train, len(whole)))


@cache
def detector(name):
    return DETECTORS[name]()


@cache
def result(name="picanary"):
    return detector(name)(task())


def assert_same(one, other):
    for part in PARTS:
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part), part)


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_scores_every_row_after_the_warm_up(name):
    found = result(name)
    n = len(room()) - TRAIN
    assert all(getattr(found, part).shape == (n,) for part in PARTS)
    assert np.isfinite(found.score).all() and not np.isnan(found.onset).all()
    assert found.anomaly.dtype == found.advisory.dtype == bool


@pytest.mark.parametrize("name", VARIANTS)
def test_the_score_is_at_least_1_where_the_first_alarm_begins_and_seldom_in_calm(name):
    found = result(name)
    silent = np.isnan(room().values[TRAIN:]).any(axis=1)
    first = np.flatnonzero(found.anomaly & ~silent)[0]  # later ones may go on below the level
    assert found.score[first] >= 1
    assert (found.score[~found.anomaly] >= 1).mean() < 0.02
    assert found.anomaly[silent].any()  # the sensor's fault is an alarm too
    assert (found.score[silent & found.anomaly] >= 1).all()


def alarmed(name, kind):
    return result(name).anomaly[[each == kind for each in room().kinds[TRAIN:]]].any()


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_finds_a_jump(name):
    assert alarmed(name, "level_shift")


def test_the_product_finds_a_window_that_is_opened():
    assert alarmed("picanary", "window_open")


@pytest.mark.parametrize("name", LEARN_ONCE)
def test_a_history_too_short_to_learn_from_says_nothing(name):
    found = detector(name)(task(train=99))
    assert np.isnan([found.score, found.onset, found.inside]).all()
    assert not found.anomaly.any() and not found.advisory.any()
    assert len(found.score) == len(room()) - 99


@pytest.mark.parametrize("name", VARIANTS)
def test_the_same_task_has_the_same_result_whatever_was_judged_between(name):
    first, judge = result(name), detector(name)
    judge(task(simulate(3 * DAY_S, PERIOD_S, 6)))
    assert_same(judge(task()), first)


def test_a_detector_made_anew_says_the_same():
    assert_same(DETECTORS["picanary"]()(task()), result())


@pytest.mark.parametrize("name", VARIANTS)
def test_labels_are_not_read(name):
    bare = task()
    marked = replace(
        bare,
        history=replace(bare.history, labels=np.ones(TRAIN, bool), kinds=("spike",) * TRAIN),
        rest=room().between(TRAIN, len(room())),
    )
    assert marked.rest.labels is not None and marked.rest.labels.any()
    assert_same(detector(name)(marked), result(name))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_never_looks_ahead(name):
    whole = room()
    values = whole.values.copy()
    values[900:, 0] += 7.0
    found, before = detector(name)(task(replace(whole, values=values))), result(name)
    for part in PARTS:
        np.testing.assert_array_equal(
            getattr(found, part)[: 900 - TRAIN], getattr(before, part)[: 900 - TRAIN]
        )
    assert not np.array_equal(found.score, before.score)


def test_each_variant_is_another_detector():
    scores = {name: result(name).score for name in LEARN_ONCE}
    for name in LEARN_ONCE:
        alike = [other for other in LEARN_ONCE if np.array_equal(scores[name], scores[other])]
        assert alike == [name]


def test_what_is_inside_of_the_band_is_a_share_of_channels_and_nothing_for_a_silent_sensor():
    inside = result().inside
    silent = np.isnan(room().values[TRAIN:]).any(axis=1)
    assert np.isnan(inside[silent]).all()
    assert set(inside[~np.isnan(inside)]) <= {0.0, 0.5, 1.0}
    jump = [kind == "level_shift" for kind in room().kinds[TRAIN:]].index(True)
    assert inside[jump] <= 0.5
    calm = room().labels[TRAIN:] == 0
    assert 0.7 < np.nanmean(inside[calm]) < 1.0


def test_all_parts_of_a_result_are_kept(tmp_path):
    save(tmp_path / "kept.npz", result(), 2.5)
    kept, seconds = load(tmp_path / "kept.npz")
    assert_same(kept, result())
    assert seconds == 2.5


# What stands in the place of a part.


@pytest.fixture(scope="module")
def about():
    """(history, habits, windows) of the room's calm days."""
    history = task().history
    learnt = learn_habits(history)
    habits = replace(learnt, windowing=learnt.windowing.with_shapes(shipped("masked").shapes))
    return history, habits, windows_of(history, habits.windowing)


def windows_of(history, windowing):
    [batch] = list(batches(windowing, history.values, elapsed(history.ts_ms, history.values)))
    return batch.windows


@pytest.fixture(scope="module")
def network(about):
    prior = shipped("masked")
    return product.Product(prior)._network(about[1].windowing)


def test_without_a_network_the_last_block_is_expected(about):
    history, habits, _ = about
    bare = habits.windowing.with_shapes(())
    windows = windows_of(history, bare)
    rows = np.zeros((len(windows.inputs), len(bare.channels)))
    seen = Scorer(Persistence(bare), bare, habits.floor).many(windows, rows[:, 0], rows)
    for view, scored in enumerate(seen.views):
        np.testing.assert_array_equal(np.column_stack(scored.expected), windows.previous[:, view])
    deviation = np.column_stack(seen.views[0].deviation)
    assert np.isfinite(deviation).all() and (deviation > 0).all()
    assert deviation.std(axis=0).min() > 0  # it follows what the room does


def test_without_variance_the_means_stay_and_the_deviation_is_one_a_channel(about, network):
    history, habits, windows = about
    constant = ConstantDeviation.of(network, history, habits)
    scorers = [Scorer(each, habits.windowing, habits.floor) for each in (network, constant)]
    rows = np.zeros((len(windows.inputs), len(habits.windowing.channels)))
    full, poor = (scorer.many(windows, rows[:, 0], rows) for scorer in scorers)
    np.testing.assert_array_equal(poor.evidence, full.evidence)
    for ours, theirs in zip(poor.views, full.views, strict=True):
        np.testing.assert_array_equal(ours.expected, theirs.expected)
        assert (np.ptp(ours.deviation, axis=1) == 0).all()
        assert (np.ptp(theirs.deviation, axis=1) > 0).all()
        # as wide as the middle half of the residuals, or wider where steps are coarse
        for c, residual in enumerate(theirs.residual):
            middle = np.quantile(abs(residual - np.median(residual)), 0.5) * 1.4826
            assert 0.5 * middle < ours.deviation[c][0] < 4 * middle + 4 * habits.floor[c]


def test_without_calibration_the_levels_are_the_fleets_and_all_else_is_the_devices_own(about, network):
    history, habits, _ = about
    fleet = shipped("masked").fleet
    own = calibrate(history, habits, network, 1.0, fleet)
    bare = uncalibrated(history, habits, network, 1.0, fleet)
    assert bare.levels == {name: fleet.levels[name] for name in own.levels}
    assert bare.levels != own.levels
    assert replace(bare, levels=own.levels, budgets=own.budgets) == own
    assert not any(math.isnan(level) for level in bare.levels.values())
