"""Faults do what their names say, where their labels say, and nothing elsewhere."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import ConfigError, RecordingError
from edge.reading import CHANNELS
from edge.recording import Recording
from edge.sources.faults import KINDS, Fault, Plan, Timeline, inject, schedule
from edge.sources.moist_air import mixing_ratio

PERIOD_S = 60.0


def recording(rows: int = 3000, seed: int = 0, digits: int = 2, missing: float = 0.0) -> Recording:
    """A day-long swing with noise; `missing` is the share of values that are not there."""
    rng = np.random.default_rng(seed)
    turn = np.arange(rows) * 2 * np.pi / 1440
    values = np.stack([21 + 2 * np.sin(turn), 45 - 5 * np.sin(turn)], axis=1)
    values = np.round(values + rng.normal(0, [0.05, 0.2], values.shape), digits)
    values[rng.random(values.shape) < missing] = np.nan
    return Recording(
        name="a test room",
        ts_ms=1_700_000_000_000 + np.arange(rows) * round(PERIOD_S * 1000),
        channels=(CHANNELS["temperature"], CHANNELS["humidity"]),
        values=values,
        labels=None,
        kinds=None,
        period_s=PERIOD_S,
        gaps=(),
        columns={},
        found=(),
    )


def one(kind: str, duration_s: float = 7200.0, size: float = 0.0, channel: str | None = None) -> np.ndarray:
    """(duration, 2) the rows of a recording that such a fault covers, and the same rows before."""
    room = recording()
    spoilt = inject(room, [Fault(kind, 60_000.0, duration_s, size, channel)])
    rows = slice(1000, 1000 + round(duration_s / PERIOD_S))
    return np.stack([room.values[rows], spoilt.values[rows]])


def typical(kind: str, seed: int = 1) -> Fault:
    return schedule(Random(seed), 0.0, 1e5, 50_000.0, kinds=(kind,), period_s=PERIOD_S)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_keeps_to_the_contract(kind):
    about = KINDS[kind]
    assert about.acts_on == (
        "room" if kind in ("window_open", "heater_failing", "humidity_surge") else "sensor"
    )
    assert 0 < about.duration_s[0] <= about.duration_s[1]
    assert all(name in CHANNELS and 0 < low <= high for name, (low, high) in about.sizes.items())
    fault, memory, before = typical(kind), {}, {"temperature": 21.0, "humidity": 45.0}
    for elapsed_s in np.linspace(0.0, fault.duration_s * 0.999, 50):
        values = dict(before)
        assert about.distort(fault, elapsed_s, values, memory).keys() == before.keys()
        assert values == before  # what it was given is not its own
    nothing = dict.fromkeys(before)
    assert about.distort(fault, 0.0, nothing, {}) == nothing


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_shows_in_a_recording(kind):
    room, fault = recording(), typical(kind)
    spoilt = inject(room, [fault])
    inside = spoilt.labels
    assert inside.any()
    assert set(np.array(spoilt.kinds, object)[inside]) == {kind}
    changed = ~np.isclose(spoilt.values[inside], room.values[inside], atol=0.005)
    assert changed.any()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(200, 3000),
    every_s=st.floats(3600, 40_000),
    missing=st.sampled_from([0.0, 0.1]),
)
def test_outside_of_faults_nothing_changes_and_labels_are_where_the_faults_are(seed, rows, every_s, missing):
    room = recording(rows, seed, missing=missing)
    faults = schedule(Random(seed), 0.0, rows * PERIOD_S, every_s, period_s=PERIOD_S)
    spoilt = inject(room, faults)
    elapsed = np.arange(rows) * PERIOD_S
    truth = np.full(rows, None, object)
    for fault in faults:  # the slow obvious way
        truth[(elapsed >= fault.onset_s) & (elapsed < fault.end_s)] = fault.kind
    assert spoilt.kinds == tuple(truth)
    np.testing.assert_array_equal(spoilt.labels, truth != None)  # noqa: E711 - for each element
    np.testing.assert_array_equal(spoilt.values[~spoilt.labels], room.values[~spoilt.labels])
    np.testing.assert_array_equal(inject(room, faults).values, spoilt.values)
    finite = spoilt.values[np.isfinite(spoilt.values[:, 1]), 1]
    assert ((finite >= 0) & (finite <= 100)).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    every_s=st.floats(1000, 1e5),
    start_s=st.floats(0, 1e5),
    gap=st.floats(0.05, 0.9),
    longest_s=st.floats(60, 1e5),
)
def test_a_schedule_has_calm_between_and_every_kind_in_turn(seed, every_s, start_s, gap, longest_s):
    end_s = start_s + 3 * len(KINDS) * every_s + 1e-3  # a fault may fill its slot to the last bit
    gap_s = gap * every_s
    faults = schedule(
        Random(seed), start_s, end_s, every_s, minimum_gap_s=gap_s, longest_s=longest_s, period_s=10.0
    )
    assert len(faults) == 3 * len(KINDS)
    edges = [start_s, *(edge for fault in faults for edge in (fault.onset_s, fault.end_s))]
    for end, onset in zip(edges[::2], edges[1::2], strict=False):
        assert onset - end >= gap_s * 0.999
    for turn in range(3):
        assert {f.kind for f in faults[turn * len(KINDS) : (turn + 1) * len(KINDS)]} == set(KINDS)
    for fault in faults:
        about = KINDS[fault.kind]
        assert fault.duration_s <= max(longest_s, about.readings * 10.0) * 1.001
        if fault.channel:
            low, high = about.sizes[fault.channel]
            assert low <= abs(fault.size) <= high
    assert faults[-1].end_s <= end_s
    again = schedule(
        Random(seed), start_s, end_s, every_s, minimum_gap_s=gap_s, longest_s=longest_s, period_s=10.0
    )
    assert faults == again


def test_a_schedule_takes_numpys_random_numbers_too():
    first, again = (schedule(np.random.default_rng(3), 0.0, 1e6, 1e4) for _ in range(2))
    assert first == again
    assert len(first) == 100


def test_a_schedule_has_only_what_its_channels_can_show():
    faults = schedule(Random(1), 0.0, 1e6, 1e4, channels=("temperature",))
    assert {f.channel for f in faults} == {"temperature", None}
    assert "humidity_surge" not in {f.kind for f in faults}
    unknown = schedule(Random(1), 0.0, 1e6, 1e4, channels=("volts",))
    assert {f.kind for f in unknown} == {"frozen", "dropout", "zero"}


def test_a_spike_is_seen_however_seldom_the_sensor_is_read():
    faults = schedule(Random(1), 0.0, 1e7, 1e5, kinds=("spike",), period_s=300.0)
    assert all(fault.duration_s >= 300.0 for fault in faults)


def test_a_frozen_value_stays_what_it_was_at_the_onset():
    before, after = one("frozen")
    assert (after == before[0]).all()


def test_a_dropout_leaves_nothing():
    assert np.isnan(one("dropout")[1]).all()


def test_a_zero_frame_is_zero_on_all_channels():
    assert (one("zero")[1] == 0.0).all()


def test_a_level_shift_is_its_size_on_its_channel_alone():
    before, after = one("level_shift", size=-3.0, channel="temperature")
    np.testing.assert_allclose(after - before, np.tile([-3.0, 0.0], (120, 1)), atol=1e-9)


def test_a_drift_grows_to_its_size():
    before, after = one("drift", size=12.0, channel="humidity")
    np.testing.assert_allclose((after - before)[:, 1], np.arange(120) / 10, atol=0.006)


def test_a_noise_burst_is_as_wild_as_its_size():
    before, after = one("noise_burst", duration_s=60_000.0, size=2.0, channel="temperature")
    assert (after - before)[:, 0].std() == pytest.approx(2.0, rel=0.1)


def test_a_saturated_channel_is_stuck_at_its_end():
    before, after = one("saturated", size=99.9, channel="humidity")
    assert (after[:, 1] == 99.9).all()
    np.testing.assert_array_equal(after[:, 0], before[:, 0])


def test_a_decorrelated_channel_no_longer_follows_the_room():
    before, after = one("decorrelated", duration_s=40_000.0, size=2.0, channel="temperature")
    assert (
        abs(np.corrcoef(after[:, 0], after[:, 1])[0, 1]) < 0.7 < -np.corrcoef(before.T[0], before.T[1])[0, 1]
    )
    assert np.abs(np.diff(after[:, 0])).max() < 0.5  # smooth: no single step gives it away


def water(air: np.ndarray) -> np.ndarray:
    return np.array([mixing_ratio(*row) for row in air])


def test_a_window_cools_and_dries_a_recorded_room_and_leaves_no_trace():
    before, after = one("window_open", size=8.0, channel="temperature")
    fall = (before - after)[:, 0]
    assert fall[0] == pytest.approx(0.0, abs=0.01)
    assert fall.max() == pytest.approx(8.0, abs=0.8)
    assert abs(fall[-1]) < 0.5
    assert (water(after) - water(before))[40:75].max() < -2.0


def test_a_failing_heater_cools_a_recorded_room_and_leaves_its_water():
    before, after = one("heater_failing", duration_s=36_000.0, size=5.0, channel="temperature")
    assert (before - after)[:, 0].max() == pytest.approx(5.0, abs=0.6)
    np.testing.assert_allclose(water(after), water(before), atol=0.01)


def test_steam_raises_a_recorded_humidity():
    before, after = one("humidity_surge", size=25.0, channel="humidity")
    assert (after - before)[:, 1].max() == pytest.approx(25.0, abs=1.5)


def test_what_is_put_in_has_the_steps_of_the_recording():
    coarse = recording(digits=1)
    faults = schedule(Random(5), 0.0, 180_000.0, 15_000.0, period_s=PERIOD_S)
    values = inject(coarse, faults).values
    values = values[np.isfinite(values)]
    np.testing.assert_allclose(values, np.round(values, 1), atol=1e-12)


def test_labels_that_were_there_remain():
    marks = np.zeros(3000, bool)
    marks[:5] = True
    room = replace(recording(), labels=marks, kinds=("spike",) * 5 + (None,) * 2995)
    spoilt = inject(room, [Fault("zero", 600.0, 120.0)])
    assert np.flatnonzero(spoilt.labels).tolist() == [0, 1, 2, 3, 4, 10, 11]
    assert spoilt.kinds[4] == "spike" and spoilt.kinds[10] == "zero"
    assert marks.sum() == 5  # the original is as it was


def test_faults_in_a_gap_of_the_recording_are_passed_over():
    room = recording(40)
    room = replace(room, ts_ms=np.where(np.arange(40) < 20, room.ts_ms, room.ts_ms + 3_600_000))
    spoilt = inject(room, [Fault("zero", 1300.0, 60.0), Fault("zero", 5000.0, 60.0)])
    assert spoilt.labels.sum() == 1


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ([Fault("zero", 0.0, 100.0), Fault("frozen", 50.0, 100.0)], "frozen fault at 50 s begins before"),
        ([Fault("gremlin", 0.0, 100.0)], "fault kind 'gremlin' is unknown; choose from spike"),
        ([Fault("zero", 0.0, 0.0)], "must last longer than 0"),
    ],
)
def test_impossible_faults_are_refused(faults, message):
    with pytest.raises(ConfigError, match=message):
        inject(recording(), faults)


def test_a_fault_of_a_channel_that_is_not_there_is_refused():
    with pytest.raises(
        RecordingError, match="has no pressure for a drift fault; plan faults for its channels"
    ):
        inject(recording(), [Fault("drift", 0.0, 7200.0, 5.0, "pressure")])


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"every_s": 100.0, "minimum_gap_s": 100.0}, "let them come more seldom"),
        ({"every_s": 0.0}, "let them come more seldom"),
        ({"every_s": 100.0, "kinds": ("gremlin",)}, "'gremlin' is unknown"),
        (
            {"every_s": 100.0, "kinds": ("humidity_surge",), "channels": ("temperature",)},
            "none of the faults",
        ),
        ({"every_s": 100.0, "longest_s": 0.0}, "longest fault"),
    ],
)
def test_an_impossible_plan_is_refused(plan, message):
    with pytest.raises(ConfigError, match=message):
        Plan(**plan)


def test_a_timeline_without_faults_changes_nothing():
    values = {"temperature": 20.0}
    timeline = Timeline(())
    assert timeline.at(0.0) is None
    assert timeline.distort(1e9, values) == values
