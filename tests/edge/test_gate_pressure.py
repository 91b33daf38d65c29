"""A broken barometer: out of range, jumping, standing still. Judged by the model or not, it is the sensor."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate import Gate, beside
from edge.reading import CHANNELS, HUMIDITY, PRESSURE, TEMPERATURE, Reading, channel
from edge.sources.fault import Fault
from edge.sources.fault_kinds import KINDS
from edge.sources.simulator import simulate

JUDGED = (TEMPERATURE, HUMIDITY)
ALL = tuple(CHANNELS.values())
PERIOD_S = 10.0
LIVELY = [1000.0 + (n * 7 % 10) / 100.0 for n in range(300)]  # each differs from the one before


@pytest.fixture(params=["judged", "beside"])
def gate(request: pytest.FixtureRequest) -> Gate:
    """One whose model judges the pressure, and one whose model knows nothing of it."""
    return Gate(ALL) if request.param == "judged" else Gate(JUDGED, beside=beside(ALL, JUDGED))


def said(gate: Gate, *pressures: float | None, period_s: float = PERIOD_S) -> list[tuple[str, bool]]:
    """Quality, and whether the sensor is said to be broken, of readings one every `period_s`."""
    found: list[tuple[str, bool]] = []
    for number, pressure in enumerate(pressures):
        mono_ms = round(number * period_s * 1000)
        values = {"temperature": 21.0 + number % 3 / 10, "humidity": 45.0, "pressure": pressure}
        quality = gate.check(Reading(mono_ms, mono_ms, values)).quality
        found.append((quality, gate.sensor_fault))
    return found


@pytest.mark.parametrize("wrong", [0.0, 299.9, 1100.1, -5.0, float("nan"), float("inf")])
def test_a_pressure_that_cannot_be_is_a_sensor_fault_at_the_third_reading(gate: Gate, wrong: float) -> None:
    assert said(gate, 1000.0, wrong, wrong, wrong, 1000.0) == [
        ("ok", False),
        ("rejected", False),
        ("rejected", False),
        ("rejected", True),
        ("ok", False),
    ]


def test_a_pressure_that_jumps_once_is_held_back_without_a_fault(gate: Gate) -> None:
    assert said(gate, 1000.0, 1030.0, 1000.1) == [("ok", False), ("rejected", False), ("ok", False)]
    said(gate, 1000.0, 1030.0)
    assert "pressure jumped from 1000 hPa to 1030 hPa" in (gate.reason or "")


def test_a_pressure_that_jumps_about_is_a_sensor_fault(gate: Gate) -> None:
    jumps = said(gate, 1000.0, 1030.0, 960.0, 1050.0, 940.0, 1000.0)
    assert [broken for _, broken in jumps] == [False, False, False, False, True, False]


@given(st.floats(0.0, 1.0), st.booleans())
def test_a_spike_of_the_barometer_waits_for_a_second_reading(size: float, upwards: bool) -> None:
    least, most = KINDS["spike"].sizes["pressure"]
    height = (least + size * (most - least)) * (1 if upwards else -1)
    assert said(Gate(ALL), 1000.0, 1000.0 + height, 1000.0)[1:] == [("rejected", False), ("ok", False)]


def test_a_weather_front_a_door_and_a_lift_pass(gate: Gate) -> None:
    front = [1000.0 - n * 5.0 / 360.0 for n in range(360)]  # five hectopascal an hour
    door = [994.6, 995.0, 994.5]
    lift = [995.0 - n * 5.0 for n in range(5)]  # half a hectopascal a second
    assert {each for each in said(gate, *front, *door, *lift)} == {("ok", False)}


@pytest.mark.parametrize("period_s", [1.0, 2.0, 10.0, 60.0])
def test_a_pressure_that_stands_after_it_always_moved_is_a_stuck_sensor(gate: Gate, period_s: float) -> None:
    stands = [1000.0] * round(900 / period_s)
    found = said(gate, *LIVELY, *stands, 1000.2, 1000.1, period_s=period_s)
    first = [broken for _, broken in found].index(True)
    assert 180 <= (first - len(LIVELY)) * period_s <= 780
    assert all(broken for _, broken in found[first:-2])
    assert found[-2:] == [("ok", False)] * 2
    said(gate, *LIVELY, *stands, period_s=period_s)
    assert (gate.reason or "").endswith("though it always moves: the sensor is stuck")


def test_it_is_found_again_and_again(gate: Gate) -> None:
    broken = [fault for _, fault in said(gate, *(LIVELY + [1000.0] * 60) * 5)]
    assert sum(one and not before for before, one in pairwise(broken)) == 5


def test_a_coarse_barometer_may_stand_for_hours(gate: Gate) -> None:
    coarse = [round(1000.0 + n / 120.0) for n in range(3600)]  # in whole hectopascal
    assert {each for each in said(gate, *map(float, coarse))} == {("ok", False)}


@pytest.mark.parametrize("period_s", [2.0, 10.0])
def test_a_barometer_of_tenths_that_wavers_between_two_of_them_may_stand(period_s: float) -> None:
    room = simulate(86_400.0, period_s, 3, sensor="bme280")
    tenths = np.round(room.values[:, 2], 1).tolist()
    assert not any(broken for _, broken in said(Gate(ALL), *tenths, period_s=period_s))


def test_a_few_moves_are_no_habit(gate: Gate) -> None:
    assert {each for each in said(gate, *LIVELY[:150], *[1000.0] * 600)} == {("ok", False)}


def test_one_that_measures_more_seldom_than_it_is_asked_may_repeat_itself(gate: Gate) -> None:
    repeated = [value for value in LIVELY for _ in range(30)]  # a new one in five minutes
    assert {each for each in said(gate, *repeated)} == {("ok", False)}


def test_a_real_barometers_week_is_never_stuck() -> None:
    room = simulate(7 * 86_400.0, 60.0, 3, sensor="bme280")
    gate = Gate(ALL)
    for row in range(len(room)):
        gate.check(room.reading(row))
        assert not gate.sensor_fault, (row, gate.reason)


def test_a_frozen_bme280_is_its_sensors_fault() -> None:
    room = simulate(4 * 3600.0, PERIOD_S, 3, [Fault("frozen", 7200.0, 3600.0)], sensor="bme280")
    gate = Gate(JUDGED, beside=beside(room.channels, JUDGED))
    faulty = [gate.check(room.reading(row)) and gate.sensor_fault for row in range(len(room))]
    assert not any(faulty[:720]) and all(faulty[750:1080]) and not any(faulty[1081:])


def test_what_no_model_judges_may_be_missing_and_what_is_unknown_may_be_anything() -> None:
    air = channel("co2")
    gate = Gate(JUDGED, beside=beside((*ALL, air), JUDGED))
    assert said(gate, 1000.0, None, None, None, None, 1000.0) == [("ok", False)] * 6
    assert beside((*ALL, air), JUDGED) == (PRESSURE,)
