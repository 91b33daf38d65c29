"""The simulated room obeys the physics that it claims, and lives by its habits."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.sources.moist_air import mixing_ratio, relative_humidity, saturation_hpa
from edge.sources.room import CALM, MONDAY_S, PRESETS, Disturbance, Room, RoomSettings
from edge.sources.weather import Climate, Weather

STEADY = Climate(mean=4.0, season_swing=0.0, day_swing=0.0, front_spread=1e-9)
ALONE = RoomSettings(
    heater_w=0.0, window_m2=0.0, air_changes_h=0.0, mixing=(0.0, 0.0), habit="nobody", climate=STEADY
)


def live(room: Room, hours: float, step_s: float = 60.0) -> np.ndarray:
    """(steps, 3) °C, % and hPa."""
    return np.array([room.step(step_s) for _ in range(round(hours * 3600 / step_s))])


def test_magnus_gives_the_tabled_saturation_pressures():
    # WMO-No. 8, rounded
    for celsius, hpa in ((-10.0, 2.87), (0.0, 6.11), (20.0, 23.3), (30.0, 42.4)):
        assert saturation_hpa(celsius) == pytest.approx(hpa, rel=0.003)


@given(st.floats(-30, 50), st.floats(1, 100), st.floats(900, 1060))
def test_humidity_survives_the_way_to_a_mixing_ratio_and_back(celsius, percent, hpa):
    ratio = mixing_ratio(celsius, percent, hpa)
    assert relative_humidity(celsius, ratio, hpa) == pytest.approx(percent)


def test_the_same_seed_gives_the_same_air_and_another_seed_another():
    first, again, other = (live(Room(seed=seed), 3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1.0, 7.0, 60.0, 601.0, 3600.0]), st.integers(0, 366))
def test_any_room_stays_believable_at_any_step_and_season(seed, step_s, day):
    room = Room(RoomSettings.random(Random(seed)), seed, MONDAY_S + day * 86_400)
    room.settle(1.0)
    for _ in range(50):
        temperature, humidity, pressure = room.step(step_s)
        assert -25.0 < temperature < 65.0
        assert 0.0 <= humidity <= 100.0
        assert 880.0 < pressure < 1070.0


def test_a_room_left_alone_comes_to_the_balance_of_its_heat_flows():
    # a light room, so that it comes to rest within the test
    s = replace(ALONE, wall_heat=3e5)
    a, w, glass, outer, inner = (
        s.idle_w,
        s.air_to_wall,
        s.air_to_outdoor,
        s.wall_to_outdoor,
        s.wall_to_neighbour,
    )
    flows = np.array([[glass + w, -w], [-w, w + outer + inner]])
    sources = np.array([a + glass * STEADY.mean, outer * STEADY.mean + inner * s.neighbour])
    air, _ = np.linalg.solve(flows, sources)
    room = Room(s, seed=1)
    room.settle(3.0)
    assert room.step(60.0)[0] == pytest.approx(air, abs=0.02)


def test_coarse_steps_tell_the_same_story_as_fine_ones():
    fine, coarse = Room(replace(ALONE, window_m2=3.0), seed=4), Room(replace(ALONE, window_m2=3.0), seed=4)
    for _ in range(48):
        slow = live(fine, 1.0, 5.0)[-1]
        assert coarse.step(3600.0) == pytest.approx(tuple(slow), abs=0.1)


def test_in_a_closed_room_humidity_follows_temperature_and_the_water_stays():
    closed = replace(ALONE, buffer_rate_h=1e-9, moisture_g_h=0.0, window_m2=6.0)
    air = live(Room(closed, seed=2), 24)
    water = [mixing_ratio(*row) for row in air]
    assert np.ptp(air[:, 0]) > 2.0
    assert np.ptp(water) < 1e-6


def test_the_weather_of_a_seed_does_not_depend_on_the_steps_of_the_room():
    fine, coarse = Room(seed=9), Room(seed=9)
    live(fine, 5, 10.0)
    coarse.step(5 * 3600.0)
    assert fine.outdoors().temperature == pytest.approx(coarse.outdoors().temperature)
    assert fine.outdoors().pressure == pytest.approx(coarse.outdoors().pressure)


def test_summer_is_warmer_than_winter_and_noon_brighter_than_midnight():
    def day(start_s: float) -> list:
        weather = Weather(Climate(), 180.0, start_s, seed=3)
        return [weather.advance() for _ in range(7 * 144)]

    winter, summer = day(MONDAY_S), day(MONDAY_S + 182 * 86_400)
    assert np.mean([s.temperature for s in summer]) > np.mean([s.temperature for s in winter]) + 8
    for sky in (winter, summer):
        sun = np.array([s.sun for s in sky]).reshape(7, 144).mean(axis=0)
        assert sun[0] == sun[143] == 0.0
        assert sun[66:78].mean() > 50.0


def test_outdoor_air_never_holds_more_water_than_it_can():
    weather = Weather(Climate(), 180.0, MONDAY_S, seed=5)
    skies = [weather.advance() for _ in range(30 * 144)]
    assert max(relative_humidity(s.temperature, s.ratio, s.pressure) for s in skies) <= 100.0 + 1e-9


def test_the_thermostat_holds_the_day_and_lets_the_night_cool():
    room = Room(replace(RoomSettings(), window_m2=0.0, habit="nobody"), seed=1)
    room.settle(7.0)  # to a midnight
    air = live(room, 24)[:, 0]
    s = room.settings
    assert air[3 * 60 : 5 * 60].mean() == pytest.approx(s.setback, abs=0.6)
    assert air[12 * 60 : 20 * 60].mean() == pytest.approx(s.setpoint, abs=0.5)
    assert 0.1 < np.ptp(air[16 * 60 : 20 * 60]) < 2.0  # it switches


def test_a_cooler_keeps_a_fridge_cold():
    room = Room(PRESETS["fridge"], seed=1)
    room.settle(1.0)
    air = live(room, 24)[:, 0]
    assert 3.0 < air.min() < 5.0 < air.max() < 8.0


def test_people_warm_and_moisten_the_room_at_their_hours():
    cold = replace(RoomSettings(), heater_w=0.0)  # a thermostat would hide their heat
    lived_in, empty = (Room(replace(cold, habit=habit), seed=2) for habit in ("office", "nobody"))
    for room in (lived_in, empty):
        room.settle(7.0)
    more = live(lived_in, 7 * 24) - live(empty, 7 * 24)
    hour, weekday = np.arange(7 * 24 * 60) / 60 % 24, np.arange(7 * 24 * 60) // 1440
    working = (weekday < 5) & (hour > 10) & (hour < 12)
    before = (weekday < 5) & (hour > 4) & (hour < 6)
    gain = more[working].mean(axis=0) - more[before].mean(axis=0)
    assert gain[0] > 0.3
    assert gain[1] > 1.0


def test_the_water_set_free_in_a_closed_room_is_shared_by_air_and_surfaces():
    s = replace(ALONE, moisture_g_h=8.0, buffer_size=5.0, buffer_rate_h=2.0, wall_heat=3e5)
    room = Room(s, seed=3)
    room.settle(4.0)
    air = live(room, 48)
    gained = mixing_ratio(*air[-1]) - mixing_ratio(*air[0])
    kilograms = 1.2 * s.volume_m3
    assert gained == pytest.approx(s.moisture_g_h * 48 / kilograms / (1 + s.buffer_size), rel=0.1)


def worlds(disturbance: Disturbance, hours: float, seed: int = 6) -> tuple[np.ndarray, np.ndarray, Room]:
    """The same winter night's room, calm and disturbed."""
    calm, disturbed = Room(seed=seed), Room(seed=seed)
    for room in (calm, disturbed):
        room.settle(7.0)
    disturbed.disturbance = disturbance
    return live(calm, hours), live(disturbed, hours), disturbed


