"""The test bed: what it takes for clean, what it puts in, and how it counts."""

import csv
import json
import pickle
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import RecordingError
from edge.reading import in_order
from edge.recording import Recording, find_gaps
from trainer.benchmark.bed import CONTAMINATED, trials
from trainer.benchmark.bed_bases import Base, bases_from, simulated_bases
from trainer.benchmark.bed_score import outcome, summarise
from trainer.benchmark.detection import Result
from trainer.benchmark.series import Series

DAY = 24 * 3600
BOTH = ("temperature", "humidity")


def room(days, period_s=300.0, channels=BOTH, seed=0):
    """(times, values) of a room that sways by day, in steps of 0.1."""
    n = round(days * DAY / period_s)
    ts_ms = 1_700_000_000_000 + np.rint(np.arange(n) * period_s * 1000.0).astype(np.int64)
    rng = np.random.default_rng(seed)
    sway = np.sin(ts_ms / 1000.0 / DAY * 2 * np.pi)
    about = {"temperature": 21.0 + sway, "humidity": 45.0 - 3.0 * sway}
    values = [about[name] + rng.normal(0.0, 0.2, n).cumsum() * 0.05 for name in channels]
    return ts_ms, np.round(np.column_stack(values), 1)


def base(days=10.0, period_s=300.0, channels=BOTH, seed=0, simulated=False, name="room"):
    ts_ms, values = room(days, period_s, channels, seed)
    return made(name, ts_ms, values, period_s, channels, simulated)


def made(name, ts_ms, values, period_s, channels, simulated=False):
    recording = Recording(
        name=name,
        ts_ms=ts_ms,
        channels=in_order(set(channels)),
        values=values,
        labels=None,
        kinds=None,
        period_s=period_s,
        gaps=find_gaps(ts_ms, period_s),
        columns={channel: channel for channel in channels},
        found=(),
    )
    return Base(name, recording, len(channels) == 2, simulated)


def series(name, ts_ms, values, labels=None, channels=BOTH, group="rooms"):
    return Series(
        group=group,
        name=name,
        period_s=300.0,
        train=100,
        merge=0,
        slack=0,
        sha256="",
        timestamps=("",) * len(ts_ms),
        ts_ms=ts_ms,
        channels=in_order(set(channels)),
        values=values,
        labels=np.zeros(len(ts_ms), bool) if labels is None else labels,
    )


def spoilt(values, *spans):
    """A copy with 5 added in the spans, and its labels."""
    labels = np.zeros(len(values), bool)
    for start, stop in spans:
        labels[start:stop] = True
    return np.where(labels[:, None], values + 5.0, values), labels


def same(one, other):
    return np.array_equal(one.ts_ms, other.ts_ms) and np.array_equal(one.values, other.values, equal_nan=True)


def test_a_series_without_labels_is_clean_as_a_whole():
    ts_ms, values = room(3)
    [found] = bases_from([series("a", ts_ms, values)])
    assert (found.name, found.both, found.simulated) == ("rooms/a", True, False)
    assert found.days == pytest.approx(3)
    np.testing.assert_array_equal(found.recording.values, values)
    assert found.recording.labels is None


def test_a_series_with_labels_is_clean_until_twelve_hours_before_the_first():
    ts_ms, values = room(6)
    bad, labels = spoilt(values, (1200, 1300), (1500, 1728))
    [found] = bases_from([series("a", ts_ms, bad, labels)])
    assert len(found.recording) == 1200 - 12 * 12


def test_copies_with_different_faults_give_back_what_was_true_everywhere():
    ts_ms, values = room(4)
    spans = {"a_bias": [(300, 500), (900, 950)], "a_drift": [(450, 700)], "a_mixed": [(0, 20), (300, 320)]}
    copies = [series(name, ts_ms, *spoilt(values, *some)) for name, some in spans.items()]
    [found] = bases_from(copies)
    assert found.name == "rooms/a"
    np.testing.assert_array_equal(found.recording.values, values)


