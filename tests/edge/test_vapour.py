"""The vapour in the air against tabled pressures and the way that a room moves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detection.vapour import change, log_pressure_pct, slope_per_degree

celsius = st.floats(-40.0, 80.0)
percent = st.floats(1.0, 100.0)


def one(temperature: float, humidity: float) -> float:
    return float(log_pressure_pct(np.array([temperature]), np.array([humidity]))[0])


@pytest.mark.parametrize(
    ("temperature", "hectopascal"), [(0.0, 6.11), (10.0, 12.27), (20.0, 23.39), (30.0, 42.47), (40.0, 73.85)]
)
def test_saturated_air_has_the_tabled_pressure(temperature: float, hectopascal: float) -> None:
    # the constant 6.112 hPa of the Magnus formula falls out of every difference and is left away
    ratio = math.exp((one(temperature, 100.0) - one(0.0, 100.0)) / 100.0)
    assert ratio == pytest.approx(hectopascal / 6.11, rel=0.005)


@given(celsius, st.floats(1.0, 50.0))
def test_twice_the_humidity_is_twice_the_water(temperature: float, humidity: float) -> None:
    more = one(temperature, 2 * humidity) - one(temperature, humidity)
    assert more == pytest.approx(100.0 * math.log(2.0))


@given(celsius, percent)
def test_the_slope_is_that_of_the_logarithm(temperature: float, humidity: float) -> None:
    step = 1e-3
    rise = (one(temperature + step, humidity) - one(temperature - step, humidity)) / (200.0 * step)
    assert slope_per_degree(temperature) == pytest.approx(rise, rel=1e-4)


@given(st.floats(-20.0, 60.0), st.floats(10.0, 90.0), st.floats(-0.1, 0.1), st.floats(-0.1, 0.1))
def test_a_small_change_is_the_difference_of_the_logarithms(
    temperature: float, humidity: float, by_celsius: float, by_pct: float
) -> None:
    difference = one(temperature + by_celsius, humidity + by_pct) - one(temperature, humidity)
    assert 100.0 * change(temperature, humidity, by_celsius, by_pct) == pytest.approx(difference, abs=0.02)


def test_heating_alone_leaves_the_water_as_it_was() -> None:
    # air at 20 °C and 50 %, heated to 25 °C, has 36.9 % left: saturation is 31.69 instead of 23.39 hPa
    assert one(25.0, 50.0 * 23.39 / 31.69) == pytest.approx(one(20.0, 50.0), abs=0.2)


@pytest.mark.parametrize("temperature", [-300.0, -243.12, -100.0, 125.0])
@pytest.mark.parametrize("humidity", [-5.0, 0.0, 100.0])
def test_whatever_a_sensor_says_it_is_a_number(temperature: float, humidity: float) -> None:
    assert math.isfinite(one(temperature, humidity))
    assert one(20.0, humidity) >= one(20.0, 0.0)


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_one_row_has_the_same_bits_as_many(rows: int, seed: int) -> None:
    table = np.random.default_rng(seed).uniform([-40.0, 0.0], [80.0, 100.0], (rows, 2))
    together = log_pressure_pct(table[:, 0], table[:, 1])
    alone = [log_pressure_pct(row[:, 0], row[:, 1]) for row in table[:, None]]
    assert together.tobytes() == np.concatenate(alone).tobytes()
