"""What a history says of a room: the scales of a naive computation, hardly moved by faults."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from edge.detection.habits import (
    BLOCK_S,
    FEWEST_WINDOWS,
    LEVELS,
    SHORT_HISTORY,
    blocks_for,
    learn_habits,
    plausible,
    resolution,
    robust_scale,
)
from edge.errors import RecordingError
from edge.recording import Recording
from edge.sources.faults import inject, schedule
from edge.sources.simulator import simulate
from tests.edge.naive_window import levels, now

DAY_S = 86_400.0
ROOM = simulate(1.5 * DAY_S, 120.0, seed=6)


def quantiles(values: list[float], *parts: float) -> list[float]:
    """By straight lines between the sorted values."""
    ordered = sorted(values)
    found = []
    for part in parts:
        at = part * (len(ordered) - 1)
        low = math.floor(at)
        high = min(low + 1, len(ordered) - 1)
        found.append(ordered[low] + (at - low) * (ordered[high] - ordered[low]))
    return found


def naive_scale(values: list[float], least: float) -> float:
    """Of a normal distribution the quartiles are 1.349 deviations apart, the deciles 2.563."""
    first, low, high, last = quantiles(values, 0.1, 0.25, 0.75, 0.9)
    return max((high - low) / 1.349, 0.7 * (last - first) / 2.563, least)


def traces_of(recording: Recording) -> list[list[float]]:
    rows = recording.values.tolist()
    vapour = [100 * (math.log(h) + 17.62 * t / (243.12 + t)) for t, h in rows]
    return [[row[0] for row in rows], [row[1] for row in rows], vapour]


def test_the_scales_are_those_of_the_obvious_computation() -> None:
    found = learn_habits(ROOM).windowing
    days = len(ROOM) * ROOM.period_s / DAY_S
    assert [view.block for view in found.views] == [1, 2]
    for k, trace in enumerate(traces_of(ROOM)):
        changes = [b - a for a, b in pairwise(trace)]
        (least,) = quantiles([abs(c) for c in changes if abs(c) > 1e-9], 0.02)
        step = naive_scale(changes, least / 2)
        assert found.views[0].step[k] == pytest.approx(step, rel=1e-6)
        assert found.centre[k] == pytest.approx(float(np.median(trace)), rel=1e-9)
        swing = naive_scale(trace, least) * (1 + SHORT_HISTORY / days)
        assert found.swing[k] == pytest.approx(swing, rel=1e-6)
        for v, view in enumerate(found.views):
            rows = range(found.warm_up, len(trace))
            newest = {row: now(view, trace[: row + 1]) for row in rows}
            past = {row: levels(view, trace[: row + 1]) for row in rows}
            if v:
                step = naive_scale([newest[row] - past[row][0] for row in rows], least / 4)
                assert view.step[k] == pytest.approx(step, rel=0.01)
            nearer = step
            for level in range(LEVELS):
                far = [row for row in rows if row >= min(view.block * 2**level, (len(trace) - 1) // 2)]
                away = naive_scale([newest[row] - past[row][level] for row in far], nearer)
                nearer = away
                span_days = view.block * 2.0 ** (level + 1) * ROOM.period_s / DAY_S
                wider = 1 + SHORT_HISTORY * span_days / days
                # the window holds whole quanta, a thousandth of a step
                assert view.reach[k][level] == pytest.approx(away * wider, rel=0.01)
                if level:
                    spread = naive_scale([past[row][level] - past[row][0] for row in far], step)
                    assert view.spread[k][level - 1] == pytest.approx(spread, rel=0.01)


def test_how_often_values_change_is_counted_by_the_hour() -> None:
    found = learn_habits(ROOM)
    hours = [int(ts // 3_600_000 % 24) for ts in ROOM.ts_ms[1:]]
    for c in range(2):
        moved = [a != b for a, b in zip(ROOM.values[:-1, c], ROOM.values[1:, c], strict=True)]
        overall = (sum(moved) + 1) / (len(moved) + 2)
        for hour in range(24):
            here = [each for each, at in zip(moved, hours, strict=True) if at == hour]
            rate = (sum(here) + 30 * overall) / (len(here) + 30)
            assert found.change_rate[c][hour] == pytest.approx(min(rate, 0.99))


def spoilt(history: Recording, share: float) -> Recording:
    """With faults of the library until that share of the rows has one."""
    rng = np.random.default_rng(1)
    length_s = float(history.ts_ms[-1] - history.ts_ms[0]) / 1000
    names = tuple(channel.name for channel in history.channels)
    planned = schedule(rng, 0.0, length_s, 7200.0, channels=names, period_s=history.period_s)
    chosen: list = []
    for fault in planned:
        made = inject(history, [*chosen, fault])
        if np.mean([kind is not None for kind in made.kinds or ()]) <= share:
            chosen.append(fault)
    return inject(history, chosen)


def most_times(ours: object, theirs: object) -> float:
    """By what factor the two differ at most, either way."""
    return float(np.exp(np.max(abs(np.log(np.array(ours) / np.array(theirs))))))


@pytest.mark.parametrize("seed", [6, 9])
def test_a_faulty_tenth_of_the_history_moves_the_scales_by_little(seed: int) -> None:
    """Least those of the values themselves; a mean over hours has more than a tenth of faulty ones."""
    calm = simulate(10 * DAY_S, 300.0, seed=seed)
    faulty = spoilt(calm, 0.1)
    assert 0.08 < np.mean([kind is not None for kind in faulty.kinds or ()]) <= 0.1
    plain = [np.nanstd(np.diff(each.values, axis=0), axis=0) for each in (faulty, calm)]
    assert most_times(*plain) > 6, "what is not robust moves far"
    ours, theirs = (learn_habits(each).windowing for each in (faulty, calm))
    assert most_times(ours.centre, theirs.centre) < 1.02
    assert most_times(ours.swing, theirs.swing) < 1.4
    for one, other in zip(ours.views, theirs.views, strict=True):
        assert most_times(one.step, other.step) < 1.6
        assert most_times(one.spread, other.spread) < 2.5
        assert most_times(one.reach, other.reach) < 2.5


def test_impossible_values_and_all_zeros_are_not_learnt() -> None:
    values = ROOM.values.copy()
    values[10] = 0.0
    values[20, 1] = 130.0
    values[30, 0] = -300.0
    kept = np.isfinite(plausible(replace(ROOM, values=values))).all(axis=1)
    assert np.flatnonzero(~kept).tolist() == [10, 20, 30]


def refusal(history: Recording) -> str:
    with pytest.raises(RecordingError) as caught:
        learn_habits(history)
    assert "\n" not in str(caught.value) and history.name in str(caught.value)
    return str(caught.value)


def test_too_short_a_history_is_refused_in_one_sentence() -> None:
    assert f"{FEWEST_WINDOWS} are needed" in refusal(ROOM.between(0, FEWEST_WINDOWS - 1))
    assert "record for longer" in refusal(ROOM.between(0, FEWEST_WINDOWS + 20))
    learn_habits(ROOM.between(0, FEWEST_WINDOWS + 40))


def test_a_history_that_gaps_tear_to_pieces_is_refused() -> None:
    ts_ms = ROOM.ts_ms + np.arange(len(ROOM)) // 34 * 86_400_000
    sentence = refusal(replace(ROOM, ts_ms=ts_ms))
    assert "without a long gap" in sentence


def test_a_sensor_that_never_moves_has_scales_above_zero() -> None:
    values = ROOM.values.copy()
    values[:, 1] = 50.0
    found = learn_habits(replace(ROOM, values=values))
    for view in found.windowing.views:
        assert min(*view.step, *np.ravel(view.spread), *np.ravel(view.reach)) > 0
    assert min(found.floor) > 0 and min(found.windowing.swing) > 0


def test_a_short_history_widens_what_it_cannot_know() -> None:
    long, short = (learn_habits(simulate(days * DAY_S, 300.0, seed=6)).windowing for days in (14.0, 1.0))
    calm = [robust_scale(simulate(days * DAY_S, 300.0, seed=6).values[:, 0], 1e-6) for days in (14.0, 1.0)]
    assert short.swing[0] / calm[1] > 2 * long.swing[0] / calm[0]


@pytest.mark.parametrize(
    ("period_s", "blocks"), [(10.0, (1, 30)), (60.0, (1, 5)), (150.0, (1, 2)), (200.0, (1,)), (3600.0, (1,))]
)
def test_a_second_view_is_of_five_minutes_where_that_is_more_than_a_sample(
    period_s: float, blocks: tuple[int, ...]
) -> None:
    assert blocks_for(period_s) == blocks
    assert len(blocks) == 1 or blocks[1] * period_s == BLOCK_S


def test_the_resolution_is_the_step_that_a_sensor_shows() -> None:
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=5000))
    assert resolution(np.round(walk / 0.5) * 0.5) == pytest.approx(0.5)
    assert resolution(np.full(100, 20.0)) == 0.0


def test_a_stretch_that_is_too_short_to_be_windowed_is_passed_over() -> None:
    history = simulate(86_400.0, 60.0, seed=4)
    ts_ms = history.ts_ms.copy()
    ts_ms[5:] += 3_600_000
    ts_ms[15:] += 3_600_000
    torn = replace(history, ts_ms=ts_ms)
    whole, rest = learn_habits(torn).windowing, learn_habits(torn.between(15, len(torn))).windowing
    assert whole.views[0].block == rest.views[0].block == 1
    assert whole.views[0].step == pytest.approx(rest.views[0].step, rel=0.2)
