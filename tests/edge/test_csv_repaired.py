"""Disorder in time: what is followed, what is mended on request and how that is told."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.csvfile import read_csv
from tests.edge.series import NOON_MS, refusal


def test_an_hour_that_a_wall_clock_shows_twice_runs_on(climate):
    recording = read_csv(climate / "nab_temp/machine.csv")
    assert set(np.diff(recording.ts_ms)) == {300_000}
    assert "the clock was set back an hour at line 10151; the times after it run on" in recording.found


def wall_clock(first, count, offsets):
    """Rows every 10 min; from each row in `offsets` on, the clock shows so many hours less."""
    times = [first + timedelta(minutes=10 * n) for n in range(count)]
    shown = [t - timedelta(hours=offsets[max(k for k in offsets if k <= n)]) for n, t in enumerate(times)]
    return "time,temperature\n" + "".join(f"{t},20\n" for t in shown), times


def test_summer_time_that_comes_back_ends_the_shift(csv_file):
    text, times = wall_clock(datetime(2024, 10, 27), 100, {0: 0, 20: 1, 60: 0})
    recording = read_csv(csv_file(text))
    assert recording.ts_ms.tolist() == [t.replace(tzinfo=UTC).timestamp() * 1000 for t in times]
    assert recording.gaps == ()


@pytest.mark.parametrize("hours", [0.5, 2, 24])
def test_any_other_step_back_is_refused(csv_file, hours):
    text, _ = wall_clock(datetime(2024, 10, 27), 400, {0: 0, 200: hours})
    assert "line 202, column 'time':" in refusal(csv_file(text))


def test_a_step_back_in_times_that_name_their_zone_is_refused(csv_file):
    text, _ = wall_clock(datetime(2024, 10, 27), 100, {0: 0, 20: 1})
    assert "goes back" in refusal(csv_file(text.replace(",20", "Z,20")))


def test_two_rows_swapped_an_hour_apart_are_no_clock_change(csv_file):
    lines = wall_clock(datetime(2024, 10, 27), 40, {0: 0})[0].splitlines()
    lines[10], lines[16] = lines[16], lines[10]
    assert "goes back" in refusal(csv_file("\n".join(lines)))


def test_repair_mends_and_counts_everything(csv_file):
    text = """time,temperature,humidity,label
2024-05-01 12:00,20,40,0
2024-05-01 12:01,warm,41,0
2024-05-01 12:03,23,NaN,perhaps
2024-05-01 12:02,22,42,1
2024-05-01 12:02,99,99,0
when,24,44,0
2024-05-01 12:04,24
2024-05-01 12:04,24,44,0
"""
    recording = read_csv(csv_file(text), repair=True)
    assert recording.ts_ms.tolist() == [NOON_MS + 60_000 * n for n in range(5)]
    nan = np.nan
    expected = [[20, 40], [nan, 41], [22, 42], [23, nan], [24, 44]]
    np.testing.assert_array_equal(recording.values, expected)
    assert recording.labels.tolist() == [False, False, True, False, False]
    for sentence in (
        "1 cell of 'temperature' that is no number emptied",
        "1 cell of 'humidity' that is no number emptied",
        "2 rows sorted into their times",
        "1 row with a repeated time dropped",
        "1 row without a readable time left out",
        "1 line of another length left out",
        "1 unclear label taken for normal",
        "missing values: 1 of temperature, 1 of humidity",
    ):
        assert sentence in recording.found


def test_repair_changes_nothing_in_a_sound_file(climate):
    path = climate / "clean/uci_occ0.csv"
    strict, mended = read_csv(path), read_csv(path, repair=True)
    assert strict.found == mended.found
    np.testing.assert_array_equal(strict.values, mended.values)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(8)), st.lists(st.integers(0, 7), max_size=4))
def test_repair_sorts_any_disorder_and_keeps_the_first_of_equal_times(csv_file, order, again):
    rows = [*order, *again]
    lines = [f"{datetime(2024, 5, 1) + timedelta(minutes=m)},{n}" for n, m in enumerate(rows)]
    recording = read_csv(csv_file("\n".join(["time,temperature", *lines])), repair=True)
    first = [float(rows.index(minute)) for minute in range(8)]
    assert recording.values[:, 0].tolist() == first
