"""The gate: what a working sensor cannot say is held back, and a broken sensor is told from a bad reading."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate import Gate, fault_after
from edge.gate_mixup import mixup
from edge.reading import CHANNELS, HUMIDITY, PRESSURE, TEMPERATURE, Reading, channel
from edge.sources.fault_kinds import KINDS

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


Pair = tuple[float, float]  # °C, %
USUAL, GLITCH = (21.5, 48.7), (8.7, 35.9)


def qualities(*pairs: Pair, period_s: float = 10.0, kept: Gate | None = None) -> list[str]:
    """What becomes of readings of °C and %, one every `period_s` seconds."""
    kept = kept or gate(period_s)
    said = []
    for number, (temperature, humidity) in enumerate(pairs):
        mono_ms = round(number * period_s * 1000)
        values: dict[str, float | None] = {"temperature": temperature, "humidity": humidity}
        said.append(kept.check(Reading(mono_ms, mono_ms, values)).quality)
    return said


@pytest.mark.parametrize("period_s", [2.5, 10.0, 60.0, 300.0])
def test_a_wrong_reading_waits_and_the_next_one_denies_it(period_s: float) -> None:
    kept = gate(period_s)
    assert qualities(USUAL, GLITCH, USUAL, period_s=period_s, kept=kept) == ["ok", "rejected", "ok"]
    assert not kept.sensor_fault and kept.reason is None


def test_the_sentence_says_what_jumped_and_from_where() -> None:
    kept = gate(300.0)
    qualities(USUAL, GLITCH, kept=kept)
    assert kept.reason == (
        "temperature and humidity jumped from 21.5 °C and 48.7 % to 8.7 °C and 35.9 %, "
        "faster than air can: it waits for a second reading"
    )
    assert not kept.sensor_fault, "even where one failed reading is a fault"


@pytest.mark.parametrize("second", [GLITCH, (9.5, 37.0), (6.0, 30.0), (13.0, 41.0)])
def test_a_jump_that_goes_on_the_same_way_is_believed_at_the_second_reading(second: Pair) -> None:
    assert qualities(USUAL, GLITCH, second, second) == ["ok", "rejected", "ok", "ok"]


def test_readings_that_jump_from_here_to_there_are_a_broken_sensor() -> None:
    kept = gate()
    wild = [GLITCH, (60.0, 90.0), GLITCH, (60.0, 90.0)]
    assert qualities(USUAL, *wild, kept=kept) == ["ok"] + ["rejected"] * 4
    assert kept.sensor_fault
    assert qualities(USUAL, kept=kept) == ["ok"] and not kept.sensor_fault


def test_after_a_long_silence_any_value_is_believed() -> None:
    assert qualities(USUAL, GLITCH, period_s=3600.0) == ["ok", "ok"]


def test_a_simulated_room_that_lives_fast_jumps_as_far_as_its_own_time_allows() -> None:
    assert qualities(USUAL, GLITCH, period_s=1.0, kept=Gate((TEMPERATURE, HUMIDITY))) == ["ok", "rejected"]
    quick = Gate((TEMPERATURE, HUMIDITY), speed=3600.0)
    assert qualities(USUAL, GLITCH, period_s=1.0, kept=quick) == ["ok", "ok"]


@pytest.mark.parametrize("name", ["temperature", "humidity"])
@given(size=st.floats(0.0, 1.0), upwards=st.booleans())
def test_a_spike_of_one_value_is_an_event_to_be_found_and_not_held_back(
    name: str, size: float, upwards: bool
) -> None:
    least, most = KINDS["spike"].sizes[name]
    usual: dict[str, float | None] = {"temperature": 21.5, "humidity": 50.0, "pressure": 1000.0}
    height = (least + size * (most - least)) * (1 if upwards else -1)
    kept = Gate(tuple(CHANNELS.values()))
    kept.check(Reading(0, 0, usual))
    spiked = {**usual, name: (usual[name] or 0.0) + height}
    assert kept.check(Reading(10_000, 10_000, spiked)).quality == "ok"


@given(st.floats(-40.0, 80.0), st.floats(3.5, 100.0))
def test_what_a_dht22_says_is_never_taken_for_another_sensor(temperature: float, humidity: float) -> None:
    assert mixup({"temperature": round(temperature, 1), "humidity": round(humidity, 1)}) is None


@given(st.integers(5, 95), st.integers(0, 9), st.integers(0, 50), st.integers(0, 9), st.booleans())
def test_every_dht11_is_known_by_its_bytes_when_it_is_read_as_a_dht22(
    percent: int, tenth_percent: int, degrees: int, tenth_degrees: int, below_zero: bool
) -> None:
    low = tenth_degrees | (0x80 if below_zero else 0)
    read = {"temperature": (degrees * 256 + low) / 10, "humidity": (percent * 256 + tenth_percent) / 10}
    assert 'set sensor = "DHT11"' in (mixup(read) or "")


@given(st.integers(0, 1000), st.integers(-400, 800))
def test_every_dht22_is_known_when_it_is_read_as_a_dht11(tenth_percent: int, tenth_degrees: int) -> None:
    high, low = abs(tenth_degrees) >> 8, abs(tenth_degrees) & 0xFF
    sign = 0x80 if tenth_degrees < 0 else 0
    read = {"temperature": (high | sign) + (low & 0x0F) / 10, "humidity": float(tenth_percent >> 8)}
    assert 'set sensor = "DHT22"' in (mixup(read) or "")


@pytest.mark.data
def test_of_recorded_rooms_not_one_reading_in_ten_thousand_waits_and_no_event_is_lost(climate: Path) -> None:
    from trainer.benchmark.series import read_index

    calm = waiting = 0
    for series in read_index(climate, ["clean", "intel_raw", "lwsndr", "arduino", "nab_temp"]):
        kept, held = Gate(series.channels), []
        for ts_ms, row in zip(series.ts_ms.tolist(), series.values.tolist(), strict=True):
            kept.check(Reading(ts_ms, ts_ms, {c.name: v for c, v in zip(series.channels, row, strict=True)}))
            held.append("second reading" in (kept.reason or ""))
        labels = series.labels.tolist()
        calm += labels.count(False)
        waiting += sum(h for h, label in zip(held, labels, strict=True) if not label)
        assert sum(h for h, label in zip(held, labels, strict=True) if label) <= 5
    assert calm > 100_000 and waiting * 10_000 < calm
