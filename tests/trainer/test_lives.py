"""Lives to learn from: what is clean, what is spoilt, and what the networks are told of it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from edge.detection.signals import SHAPES
from edge.reading import CHANNELS, TEMPERATURE
from edge.recording import Recording
from edge.sources.faults import KINDS
from edge.sources.simulator import simulate
from trainer.networks import EXPECTATION_INPUTS, SHAPE_INPUTS
from trainer.pretraining.examples import MOST_ROWS, UNDECIDED_ROWS, UNKNOWN, Examples, examples, together
from trainer.pretraining.lives import Life, life
from trainer.pretraining.oddities import OTHER, put_in
from trainer.pretraining.surrogate import surrogate

SEEDS = range(8)


@cache
def lived(seed: int) -> Life:
    return life(seed)


def parts(one: Life) -> list[Recording]:
    return [one.history, one.clean, one.spoilt]


def labelled(recording: Recording) -> np.ndarray:
    return np.array([kind is not None for kind in recording.kinds or ()])


def differing(one: Life) -> np.ndarray:
    """(n,) whether any channel of the spoilt life is another than of the clean one."""
    same = (one.clean.values == one.spoilt.values) | np.isnan(one.clean.values) & np.isnan(one.spoilt.values)
    return np.asarray(~same.all(axis=1))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_life_is_the_same_by_seed(seed: int) -> None:
    for ours, theirs in zip(parts(lived(seed)), parts(life(seed)), strict=True):
        np.testing.assert_array_equal(ours.values, theirs.values)
        np.testing.assert_array_equal(ours.ts_ms, theirs.ts_ms)
        assert (ours.kinds, ours.channels, ours.period_s) == (theirs.kinds, theirs.channels, theirs.period_s)


def test_no_life_is_like_another() -> None:
    starts = {lived(seed).clean.values[:200].tobytes() for seed in SEEDS}
    assert len(starts) == len(SEEDS)
    kinds = {kind for seed in SEEDS for kind in lived(seed).spoilt.kinds or () if kind}
    assert OTHER in kinds and len(kinds & set(KINDS)) > 3, "there are oddities, and faults of the library"
    assert {len(lived(seed).clean.channels) for seed in SEEDS} == {1, 2}
    assert len({lived(seed).clean.period_s for seed in SEEDS}) > 2


@pytest.mark.parametrize("seed", SEEDS)
def test_the_history_of_a_life_is_clean_in_both(seed: int) -> None:
    one = lived(seed)
    past = len(one.history)
    assert 0 < past < len(one.clean) == len(one.spoilt)
    for each in (one.clean, one.spoilt):
        np.testing.assert_array_equal(each.values[:past], one.history.values)
        np.testing.assert_array_equal(each.ts_ms[:past], one.history.ts_ms)
        assert each.channels == one.history.channels
        assert not labelled(each)[:past].any()
    assert not labelled(one.clean).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_events_are_labelled_where_something_is_wrong(seed: int) -> None:
    one = lived(seed)
    marked, wrong = labelled(one.spoilt), differing(one)
    assert marked.any() and not marked.all()
    assert set(one.spoilt.kinds or ()) - {None} <= {OTHER, *KINDS}
    first = int(np.argmax(marked))
    assert not wrong[:first].any(), "nothing differs before the first event"
    assert (wrong & marked).sum() > 0.5 * marked.sum(), "most of what is labelled shows"
    if OTHER in (one.spoilt.kinds or ()):
        assert not (wrong & ~marked).any(), "an oddity leaves nothing behind"


def test_some_lives_are_of_the_recorded_rooms() -> None:
    room = simulate(20 * 86_400.0, 300.0, seed=4)
    assert room.channels == tuple(CHANNELS[name] for name in ("temperature", "humidity"))
    marked = replace(room, values=np.round(room.values) + 0.125)
    pieces = [life(seed, (marked,)) for seed in range(6)]
    ours = [each for each in pieces if (each.clean.values % 1 == 0.125).all()]
    assert 0 < len(ours) < len(pieces)
    assert all(each.clean.period_s == 300.0 for each in ours)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(300, 3000), st.sampled_from([2.0, 60.0, 3600.0]))
def test_a_surrogate_is_a_temperature_that_a_sensor_could_have_sent(
    seed: int, rows: int, period_s: float
) -> None:
    made = surrogate(np.random.default_rng(seed), rows, period_s)
    assert made.values.shape == (rows, 1)
    assert made.channels == (TEMPERATURE,)
    assert np.isfinite(made.values).all()
    assert TEMPERATURE.low <= made.values.min() and made.values.max() <= TEMPERATURE.high
    assert set(np.diff(made.ts_ms).tolist()) == {round(period_s * 1000)}
    again = surrogate(np.random.default_rng(seed), rows, period_s)
    np.testing.assert_array_equal(made.values, again.values)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(10, 1500))
def test_oddities_differ_only_where_they_are_labelled_and_stay_in_the_range(seed: int, rows: int) -> None:
    room = simulate(2 * 86_400.0, 60.0, seed=4)
    history, rest = room.between(0, 1000), room.between(1000, 1000 + rows)
    spoilt = put_in(rest, history, np.random.default_rng(seed))
    marked = labelled(spoilt)
    np.testing.assert_array_equal(spoilt.values[~marked], rest.values[~marked])
    for column, channel in zip(spoilt.values.T, spoilt.channels, strict=True):
        assert channel.low <= column.min() and column.max() <= channel.high
    np.testing.assert_array_equal(
        rest.values, room.values[1000 : 1000 + rows], "the clean rest is left alone"
    )


@pytest.mark.parametrize("seed", range(4))
def test_examples_have_the_inputs_and_answers_of_both_networks(seed: int) -> None:
    shown = examples(lived(seed), seed)
    assert shown is not None
    assert shown.around.shape == (len(shown.newest), EXPECTATION_INPUTS)
    assert shown.away.shape == (len(shown.shapes), SHAPE_INPUTS)
    assert shown.shapes.shape[1] == len(SHAPES)
    assert 0 < len(shown.away) <= MOST_ROWS
    assert set(np.unique(shown.shapes)) <= {0.0, 1.0, UNKNOWN}
    assert all(np.isfinite(part).all() for part in shown)
    again = examples(lived(seed), seed)
    assert again is not None
    assert all((ours == theirs).all() for ours, theirs in zip(shown, again, strict=True))


def test_the_newest_block_of_a_room_is_what_its_expectation_is_asked_for() -> None:
    """A jump shows in the answer of its own channel and in what the partner's expectation sees."""
    room = simulate(2 * 86_400.0, 600.0, seed=4)
    values = room.values.copy()
    values[250:, 0] += 30.0
    jump = replace(room, values=values)
    shown = examples(Life(room.between(0, 200), jump, _told(jump, [None] * len(room))), 0)
    assert shown is not None
    temperature, humidity = np.split(shown.newest, 2)  # one view: first all of one channel, then of the other
    assert temperature.max() > 10 > abs(humidity).max() / 2
    row = int(np.argmax(temperature))
    partner = np.split(shown.around, 2)[1][row]
    assert (partner == temperature[row]).any()
    assert not (np.split(shown.around, 2)[0][row] == temperature[row]).any()


