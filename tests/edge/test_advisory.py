"""The slow channel: a long shift is said once and ends; what a room does every day is not."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from edge.detection.advisory import HOUR_MS, LEVEL, Advisory, Past, Shift, remember
from edge.detection.detector_settings import DetectorSettings
from edge.reading import HUMIDITY, TEMPERATURE
from edge.recording import Recording

NAMES = ("temperature", "humidity")
DAY = 24
RELEASE: float = vars(DetectorSettings)["__dataclass_fields__"]["release"].default


def rhythm(hour: float) -> tuple[float, float]:
    """A room that is warmest in the afternoon, by 3 °C and 8 %."""
    turn = math.sin(2 * math.pi * hour / DAY)
    return 21.0 + 1.5 * turn, 45.0 - 4.0 * turn


def recorded(hours: int, room: Callable[[float], tuple[float, float]] = rhythm) -> Recording:
    """A reading every ten minutes."""
    at = np.arange(hours * 6) / 6.0
    values = np.array([room(hour) for hour in at])
    ts_ms = np.round(at * HOUR_MS).astype(np.int64)
    return Recording("history", ts_ms, (TEMPERATURE, HUMIDITY), values, None, None, 600.0, (), {}, ())


def said(
    past: Past, hours: int, room: Callable[[float], tuple[float, float]], every_s: float = 600.0
) -> list[Shift]:
    """What the advice says at the end of each hour."""
    advisory, out = Advisory(NAMES, past), []
    for hour in range(hours):
        for at in np.arange(hour * 3600.0, (hour + 1) * 3600.0, every_s):
            shift = advisory.update(int(at * 1000), room(at / 3600.0))
        out.append(shift)
    return out


def spells(shifts: list[Shift]) -> list[tuple[int, int]]:
    """First and last hour of each spell, with the hysteresis of the detector."""
    found: list[tuple[int, int]] = []
    opened: int | None = None
    for hour, shift in enumerate(shifts):
        if opened is None and shift.size >= LEVEL:
            opened = hour
        elif opened is not None and shift.size < RELEASE * LEVEL:
            found.append((opened, hour))
            opened = None
    return found if opened is None else [*found, (opened, len(shifts))]


def colder(hour: float) -> tuple[float, float]:
    """From the third day on the heating is off."""
    temperature, humidity = rhythm(hour)
    return (temperature - 8.0, humidity) if hour >= 2 * DAY else (temperature, humidity)


def test_a_long_shift_is_said_once_and_ends_when_it_has_become_usual() -> None:
    shifts = said(remember(recorded(28 * DAY)), 16 * DAY, colder)
    ((start, end),) = spells(shifts)
    assert 2 * DAY < start <= 2 * DAY + 6, "after hours, not after days"
    assert end < 9 * DAY, "the new is the usual before a week is over"
    worst = max(shifts, key=lambda shift: shift.size)
    assert NAMES[worst.channel] == "temperature"
    assert worst.lately == pytest.approx(13.0, abs=2.0)
    assert worst.usual == pytest.approx(21.0, abs=1.0)


def test_a_day_rhythm_is_not_said() -> None:
    shifts = said(remember(recorded(28 * DAY)), 30 * DAY, rhythm)
    assert max(shift.size for shift in shifts) < RELEASE * LEVEL


def test_an_hour_of_airing_is_not_said() -> None:
    def aired(hour: float) -> tuple[float, float]:
        temperature, humidity = rhythm(hour)
        return (temperature - 6.0, humidity - 10.0) if 60 <= hour < 61 else (temperature, humidity)

    assert spells(said(remember(recorded(28 * DAY)), 5 * DAY, aired)) == []


def test_an_even_room_may_move_a_little() -> None:
    # the weeks before were still to a tenth of a degree; nobody wants to hear of one degree
    past = Past(28 * DAY, ((21.0, 21.1), (45.0, 45.1)))
    for by, spoken in ((1.0, []), (3.0, [TEMPERATURE.name])):
        shifts = said(past, 12, lambda _, by=by: (21.05 + by, 45.05))  # type: ignore[misc]
        assert [NAMES[shift.channel] for shift in shifts if shift.size >= LEVEL][:1] == spoken


def test_after_a_short_history_less_is_said() -> None:
    sizes = []
    for days in (0.5, 3.0, 28.0):
        past = Past(round(days * DAY), remember(recorded(28 * DAY)).quantiles)
        sizes.append(max(shift.size for shift in said(past, 4, lambda _: (13.0, 45.0))))
    assert sizes == sorted(sizes)
    # as wide as 1 + 2 / days, with some hours more seen by then
    assert sizes[0] / sizes[2] == pytest.approx((1 + 2 / 28) / (1 + 2 / 0.5), rel=0.35)
    assert sizes[0] < LEVEL < sizes[2]


@pytest.mark.parametrize("every_s", [10.0, 900.0, 3600.0])
def test_it_says_the_same_however_often_the_sensor_is_read(every_s: float) -> None:
    past = remember(recorded(28 * DAY))
    usual, other = spells(said(past, 4 * DAY, colder)), spells(said(past, 4 * DAY, colder, every_s))
    assert len(usual) == len(other) == 1
    assert all(abs(a - b) <= 1 for a, b in zip(usual[0], other[0], strict=True))


def test_readings_that_are_missing_within_hours_and_for_hours_change_little() -> None:
    past, rng = remember(recorded(28 * DAY)), np.random.default_rng(1)
    advisory, whole = Advisory(NAMES, past), Advisory(NAMES, past)
    for minute in range(0, 4 * DAY * 60, 10):
        values = colder(minute / 60.0)
        expected = whole.update(minute * 60_000, values)
        if rng.random() < 0.5 and not 600 <= minute < 900:
            shift = advisory.update(minute * 60_000, values)
    assert shift.size == pytest.approx(expected.size, rel=0.15)
    assert shift.channel == expected.channel


def test_a_history_leaves_its_hours_and_their_quantiles() -> None:
    past = remember(recorded(100))
    assert past.hours == 100
    hourly = np.array([np.mean([rhythm(h + m / 6.0) for m in range(6)], axis=0) for h in range(100)])
    np.testing.assert_allclose([row[0] for row in past.quantiles], hourly.min(axis=0), rtol=1e-5)
    np.testing.assert_allclose([row[-1] for row in past.quantiles], hourly.max(axis=0), rtol=1e-5)
    assert {len(row) for row in past.quantiles} == {48}
    assert all(list(row) == sorted(row) for row in past.quantiles)


def test_rows_without_a_value_leave_nothing() -> None:
    history = recorded(50)
    history.values[::7, 1] = np.nan
    history.values[60:120] = np.nan
    past = remember(history)
    assert past.hours == 40
    assert np.isfinite(past.quantiles).all()


@pytest.mark.parametrize(
    "rows", [[[1.0, 2.0], [1.0]], [[1.0, float("nan")]], [[float(n) for n in range(49)]]]
)
def test_a_past_that_makes_no_sense_is_refused(rows: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="finite quantiles"):
        Past.from_json({"hours": 3, "quantiles": rows})