def test_an_open_window_brings_the_outdoors_in_and_closing_it_ends_that():
    calm, aired, room = worlds(Disturbance(ventilation=20.0), 1.0)
    assert aired[-1, 0] < calm[-1, 0] - 3.0
    indoors, outdoors = mixing_ratio(*calm[-1]), room.outdoors().ratio
    assert abs(mixing_ratio(*aired[-1]) - outdoors) < 0.3 * abs(indoors - outdoors)
    room.disturbance = CALM
    assert live(room, 3.0)[-1, 0] > aired[-1, 0] + 3.0


def test_a_failing_heater_lets_the_room_cool():
    calm, cold, _ = worlds(Disturbance(heating=0.0), 10.0)
    assert cold[-1, 0] < calm[-1, 0] - 1.5
    _, half, _ = worlds(Disturbance(heating=0.3), 10.0)
    assert cold[-1, 0] < half[-1, 0] < calm[-1, 0]


def test_steam_raises_the_humidity_and_never_beyond_saturation():
    calm, wet, _ = worlds(Disturbance(moistening=60.0), 0.5)
    assert wet[-1, 1] > calm[-1, 1] + 10.0
    _, soaked, _ = worlds(Disturbance(moistening=1e5), 0.5)
    assert soaked[:, 1].max() <= 100.0


def test_random_rooms_differ_and_follow_their_seed():
    drawn = [RoomSettings.random(Random(seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_an_impossible_room_is_refused():
    with pytest.raises(ConfigError, match="habit 'party' is unknown"):
        RoomSettings(habit="party")
    with pytest.raises(ConfigError, match="above 0"):
        RoomSettings(volume_m3=0.0)
    with pytest.raises(ConfigError, match="step must be above 0"):
        Room().step(0.0)