def _told(recording: Recording, kinds: list[str | None]) -> Recording:
    return replace(recording, labels=None, kinds=tuple(kinds))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, None, OTHER, "window_open", "spike", "noise_burst"]), st.integers(1, 20)
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_answers_are_what_goes_on_and_unknown_where_nobody_can_say(
    runs: list[tuple[str | None, int]],
) -> None:
    room = simulate(2 * 86_400.0, 600.0, seed=4)
    history = room.between(0, 200)
    told = [kind for kind, length in runs for _ in range(length)][: len(room) - 200]
    kinds: list[str | None] = [None] * 200 + told + [None] * (len(room) - 200 - len(told))
    shown = examples(Life(history, room, _told(room, kinds)), 0)
    assert shown is not None
    expected = [_naive_answers(kinds, row) for row in range(200, len(room))]
    np.testing.assert_array_equal(shown.shapes, expected)


def _naive_answers(kinds: list[str | None], row: int) -> list[float]:
    kind = kinds[row]
    if kind is None:
        lately = any(kinds[row - back] is not None for back in range(1, UNDECIDED_ROWS + 1) if back <= row)
        return [UNKNOWN if lately else 0.0] + [0.0] * (len(SHAPES) - 1)
    if kind == OTHER:
        return [1.0] + [UNKNOWN] * (len(SHAPES) - 1)
    return [1.0] + [float(kind == shape) for shape in SHAPES[1:]]


def test_a_life_with_too_short_a_history_teaches_nothing() -> None:
    room = simulate(2 * 86_400.0, 600.0, seed=4)
    assert examples(Life(room.between(0, 90), room, _told(room, [None] * len(room))), 0) is None


def test_examples_of_several_lives_are_put_one_after_the_other() -> None:
    both = [found for found in (examples(lived(seed), seed) for seed in (0, 1)) if found is not None]
    joined = together(both)
    for place, name in enumerate(Examples._fields):
        np.testing.assert_array_equal(joined[place], np.concatenate([getattr(each, name) for each in both]))
