"""The gate: what a working sensor cannot say is held back, and a broken sensor is told from a bad reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate import Gate, fault_after
from edge.reading import HUMIDITY, PRESSURE, TEMPERATURE, Reading, channel

GOOD: dict[str, float | None] = {"temperature": 21.0, "humidity": 45.0}
FAILED: dict[str, float | None] = {"temperature": 21.0, "humidity": None}


def gate(period_s: float = 10.0) -> Gate:
    return Gate((TEMPERATURE, HUMIDITY), fault_after(period_s))


def faults(kept: Gate, *rows: dict[str, float | None]) -> list[bool]:
    """Whether the sensor is said to be broken after each of them."""
    said = []
    for row in rows:
        kept.check(Reading(0, 0, row))
        said.append(kept.sensor_fault)
    return said


def test_at_ten_seconds_the_third_failed_reading_in_a_row_is_a_fault() -> None:
    assert faults(gate(10.0), FAILED, FAILED, FAILED, FAILED) == [False, False, True, True]


def test_at_five_minutes_the_first_failed_reading_is_a_fault() -> None:
    assert faults(gate(300.0), GOOD, FAILED, GOOD) == [False, True, False]


def test_a_good_reading_between_begins_the_count_anew() -> None:
    assert faults(gate(), FAILED, FAILED, GOOD, FAILED, FAILED, FAILED) == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("period_s", "readings"), [(1.0, 3), (40.0, 3), (60.0, 2), (90.0, 2), (120.0, 1), (3600.0, 1)]
)
def test_a_fault_takes_three_readings_or_two_minutes(period_s: float, readings: int) -> None:
    assert fault_after(period_s) == readings


@given(st.floats(0.1, 86_400.0))
def test_a_fault_always_takes_one_to_three_readings(period_s: float) -> None:
    assert 1 <= fault_after(period_s) <= 3


@pytest.mark.parametrize(
    ("values", "quality", "why"),
    [
        (GOOD, "ok", None),
        (FAILED, "missing", "the sensor gave no humidity"),
        ({"temperature": 21.0}, "missing", "the sensor gave no humidity"),
        ({"temperature": 126.0, "humidity": 45.0}, "rejected", "temperature 126 °C, which cannot be"),
        ({"temperature": float("nan"), "humidity": 45.0}, "rejected", "temperature nan °C, which cannot be"),
        ({"temperature": 21.0, "humidity": 100.5}, "rejected", "humidity 100.5 %, which cannot be"),
        ({"temperature": 0.0, "humidity": 0.0}, "rejected", "zero for everything"),
        ({"temperature": 0.0, "humidity": 80.0}, "ok", None),
    ],
)
def test_a_reading_is_let_through_or_held_back_with_a_reason(
    values: dict[str, float | None], quality: str, why: str | None
) -> None:
    kept = gate()
    assert kept.check(Reading(0, 0, values)).quality == quality
    assert (kept.reason is None) if why is None else (kept.reason is not None and why in kept.reason)


def test_a_retried_reading_stays_a_retried_one() -> None:
    assert gate().check(Reading(0, 0, GOOD, "retried")).quality == "retried"


def test_zero_is_a_value_like_any_other_for_one_channel_and_for_unknown_ones() -> None:
    assert Gate((TEMPERATURE,)).check(Reading(0, 0, {"temperature": 0.0})).quality == "ok"
    both = Gate((channel("co2"), channel("noise")))
    assert both.check(Reading(0, 0, {"co2": 0.0, "noise": 0.0})).quality == "ok"
    assert Gate((PRESSURE,)).check(Reading(0, 0, {"pressure": 0.0})).quality == "rejected"