def test_where_all_copies_are_labelled_the_truth_ends():
    ts_ms, values = room(5)
    copies = [
        series(f"a_{at}", ts_ms, *spoilt(values, (1000, 1100 + at), (40 + at, 41 + at))) for at in (0, 1)
    ]
    [found] = bases_from(copies)
    assert len(found.recording) == 1000 - 12 * 12


def test_where_unlabelled_copies_disagree_the_truth_ends():
    ts_ms, values = room(5)
    recovering, labels = spoilt(values, (1000, 1040))
    labels[1030:] = False  # ten rows of recovery that nobody labelled
    other = series("a_1", ts_ms, *spoilt(values, (60, 70)))
    [found] = bases_from([series("a_0", ts_ms, recovering, labels), other])
    assert len(found.recording) == 1030 - 12 * 12


def test_a_copy_that_was_never_spoilt_is_the_truth():
    ts_ms, values = room(4)
    fine = values + 0.03
    rounded = series("a_0", ts_ms, *spoilt(values, (500, 600)))
    [found] = bases_from([rounded, series("a", ts_ms, fine)])
    np.testing.assert_array_equal(found.recording.values, fine)


def test_two_sensors_at_the_same_times_are_two_devices():
    found = bases_from([series(f"m{seed}", *room(4, seed=seed)) for seed in (1, 2)])
    assert [each.name for each in found] == ["rooms/m1", "rooms/m2"]


def test_a_clock_that_goes_back_loses_the_rows_that_it_repeats():
    ts_ms, values = room(4)
    ts_ms[500:510] = ts_ms[480:490]
    [found] = bases_from([series("a", ts_ms, values)])
    assert len(found.recording) == len(ts_ms) - 10


def test_what_has_no_temperature_or_is_short_is_no_device():
    ts_ms, values = room(4, channels=("temperature",))
    requests = series("requests", ts_ms, values, channels=("value",))
    short = series("short", *room(2))
    assert [each.name for each in bases_from([requests, short, series("long", *room(4))])] == ["rooms/long"]
    with pytest.raises(RecordingError, match=r"the series given: no temperature is free of labels for 2\.5"):
        bases_from([requests, short])


