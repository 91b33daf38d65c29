"""The simulator: one room, read one by one or all at once, with faults that are known."""

from random import Random

import numpy as np
import pytest

from edge.errors import ConfigError
from edge.sources import SourceSettings, open_source
from edge.sources.faults import KINDS, Fault, schedule
from edge.sources.room import MONDAY_S, PRESETS
from edge.sources.sensor import SENSORS, Sensor
from edge.sources.simulator import Simulator, simulate

HOUR = 3600.0


def rows(simulator: Simulator, count: int) -> tuple[np.ndarray, list]:
    """(count, C) values and the faults, read one by one."""
    readings = [simulator.read() for _ in range(count)]
    values = [[np.nan if v is None else v for v in r.values.values()] for r in readings]
    return np.array(values), [r.fault for r in readings]


def test_one_by_one_and_all_at_once_give_the_same_values():
    options = {"faults_every_s": 2 * HOUR, "longest_s": HOUR, "calm_s": HOUR}
    streamed, faults = rows(Simulator(30.0, 7, start_s=MONDAY_S, **options), 26 * 120)
    # the same faults by the public way to plan them
    planned = schedule(
        Random("faults 7"), HOUR - 2 * HOUR / 3, 40 * HOUR, 2 * HOUR, period_s=30.0, longest_s=HOUR
    )
    batch = simulate(26 * HOUR, 30.0, 7, planned)
    np.testing.assert_array_equal(batch.values, streamed)
    assert list(batch.kinds) == faults
    assert set(faults) == {None, *KINDS}
    np.testing.assert_array_equal(batch.labels, [fault is not None for fault in faults])


def test_the_same_seed_gives_the_same_history_and_another_seed_another():
    first, again, other = (simulate(6 * HOUR, 60.0, seed).values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.3


def test_a_history_says_what_it_is():
    history = simulate(HOUR, 10.0, 1, start_ms=1_700_000_000_000)
    assert len(history) == 360
    assert history.ts_ms[0] == 1_700_000_000_000
    assert set(np.diff(history.ts_ms)) == {10_000}
    assert [c.name for c in history.channels] == ["temperature", "humidity"]
    assert not history.labels.any() and set(history.kinds) == {None}
    assert "simulated room" in history.found[0]


def test_readings_carry_the_clocks_of_the_real_world():
    wall, steady = iter([1000.0, 2000.5, 2001.25]), iter([5.0, 5.5])
    simulator = Simulator(10.0, 1, speed=120.0, wall=lambda: next(wall), monotonic=lambda: next(steady))
    assert simulator.interval_s == pytest.approx(1 / 12)
    first, second = simulator.read(), simulator.read()
    assert (first.ts_ms, first.mono_ms) == (2_000_500, 5000)
    assert (second.ts_ms, second.mono_ms) == (2_001_250, 5500)
    assert first.quality == "ok" and first.fault is None
    simulator.close()


def test_a_reading_that_drops_out_is_missing_and_its_fault_is_known():
    simulator = Simulator(10.0, 1, faults_every_s=600.0, kinds=("dropout",), calm_s=0.0)
    readings = [simulator.read() for _ in range(120)]
    lost = [r for r in readings if r.fault]
    assert lost and all(r.fault == "dropout" and r.quality == "missing" for r in lost)
    assert all(set(r.values.values()) == {None} for r in lost)
    assert all(r.quality == "ok" and None not in r.values.values() for r in readings if not r.fault)


def test_faults_begin_after_the_calm_come_as_often_as_asked_and_stay_short():
    simulator = Simulator(60.0, 3, faults_every_s=HOUR, calm_s=5 * HOUR, longest_s=1200.0)
    _, faults = rows(simulator, 65 * 60)
    active = np.array([fault is not None for fault in faults])
    onsets = np.flatnonzero(np.diff(active.astype(int), prepend=0) == 1)
    assert onsets[0] >= 5 * 60
    assert len(onsets) == 60
    lengths = np.flatnonzero(np.diff(active.astype(int), append=0) == -1) - onsets + 1
    assert lengths.max() <= 20


def test_without_faults_nothing_is_ever_wrong():
    _, faults = rows(Simulator(600.0, 3), 500)
    assert set(faults) == {None}


@pytest.mark.parametrize(
    ("kind", "size", "channel", "direction"),
    [("window_open", 10.0, 0, -1), ("heater_failing", 8.0, 0, -1), ("humidity_surge", 20.0, 1, 1)],
)
def test_room_faults_act_in_the_physics_from_their_onset_on(kind, size, channel, direction):
    name = ("temperature", "humidity")[channel]
    fault = Fault(kind, 3 * HOUR, 2 * HOUR, size, name)
    calm, faulty = simulate(6 * HOUR, 60.0, 4), simulate(6 * HOUR, 60.0, 4, [fault])
    np.testing.assert_array_equal(faulty.values[:180], calm.values[:180])
    during = (faulty.values - calm.values)[180:300, channel] * direction
    assert during.max() > 1.0
    assert during[0] < 0.3 * during.max()  # a room takes its time
    assert np.flatnonzero(faulty.labels).tolist() == list(range(180, 300))
    recovery = np.abs(faulty.values - calm.values)[300:, channel]
    assert recovery[0] > recovery[-1]


def test_a_room_fault_acts_in_the_physics_alone_and_not_by_its_waveform_too():
    steam = Fault("humidity_surge", 3 * HOUR, 2 * HOUR, 30.0, "humidity")
    calm, faulty = simulate(6 * HOUR, 60.0, 4), simulate(6 * HOUR, 60.0, 4, [steam])
    # the waveform warms the air a little, the physics of moisture does not
    np.testing.assert_array_equal(faulty.values[:, 0], calm.values[:, 0])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].acts_on == "sensor"])
