"""Windows: exact, the same bits one by one as all at once, and what the obvious loop says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.window import INPUT_LIMIT, QUANTA_PER_STEP, VOLATILITY_SAMPLES, Window, Windowing, batches

LEVELS = 5


def windowing(channels: int = 2, warm_up: int = 3, gap_limit: int = 2) -> Windowing:
    return Windowing(
        channels=tuple(f"c{c}" for c in range(channels)),
        period_s=10.0,
        levels=LEVELS,
        gap_limit=gap_limit,
        warm_up=warm_up,
        centre=tuple(20.0 + c for c in range(channels)),
        step=tuple(0.1 * (c + 1) for c in range(channels)),
        spread=tuple(tuple(0.2 * (k + 1) for k in range(LEVELS - 1)) for _ in range(channels)),
    )


def naive_inputs(setup: Windowing, past: np.ndarray) -> np.ndarray:
    """The obvious way: `past` (n, C), the newest last, of one stretch without gaps."""
    out = []
    for c in range(past.shape[1]):
        x = np.round((past[:, c] - setup.centre[c]) / setup.quantum[c]) * setup.quantum[c]
        lagged = x[::-1]
        means = [lagged[1]]
        for level in range(2, setup.levels + 1):
            there = lagged[2 ** (level - 1) : 2**level]
            means.append(there.mean() if len(there) else means[-1])
        out.append((x[-1] - lagged[1]) / setup.step[c])
        out += [(means[k + 1] - lagged[1]) / setup.spread[c][k] for k in range(setup.levels - 1)]
        changes = np.abs(np.diff(x[:-1]))[-VOLATILITY_SAMPLES:]
        out.append(np.log(changes.mean() / setup.step[c] + 0.005))
    return np.clip(out, -INPUT_LIMIT, INPUT_LIMIT)


def one_by_one(setup: Windowing, values: np.ndarray, elapsed_s: np.ndarray) -> dict[int, np.ndarray]:
    window = Window(setup)
    found = {}
    for row, sample in enumerate(values):
        if not np.isfinite(sample).all():
            continue
        inputs = window.push(sample, float(elapsed_s[row]))
        if inputs is not None:
            found[row] = np.concatenate([inputs[0].astype(np.float64), window.previous])
    return found


def all_at_once(setup: Windowing, values: np.ndarray, elapsed_s: np.ndarray, most: int) -> dict[int, np.ndarray]:
    return {
        int(row): np.concatenate([inputs.astype(np.float64), previous])
        for batch in batches(setup, values, elapsed_s, most)
        for row, inputs, previous in zip(batch.rows, batch.inputs, batch.previous, strict=True)
    }


@st.composite
def series(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    rows = draw(st.integers(1, 120))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    values = 20 + np.cumsum(rng.normal(size=(rows, 2)) * draw(st.sampled_from([0.0, 0.05, 3.0])), axis=0)
    values[rng.random(rows) < draw(st.sampled_from([0.0, 0.1])), 0] = np.nan
    waits = rng.choice([10.0, 10.4, 4.0, 20.0, 30.0, 35.0, 500.0], rows, p=[0.8, 0.05, 0.05, 0.03, 0.03, 0.02, 0.02])
    whole = np.isfinite(values).all(axis=1)
    elapsed_s, last = np.zeros(rows), None
    for row, now in enumerate(np.cumsum(waits)):
        if whole[row]:
            elapsed_s[row] = 0.0 if last is None else now - last
            last = now
    return values, elapsed_s


@settings(max_examples=200, deadline=None)
@given(series(), st.sampled_from([1, 7, 65536]))
def test_one_by_one_and_all_at_once_give_the_same_bits(data: tuple[np.ndarray, np.ndarray], most: int) -> None:
    values, elapsed_s = data
    streamed = one_by_one(windowing(), values, elapsed_s)
    batched = all_at_once(windowing(), values, elapsed_s, most)
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
    rows = one_by_one(windowing(warm_up=3), values, waits).keys()
    assert list(rows) == [*range(3, 10), *range(13, 20)]


def test_a_window_that_has_run_for_years_is_still_exact() -> None:
    # the running sums pass the range of 64 bits and wrap round
    setup = windowing(channels=1)
    window = Window(setup)
    window._value_sums += np.iinfo(np.int64).max - 5
    fresh = Window(setup)
    for value in 20 + np.sin(np.arange(200)):
        aged, young = window.push([value], 10.0), fresh.push([value], 10.0)
    assert aged is not None and young is not None
    assert aged.tobytes() == young.tobytes()


def test_wild_values_stay_finite() -> None:
    window = Window(windowing(channels=1))
    for value in (20.0, 1e30, -1e30, 20.0, 5e-324, 1e308):
        inputs = window.push([value], 10.0)
    assert inputs is not None and np.isfinite(inputs).all()


@pytest.mark.parametrize(
    ("key", "value"),
    [("levels", 99), ("step", [0.0, 1.0]), ("spread", [[1.0]]), ("centre", [1.0]), ("period_s", float("nan"))],
)
def test_a_windowing_that_makes_no_sense_is_refused(key: str, value: object) -> None:
    table = {**windowing().to_json(), key: value}
    with pytest.raises(ValueError, match="."):
        Windowing.from_json(table)


def test_a_windowing_survives_its_own_json() -> None:
    assert Windowing.from_json(windowing().to_json()) == windowing()
    assert windowing().quantum[0] == pytest.approx(0.1 / QUANTA_PER_STEP)