def test_bases_come_from_a_folder_too(tmp_path):
    ts_ms, values = room(3, channels=("temperature",))
    with (tmp_path / "a.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["timestamp", "temperature", "label"])
        for at, (value,) in zip(ts_ms.tolist(), values.tolist(), strict=True):
            writer.writerow([f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S}", value, 0])
    row = {"group": "clean", "name": "a", "file": "a.csv", "cols": ["temperature"], "dt": 300.0, "train": 100}
    (tmp_path / "index.json").write_text(json.dumps([row]))
    [found] = bases_from(tmp_path)
    assert found.name == "clean/a"
    assert not found.both
    np.testing.assert_array_equal(found.recording.values, values)


@pytest.mark.data
def test_the_labelled_folder_has_a_score_of_devices(climate):
    found = bases_from(climate)
    assert len(found) == len({each.name for each in found}) == 20
    days = {each.name: each.days for each in found}
    assert days["sf_sant/santander16"] == pytest.approx(13.25)  # put together from six spoilt copies
    assert days["sf_intel/m01"] == pytest.approx(7.0)
    assert days["clean/boichot_dht22"] > 18.4


@pytest.fixture(scope="module")
def rooms():
    return simulated_bases(8, seed=3)


def test_simulated_rooms_have_all_mixes_of_sensor_period_and_channels(rooms):
    mixes = {(each.name.split("_")[1], each.recording.period_s, each.both) for each in rooms}
    assert len(mixes) == 8
    assert all(each.simulated and each.days == 22.0 for each in rooms)
    assert all(len(each.recording.channels) == 1 + each.both for each in rooms)
    assert len({int(each.recording.ts_ms[0]) for each in rooms}) == 8


def test_simulated_rooms_are_the_same_by_seed(rooms):
    again, other = simulated_bases(1, seed=3), simulated_bases(1, seed=4)
    assert same(again[0].recording, rooms[0].recording)
    assert not same(other[0].recording, rooms[0].recording)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    days=st.sampled_from([1.0, 3.0, 7.0]),
    dirty=st.booleans(),
    channels=st.sampled_from([BOTH, ("temperature",)]),
    period_s=st.sampled_from([120.0, 300.0]),
)
def test_a_trial_differs_from_its_base_only_where_its_labels_say(seed, days, dirty, channels, period_s):
    whole = base(9.0, period_s, channels)
    [trial] = trials([whole], [days], [dirty], seed, injected=(True,))
    cut = round(days * DAY / period_s)
    clean = whole.recording.values
    assert len(trial.task.history) == cut
    assert len(trial.task.rest) == len(trial.truth) == len(clean) - cut
    np.testing.assert_array_equal(trial.truth.values, trial.task.rest.values)
    calm = ~trial.truth.labels
    np.testing.assert_array_equal(trial.truth.values[calm], clean[cut:][calm])
    assert [kind is not None for kind in trial.truth.kinds] == trial.truth.labels.tolist()
    strange = ~(trial.task.history.values == clean[:cut]).all(axis=1)
    assert strange.mean() <= CONTAMINATED + 1 / cut if dirty else not strange.any()
    for part in (trial.task.history, trial.task.rest):
        assert part.labels is None and part.kinds is None


def test_a_tenth_of_a_contaminated_history_is_faulty():
    whole = base()
    for days in (1.0, 3.0, 7.0):
        [trial] = trials([whole], [days], [True], injected=(True,))
        n = len(trial.task.history)
        strange = ~(trial.task.history.values == whole.recording.values[:n]).all(axis=1)
        # a few faulty rows look like healthy ones: frozen at a value that stays, for one
        assert 0.05 < strange.mean() <= 0.101


def test_the_rest_is_the_same_whether_the_history_is_clean_or_not():
    clean, dirty = trials([base()], [3.0], injected=(True,))
    assert (clean.contaminated, dirty.contaminated) == (False, True)
    assert same(clean.truth, dirty.truth)
    assert not same(clean.task.history, dirty.task.history)


def test_trials_are_the_same_by_seed():
    first, again, other = (trials([base()], [3.0], [True], seed, injected=(True,))[0] for seed in (1, 1, 2))
    assert same(first.truth, again.truth) and same(first.task.history, again.task.history)
    assert first.truth.kinds == again.truth.kinds
    assert not same(first.truth, other.truth)


def test_all_kinds_that_a_device_can_show_come_and_leave_calm_between():
    both, warm = trials([base(14.0), base(14.0, channels=("temperature",))], [1.0], [False], injected=(True,))
    kinds = [{*trial.truth.kinds} - {None} for trial in (both, warm)]
    assert kinds[0] - kinds[1] == {"humidity_surge"}
    assert len(kinds[0]) == 12
    assert both.truth.labels.mean() < 0.5


def test_trials_without_events_are_the_base_as_it_is():
    whole = base()
    events, calm = trials([whole], [3.0], [False])
    assert (events.injected, calm.injected) == (True, False)
    cut = len(calm.task.history)
    np.testing.assert_array_equal(calm.task.rest.values, whole.recording.values[cut:])
    assert not calm.truth.labels.any()
    assert len(trials([whole], [3.0])) == 3  # there is none after a contaminated history


def test_a_device_has_the_trials_for_which_it_lived_long_enough():
    assert [t.days for t in trials([base(10.0)], contaminated=[False], injected=(True,))] == [1.0, 3.0, 7.0]
    assert [t.days for t in trials([base(2.5)], contaminated=[False], injected=(True,))] == [1.0]
    hourly = base(30.0, 3600.0)  # 200 rows are not there before the ninth day
    [late] = trials([hourly], contaminated=[False], injected=(True,))
    assert late.days == 14.0
    assert len(late.task.rest) == 14 * 24


def test_a_gap_stays_a_gap():
    ts_ms, values = room(8)
    kept = np.r_[0:1000, 1200 : len(ts_ms)]
    gappy = made("gappy", ts_ms[kept], values[kept], 300.0, BOTH)
    [trial] = trials([gappy], [1.0], [False], injected=(True,))
    assert trial.task.rest.gaps == ((int(ts_ms[999]), int(ts_ms[1200])),)


def test_trials_travel_between_processes():
    [trial] = trials([base(4.0)], [1.0], [True], injected=(True,))
    there = pickle.loads(pickle.dumps(trial))
    assert same(there.truth, trial.truth) and there.name == trial.name


def watched(*alarms, days=8.0, event=(2000, 2050)):
    """A trial with one event, and its outcome with alarms in spans of rows of five minutes."""
    [trial] = trials([base(days + 1)], [1.0], [False], injected=(False,))
    labels = np.zeros(len(trial.truth), bool)
    labels[slice(*event)] = True
    kinds = tuple("drift" if label else None for label in labels)
    trial = replace(trial, truth=replace(trial.truth, labels=labels, kinds=kinds), injected=True)
    anomaly = np.zeros(len(labels), bool)
    for start, stop in alarms:
        anomaly[start:stop] = True
    return outcome(trial, Result(anomaly.astype(float), anomaly))


def test_an_event_is_found_within_it_and_half_an_hour_after_it():
    assert [watched((at, at + 1))["found"] for at in (1999, 2000, 2049, 2055, 2056)] == [0, 1, 1, 1, 0]


def test_what_is_said_in_the_hour_after_an_event_is_no_false_alarm():
    said = [watched((at, at + 1)) for at in (1999, 2055, 2056, 2061, 2062)]
    assert [each["false_alarms"] for each in said] == [1, 0, 0, 0, 1]
    assert [each["recovery_alarms"] for each in said] == [0, 0, 1, 1, 0]


def test_false_alarms_are_counted_by_the_week_of_calm():
    said = watched((100, 110), (500, 501), (2000, 2010))
    assert said["weeks"] == pytest.approx((8 * DAY - 62 * 300) / (7 * DAY))
    assert said["false_alarms_per_week"] == pytest.approx(2 / said["weeks"])
    assert (said["recall"], said["kinds"]) == (1.0, {"drift": (1, 1)})
    assert said["best_recall"] == 0.0  # one threshold has all three alarms, and two are too many
    assert json.loads(json.dumps(said))["found"] == 1


def test_a_trial_without_events_has_false_alarms_and_no_recall():
    [trial] = trials([base(4.0)], [1.0], [False], injected=(False,))
    n = len(trial.truth)
    said = outcome(trial, Result(np.full(n, np.nan), np.arange(n) == 50))
    assert (said["recall"], said["best_recall"], said["kinds"]) == (None, None, {})
    assert said["false_alarms"] == 1


def line(name, recall, false, weeks, **other):
    """The outcome of one device."""
    found = round(10 * recall)
    return {
        "base": name, "simulated": False, "both": True, "days": 3.0, "contaminated": False, "injected": True,
        "events": 10, "found": found, "recall": recall, "best_recall": 1.0, "kinds": {"drift": [found, 10]},
        "false_alarms": false, "weeks": weeks, "recovery_alarms": 0, "coverage": None, **other,
    }  # fmt: skip


def test_recall_is_the_mean_over_devices_and_false_alarms_are_those_of_all_together():
    [every, both] = summarise([line("a", 1.0, 6, 1.0), line("b", 0.5, 0, 3.0, both=False)])
    assert (every.rooms, every.devices, every.recall) == ("real", 2, 0.75)
    assert (every.false_alarms, every.false_alarms_per_week) == (6, 1.5)
    assert every.kinds == {"drift": (15, 20)}
    assert (both.rooms, both.devices, both.recall) == ("real, both channels", 1, 1.0)


def test_rooms_and_histories_of_different_sorts_have_lines_of_their_own():
    sorts = [
        {}, {"simulated": True}, {"days": 1.0}, {"contaminated": True},
        {"injected": False, "events": 0, "recall": None, "kinds": {}},
    ]  # fmt: skip
    lines = summarise([{**line("a", 0.5, 1, 1.0), **sort} for sort in sorts])
    found = [(each.days, each.history) for each in lines if each.rooms == "real"]
    assert found == [(1.0, "clean"), (3.0, "clean"), (3.0, "contaminated"), (3.0, "no events")]
    assert {each.rooms for each in lines if each.history == "clean"} == {
        "real", "real, both channels", "simulated", "simulated, both channels",
    }  # fmt: skip
