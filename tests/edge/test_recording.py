"""The noun itself: parts that fit, period, gaps, and a file that reads back the same."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.csvfile import read_csv, write_csv
from edge.errors import RecordingError
from edge.reading import in_order
from edge.recording import Recording, find_gaps, sampling_period
from tests.edge.series import NOON_MS


@pytest.mark.parametrize(
    "steps_ms, period_s",
    [
        ([60_000] * 5, 60.0),
        ([59_900, 59_950, 59_900, 60_100, 59_900], 60.0),
        ([61_000] * 5, 61.0),
        ([60_000, 60_000, 9_000_000, 60_000], 60.0),
        ([2_004, 2_003, 2_005], 2.0),
        ([250] * 4, 0.25),
        ([60_000, 0, -60_000, 60_000, 60_000], 60.0),
    ],
)
def test_the_period_is_robust_and_snaps_to_what_was_meant(steps_ms, period_s):
    assert sampling_period(np.cumsum([NOON_MS, *steps_ms])) == period_s


@pytest.mark.parametrize("missing, is_gap", [(0, False), (3, False), (4, True), (500, True)])
def test_more_than_three_missing_rows_are_a_gap(missing, is_gap):
    ts_ms = np.cumsum([NOON_MS, 60_000, 60_000 * (missing + 1), 60_000])
    expected = ((int(ts_ms[1]), int(ts_ms[2])),) if is_gap else ()
    assert find_gaps(ts_ms, 60.0) == expected


def test_a_part_of_a_recording_has_its_own_rows_and_gaps(climate):
    whole = read_csv(climate / "nab_temp/ambient.csv")
    row = int(np.flatnonzero(whole.ts_ms == whole.gaps[1][0])[0])
    part = whole.between(row - 10, row + 10)
    assert len(part) == 20 and part.gaps == (whole.gaps[1],)
    assert part.ts_ms.tolist() == whole.ts_ms[row - 10 : row + 10].tolist()
    np.testing.assert_array_equal(part.values, whole.values[row - 10 : row + 10])
    np.testing.assert_array_equal(part.labels, whole.labels[row - 10 : row + 10])
    assert whole.between(row, row).gaps == ()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_parts_of_a_recording_one_after_the_other_are_the_whole(climate, data):
    whole = read_csv(climate / "nab_temp/ambient.csv")
    cut = data.draw(st.integers(0, len(whole)))
    joined = whole.between(0, cut).followed_by(whole.between(cut, len(whole)))
    np.testing.assert_array_equal(joined.ts_ms, whole.ts_ms)
    np.testing.assert_array_equal(joined.values, whole.values)
    np.testing.assert_array_equal(joined.labels, whole.labels)
    assert (joined.gaps, joined.kinds, joined.name) == (whole.gaps, None, whole.name)


def hours(first, kinds=None, labels=None, channels=("temperature",)):
    """Two rows, an hour apart."""
    return Recording(
        name=f"from {first} on",
        ts_ms=NOON_MS + 3_600_000 * np.array([first, first + 1]),
        channels=in_order(channels),
        values=np.full((2, len(channels)), 20.0),
        labels=labels,
        kinds=kinds,
        period_s=3600.0,
        gaps=(),
        columns={},
        found=(),
    )


def test_what_is_not_known_of_one_part_is_not_made_up_for_the_whole():
    calm, marked = hours(0), hours(9, kinds=("spike", None), labels=np.array([True, False]))
    joined = calm.followed_by(marked)
    assert joined.kinds == (None, None, "spike", None) and joined.labels is None
    assert joined.gaps == ((int(calm.ts_ms[-1]), int(marked.ts_ms[0])),)
    assert marked.followed_by(hours(11)).kinds == ("spike", None, None, None)


@pytest.mark.parametrize(
    "other, complaint",
    [
        (hours(2, channels=("temperature", "humidity")), "has temperature, humidity, cannot follow"),
        (hours(1), "from 1 on: begins before from 0 on ends"),
        (hours(-5), "from -5 on: begins before from 0 on ends"),
    ],
)
def test_a_recording_is_followed_by_a_later_one_of_the_same_channels_alone(other, complaint):
    with pytest.raises(RecordingError, match=complaint):
        hours(0).followed_by(other)


@pytest.mark.parametrize(
    "change, complaint",
    [
        ({"values": np.zeros((3, 1))}, "values for 4 times"),
        ({"labels": np.zeros(3, bool)}, "labels or kinds"),
        ({"ts_ms": np.array([1, 2, 2, 3])}, "do not increase"),
    ],
)
def test_a_recording_whose_parts_do_not_fit_cannot_be_made(change, complaint):
    parts = {
        "name": "made up",
        "ts_ms": np.arange(4),
        "channels": in_order({"temperature"}),
        "values": np.zeros((4, 1)),
        "labels": None,
        "kinds": None,
        "period_s": 0.001,
        "gaps": (),
        "columns": {},
        "found": (),
    }
    with pytest.raises(RecordingError, match=complaint):
        Recording(**(parts | change))


VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.just(float("nan"))


@st.composite
def recordings(draw):
    """Any recording that has a value in every channel."""
    names = draw(
        st.sets(st.sampled_from(["temperature", "humidity", "pressure", "co2", "Licht im Raum"]), min_size=1)
    )
    rows = draw(st.integers(2, 12))
    start = draw(st.integers(0, 4_000_000_000_000))
    ts_ms = np.cumsum([start, *draw(st.lists(st.integers(1, 10**8), min_size=rows - 1, max_size=rows - 1))])
    cells = st.lists(VALUES, min_size=rows, max_size=rows).filter(lambda v: not np.isnan(v).all())
    labels = draw(st.none() | st.lists(st.booleans(), min_size=rows, max_size=rows))
    period_s = sampling_period(ts_ms)
    return Recording(
        name="series",
        ts_ms=ts_ms,
        channels=in_order(names),
        values=np.array([draw(cells) for _ in names]).T,
        labels=None if labels is None else np.array(labels),
        kinds=None,
        period_s=period_s,
        gaps=find_gaps(ts_ms, period_s),
        columns={c.name: c.key for c in in_order(names)},
        found=(),
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(recordings())
def test_what_is_written_reads_back_bit_by_bit(tmp_path, recording):
    path = tmp_path / "series.csv"
    write_csv(recording, path)
    back = read_csv(path)
    np.testing.assert_array_equal(back.ts_ms, recording.ts_ms)
    np.testing.assert_array_equal(back.values, recording.values)
    assert (back.labels is None) == (recording.labels is None)
    assert recording.labels is None or back.labels.tolist() == recording.labels.tolist()
    for same in ("name", "channels", "period_s", "gaps", "columns", "kinds"):
        assert getattr(back, same) == getattr(recording, same)
