"""Windows: exact, the same bits one by one as all at once, and what the obvious loop says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.detection.window import Window, Windows, batches
from edge.detection.windowing import Windowing
from tests.edge.naive_window import naive_inputs
from tests.edge.rooms import ROOMS, VIEWS, Series, samples_of, series, windowing


def row_of(windows: Windows, row: int) -> np.ndarray:
    """All that a window says, in one row of float64."""
    return np.concatenate([np.asarray(part[row], np.float64).ravel() for part in windows])


def one_by_one(setup: Windowing, values: np.ndarray, elapsed_s: np.ndarray) -> dict[int, np.ndarray]:
    window = Window(setup)
    found = {}
    for row, sample in enumerate(values):
        if np.isfinite(sample).all() and (windows := window.push(sample, float(elapsed_s[row]))) is not None:
            found[row] = row_of(windows, 0)
    return found


def all_at_once(data: Series, most: int) -> dict[int, np.ndarray]:
    return {
        int(row): row_of(batch.windows, at)
        for batch in batches(*data, most)
        for at, row in enumerate(batch.rows)
    }


@settings(max_examples=200, deadline=None)
@given(series(), st.sampled_from([1, 7, 8192]))
def test_one_by_one_and_all_at_once_give_the_same_bits(data: Series, most: int) -> None:
    streamed, batched = one_by_one(*data), all_at_once(data, most)
    assert streamed.keys() == batched.keys()
    for row in streamed:
        assert streamed[row].tobytes() == batched[row].tobytes(), row


@settings(max_examples=100, deadline=None)
@given(series(), st.data())
def test_a_window_is_what_the_obvious_loop_says(data: Series, draw: st.DataObject) -> None:
    setup = data[0]
    streamed, samples = one_by_one(*data), samples_of(data)
    assert set(streamed) == {row for row, stretch in samples.items() if len(stretch) > setup.warm_up}
    for row in sorted(streamed)[draw.draw(st.integers(0, 9)) :: 10]:
        expected = naive_inputs(setup, samples[row])
        assert len(expected) == setup.width
        np.testing.assert_allclose(streamed[row][: setup.width], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("channels", ROOMS)
@pytest.mark.parametrize("views", VIEWS)
def test_each_input_has_one_place(channels: tuple[str, ...], views: tuple[tuple[int, int], ...]) -> None:
    setup = windowing(channels, views)
    places = [setup.inputs_of(v, c) for v in range(len(views)) for c in range(len(channels))]
    places += [setup.trace_inputs(k) for k in range(len(setup.traces))]
    inputs = [place for each in places for place in range(each.start, each.stop)]
    assert inputs == list(range(setup.width - 3)), "the last three tell of the room"


def test_the_expectation_does_not_see_the_newest_block_but_as_its_present() -> None:
    setup = windowing(("temperature",))
    calm = 20 + 0.1 * np.sin(np.arange(40.0))[:, None]
    jumped = calm.copy()
    jumped[-1] += 1.0
    before, after = (one_by_one(setup, values, np.full(40, 10.0))[39] for values in (calm, jumped))
    changed = {at for at in range(setup.expectation_width) if before[at] != after[at]}
    assert changed == {setup.inputs_of(v, 0).start for v in range(2)}


def test_the_blocks_of_each_view_are_given_in_physical_units() -> None:
    values = np.arange(20.0, 40.0, 0.5)
    window = Window(windowing(("temperature",)))
    for value in values:
        windows = window.push([value], 10.0)
    assert windows is not None
    np.testing.assert_allclose(windows.present[0, :, 0], [39.5, 39.0], atol=1e-3)
    np.testing.assert_allclose(windows.previous[0, :, 0], [39.0, 37.5], atol=1e-3)
    np.testing.assert_allclose(windows.level[0], [(39.5 - 20.1) / 2.0], atol=1e-3)


def test_a_short_gap_is_filled_with_the_last_value() -> None:
    ramp = np.arange(20, 40, 0.5).repeat(2).reshape(-1, 2)
    held = np.concatenate([ramp[:30], ramp[29:30], ramp[29:30], ramp[30:]])
    waits = np.full(len(ramp), 10.0)
    waits[30] = 30.0
    gap = one_by_one(windowing(), ramp, waits)
    filled = one_by_one(windowing(), held, np.full(len(held), 10.0))
    assert gap[35].tobytes() == filled[37].tobytes()


def test_a_long_gap_starts_the_window_anew() -> None:
    values = np.full((20, 2), 21.0)
    waits = np.full(20, 10.0)
    waits[10] = 50.0
    rows = one_by_one(windowing(), values, waits).keys()
    assert list(rows) == [*range(6, 10), *range(16, 20)]


def test_a_window_that_has_run_for_years_is_still_exact() -> None:
    # the running sums pass the range of 64 bits and wrap round
    setup = windowing(("temperature",))
    aged, fresh = Window(setup), Window(setup)
    for at, value in enumerate(20 + np.sin(np.arange(400))):
        old, young = aged.push([value], 10.0), fresh.push([value], 10.0)
        if at == 2:
            aged._values += np.iinfo(np.int64).max - 5
            aged._changes += np.iinfo(np.int64).max - 5
    assert old is not None and young is not None
    assert row_of(old, 0).tobytes() == row_of(young, 0).tobytes()


@pytest.mark.parametrize("channels", [("co2",), ("co2", "humidity"), ("pressure", "temperature")])
def test_wild_values_stay_finite(channels: tuple[str, ...]) -> None:
    window = Window(windowing(channels))
    for value in (20.0, 1e30, -1e30, 20.0, 5e-324, -1e308, 1e308):
        windows = window.push([value] * len(channels), 10.0)
    assert windows is not None and np.isfinite(row_of(windows, 0)).all()
    assert abs(windows.inputs).max() <= 12.0