def test_sensor_faults_leave_the_room_as_it_is(kind):
    fault = schedule(Random(1), 0.0, 4 * HOUR, 3 * HOUR, kinds=(kind,), period_s=60.0)[0]
    calm, faulty = simulate(6 * HOUR, 60.0, 4), simulate(6 * HOUR, 60.0, 4, [fault])
    np.testing.assert_array_equal(faulty.values[~faulty.labels], calm.values[~faulty.labels])
    assert (faulty.values != calm.values)[faulty.labels].any()


@pytest.mark.parametrize("sensor", SENSORS)
def test_values_come_in_the_steps_of_the_sensor(sensor):
    history = simulate(2 * HOUR, 10.0, 1, sensor=sensor)
    assert [c.name for c in history.channels] == [trace.channel.name for trace in SENSORS[sensor]]
    for column, trace in zip(history.values.T, SENSORS[sensor], strict=True):
        steps = column / trace.resolution
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)
        assert len(set(column)) > 1


def test_a_simulated_dht22_is_as_calm_as_recorded_ones():
    # at 60 s real DHT22s repeat a temperature in 60 to 80 % of readings, a humidity in 23 to 56 %
    values = simulate(3 * 86_400.0, 60.0, 2).values
    repeated = (np.diff(values, axis=0) == 0).mean(axis=0)
    assert 0.5 < repeated[0] < 0.85
    assert 0.15 < repeated[1] < 0.6


def test_a_sensor_follows_the_air_with_its_lag():
    sensor = Sensor("bme280", (20.0, 40.0, 1000.0), seed=1)
    lag_s = SENSORS["bme280"][0].lag_s
    values = sensor.follow((30.0, 40.0, 1000.0), lag_s)
    assert values["temperature"] == pytest.approx(20.0 + 10.0 * (1 - np.exp(-1)) + 0.5, abs=0.05)


def test_the_hour_and_the_weekday_are_those_of_the_wall_clock_and_the_season_is_not():
    july = MONDAY_S + 26 * 7 * 86_400
    in_winter, in_july, at_noon = (
        rows(Simulator(600.0, 1, wall=lambda at=at: at), 30)[0]
        for at in (MONDAY_S + HOUR, july + HOUR, july + 12 * HOUR)
    )
    np.testing.assert_array_equal(in_winter, in_july)
    assert np.abs(in_july - at_noon).max() > 0.5


def test_it_begins_where_a_trained_model_has_seen_it():
    history = simulate(14 * 86_400.0, 600.0, 3).values
    low, high = history.min(axis=0), history.max(axis=0)
    for seed in (11, 12, 13):
        first, _ = rows(Simulator(600.0, seed), 6)
        assert ((first > low - 3.0) & (first < high + 3.0) & (first[:, :1] > 15.0)).all()


def test_every_preset_can_be_lived_in():
    for name, room in PRESETS.items():
        values = simulate(12 * HOUR, 300.0, 1, room=room).values
        assert np.isfinite(values).all(), name


def test_the_registry_opens_it_with_faults_shorter_than_the_time_between():
    settings = SourceSettings(kind="simulator", period_s=60.0, seed=5, faults_every_s=HOUR, speed=60.0)
    simulator = open_source(settings)
    assert simulator.simulated and simulator.name == "simulator"
    assert [c.name for c in simulator.channels] == ["temperature", "humidity"]
    active = [simulator.read().fault is not None for _ in range(24 * 60)]
    runs = "".join("x" if a else " " for a in active).split()
    assert 15 <= len(runs) <= 24 and max(map(len, runs)) <= 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"period_s": 0.0}, "period above 0"),
        ({"period_s": float("nan")}, "period above 0"),
        ({"speed": 0.0}, "speed must be above 0"),
        (
            {"sensor": "thermocouple"},
            "simulated sensor 'thermocouple' is unknown; choose one of bme280, dht22",
        ),
        ({"faults_every_s": 600.0, "kinds": ("gremlin",)}, "'gremlin' is unknown"),
        ({"faults_every_s": -1.0}, "come more seldom"),
    ],
)
def test_impossible_settings_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Simulator(**options)
