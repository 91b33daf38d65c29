"""Windows: exact, the same bits one by one as all at once, and what the obvious loop says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.window import INPUT_LIMIT, LEAST_VOLATILITY, VOLATILITY_SAMPLES, Window, Windows, batches
from edge.windowing import QUANTA_PER_STEP, View, Windowing

Series = tuple[np.ndarray, np.ndarray]  # values (n, C), seconds since the row before that is whole (n,)


def windowing(channels: int = 2, warm_up: int = 4, gap_limit: int = 2) -> Windowing:
    return Windowing(
        channels=tuple(f"c{c}" for c in range(channels)),
        period_s=10.0,
        gap_limit=gap_limit,
        warm_up=warm_up,
        centre=tuple(20.0 + c for c in range(channels)),
        views=(view(1, 5, channels), view(3, 4, channels)),
    )


def view(block: int, levels: int, channels: int) -> View:
    step = tuple(0.1 * (c + 1) * block for c in range(channels))
    return View(block, levels, step, tuple(tuple(0.2 * (k + block) for k in range(levels - 1)) for _ in step))


def naive_inputs(setup: Windowing, past: np.ndarray) -> np.ndarray:
    """The obvious way: `past` (n, C), the newest last, of one stretch without gaps."""
    out: list[float] = []
    for each in setup.views:
        for c in range(past.shape[1]):
            x = np.round((past[:, c] - setup.centre[c]) / setup.quantum[c]) * setup.quantum[c]
            lagged, block = x[::-1], each.block
            means: list[float] = []
            for level in range(1, each.levels + 1):
                there = lagged[block * 2 ** (level - 1) : block * 2**level]
                means.append(there.mean() if len(there) else means[-1])
            out.append((lagged[:block].mean() - means[0]) / each.step[c])
            out += [(means[k + 1] - means[0]) / each.spread[c][k] for k in range(each.levels - 1)]
            changes = np.abs(np.diff(x[:-block]))[-VOLATILITY_SAMPLES:]
            out.append(np.log(changes.mean() / setup.views[0].step[c] + LEAST_VOLATILITY))
    return np.clip(out, -INPUT_LIMIT, INPUT_LIMIT)


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


def all_at_once(setup: Windowing, data: Series, most: int) -> dict[int, np.ndarray]:
    return {
        int(row): row_of(batch.windows, at)
        for batch in batches(setup, *data, most)
        for at, row in enumerate(batch.rows)
    }


@st.composite
def series(draw: st.DrawFn) -> Series:
    rows = draw(st.integers(1, 120))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = 20 + np.cumsum(rng.normal(size=(rows, 2)) * draw(st.sampled_from([0.0, 0.05, 3.0])), axis=0)
    values[rng.random(rows) < draw(st.sampled_from([0.0, 0.1])), 0] = np.nan
    odd = rng.choice([10.4, 4.0, 20.0, 30.0, 35.0, 500.0], rows)
    waits = np.where(rng.random(rows) < 0.2, odd, 10.0)
    whole = np.isfinite(values).all(axis=1)
    elapsed_s, last = np.zeros(rows), None
    for row, now in enumerate(np.cumsum(waits)):
        if whole[row]:
            elapsed_s[row] = 0.0 if last is None else now - last
            last = now
    return values, elapsed_s


@settings(max_examples=200, deadline=None)
@given(series(), st.sampled_from([1, 7, 65536]))
def test_one_by_one_and_all_at_once_give_the_same_bits(data: Series, most: int) -> None:
    streamed = one_by_one(windowing(), *data)
    batched = all_at_once(windowing(), data, most)
    assert streamed.keys() == batched.keys()
    for row in streamed:
        assert streamed[row].tobytes() == batched[row].tobytes(), row


@settings(max_examples=100, deadline=None)
@given(st.integers(5, 90), st.integers(0, 2**32 - 1))
def test_a_window_is_what_the_obvious_loop_says(rows: int, seed: int) -> None:
    values = 20 + np.cumsum(np.random.default_rng(seed).normal(size=(rows, 2)), axis=0)
    streamed = one_by_one(windowing(), values, np.full(rows, 10.0))
    for row, found in streamed.items():
        expected = naive_inputs(windowing(), values[: row + 1])
        np.testing.assert_allclose(found[: len(expected)], expected, rtol=1e-5, atol=1e-5)


def test_the_blocks_of_each_view_are_given_in_physical_units() -> None:
    values = np.arange(20.0, 40.0, 0.5).reshape(-1, 1)
    window = Window(windowing(channels=1))
    for value in values:
        windows = window.push(value, 10.0)
    assert windows is not None
    np.testing.assert_allclose(windows.present[0, :, 0], [39.5, 39.0], atol=1e-3)
    np.testing.assert_allclose(windows.previous[0, :, 0], [39.0, 37.5], atol=1e-3)


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
    rows = one_by_one(windowing(warm_up=4), values, waits).keys()
    assert list(rows) == [*range(4, 10), *range(14, 20)]


def test_a_window_that_has_run_for_years_is_still_exact() -> None:
    # the running sums pass the range of 64 bits and wrap round
    setup = windowing(channels=1)
    aged, fresh = Window(setup), Window(setup)
    aged._value_sums += np.iinfo(np.int64).max - 5
    for value in 20 + np.sin(np.arange(200)):
        old, young = aged.push([value], 10.0), fresh.push([value], 10.0)
    assert old is not None and young is not None
    assert row_of(old, 0).tobytes() == row_of(young, 0).tobytes()


def test_wild_values_stay_finite() -> None:
    window = Window(windowing(channels=1))
    for value in (20.0, 1e30, -1e30, 20.0, 5e-324, 1e308):
        windows = window.push([value], 10.0)
    assert windows is not None and np.isfinite(row_of(windows, 0)).all()


SAYS_WHY = r"range|needed|scales|warm-up"


@pytest.mark.parametrize(
    ("key", "value"),
    [("levels", 99), ("step", [0.0, 1.0]), ("spread", [[1.0]]), ("block", 0), ("block", 2)],
)
def test_a_view_that_makes_no_sense_is_refused(key: str, value: object) -> None:
    table = windowing().to_json()
    table["views"] = [{**table["views"][0], key: value}]
    with pytest.raises(ValueError, match=SAYS_WHY):
        Windowing.from_json(table)


@pytest.mark.parametrize(
    ("key", "value"),
    [("centre", [1.0]), ("period_s", float("nan")), ("views", []), ("warm_up", 0), ("channels", [])],
)
def test_a_windowing_that_makes_no_sense_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=SAYS_WHY):
        Windowing.from_json({**windowing().to_json(), key: value})


def test_a_windowing_survives_its_own_json() -> None:
    assert Windowing.from_json(windowing().to_json()) == windowing()
    assert windowing().quantum[0] == pytest.approx(0.1 / QUANTA_PER_STEP)
