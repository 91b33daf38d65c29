"""Alarm levels and the band, from histories that nobody labelled."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.detection.calibration import (
    COVERAGE,
    SHORT_HISTORY_DAYS,
    calibrate,
    describe,
    signals_for,
)
from edge.detection.detector import DetectorSettings
from edge.detection.fleet import FLEET, Fleet
from edge.detection.habits import Habits, learn_habits
from edge.detection.replay import judge
from edge.detection.signals import SHAPES, SIGNALS
from edge.detection.window import Inputs
from edge.recording import Recording
from edge.sources.faults import inject, schedule
from edge.sources.simulator import simulate
from tests.edge.rooms import windowing

DAY_S = 86_400.0


class AsBefore:
    """A network that expects the block before, to a step, and finds every shape as unlikely."""

    def __init__(self, outputs: int) -> None:
        self._outputs = outputs

    def answer(self, inputs: Inputs) -> Inputs:
        return np.zeros((len(inputs), self._outputs), np.float32)


def room(days: float = 3.0, seed: int = 6, period_s: float = 300.0) -> Recording:
    return simulate(days * DAY_S, period_s, seed=seed)


def one_channel(history: Recording) -> Recording:
    return replace(history, channels=history.channels[:1], values=history.values[:, :1])


def habits_of(history: Recording, shapes: tuple[str, ...] = ()) -> Habits:
    habits = learn_habits(history)
    return replace(habits, windowing=habits.windowing.with_shapes(shapes))


def calibrated(
    history: Recording, budget: float = 1.0, fleet: Fleet = FLEET, shapes: tuple[str, ...] = ()
) -> DetectorSettings:
    habits = habits_of(history, shapes)
    return calibrate(history, habits, AsBefore(habits.windowing.outputs), budget, fleet)


ROOM = room()


def test_every_signal_that_the_device_has_gets_a_level_and_its_part_of_the_budget() -> None:
    found = calibrated(room(1.0, period_s=60.0), 2.0, shapes=SHAPES)  # two views
    assert found.levels.keys() == found.budgets.keys() == FLEET.levels.keys()
    assert all(0 < level < np.inf for level in found.levels.values())
    assert sum(found.budgets.values()) == pytest.approx(2.0)
    for name, share in FLEET.shares.items():
        assert found.budgets[name] == pytest.approx(2.0 * share / sum(FLEET.shares.values()))


def test_the_budget_of_the_shapes_goes_to_the_others_where_none_is_known() -> None:
    found = calibrated(ROOM)
    assert not found.levels.keys() & set(SHAPES)
    assert sum(found.budgets.values()) == pytest.approx(1.0)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.02, 50.0), st.floats(1.05, 20.0))
def test_a_larger_budget_sets_every_alarm_lower(budget: float, more: float) -> None:
    strict, easy = (calibrated(ROOM, each).levels for each in (budget, budget * more))
    assert all(strict[name] > easy[name] for name in strict)


def test_a_louder_fleet_sets_the_alarms_of_its_devices_higher() -> None:
    louder = Fleet({name: 2 * level for name, level in FLEET.levels.items()}, FLEET.shares)
    usual, higher = calibrated(ROOM).levels, calibrated(ROOM, fleet=louder).levels
    assert all(1.2 * usual[name] < higher[name] <= 2.001 * usual[name] for name in usual)


@pytest.mark.parametrize("seed", [6, 9])
def test_a_faulty_tenth_of_the_history_moves_the_levels_by_less_than_a_tenth(seed: int) -> None:
    """Faults make the scales wider as well; what is strange in the history must not become usual."""
    calm = room(10.0, seed)
    rng, length_s = np.random.default_rng(1), 10 * DAY_S
    names = tuple(channel.name for channel in calm.channels)
    faulty = inject(calm, schedule(rng, 0.0, length_s, 6 * 3600.0, channels=names, period_s=300.0))
    marked = np.mean([kind is not None for kind in faulty.kinds or ()])
    assert marked > 0.1
    clean, dirty = calibrated(calm).levels, calibrated(faulty).levels
    assert all(0.9 < dirty[name] / clean[name] < 1.1 for name in clean)


def test_a_history_of_hours_sets_the_alarms_higher_than_one_of_days() -> None:
    short, long = (calibrated(ROOM.between(0, rows)).levels for rows in (250, len(ROOM)))
    assert all(short[name] >= long[name] for name in long)
    assert any(short[name] > 1.1 * long[name] for name in long)


def fine(history: Recording) -> Recording:
    """As a sensor without coarse steps would tell it: no two changes are the same."""
    noise = np.random.default_rng(0).normal(size=history.values.shape, scale=0.03)
    return replace(history, values=history.values + noise)


@pytest.mark.parametrize(
    "history", [fine(ROOM), fine(one_channel(ROOM))], ids=["two channels", "temperature alone"]
)
def test_the_band_holds_nine_readings_of_ten(history: Recording) -> None:
    habits = habits_of(history)
    network = AsBefore(habits.windowing.outputs)
    judged = judge(history, network, habits.windowing, calibrate(history, habits, network, 1.0))
    away = abs(history.values - judged.expected)
    scored = np.isfinite(away).all(axis=1)
    wider = 1.0 + SHORT_HISTORY_DAYS / habits.windowing.history_days  # as a short history makes it
    inside = (away <= judged.spread / wider)[scored]
    assert scored.sum() > 0.9 * len(history)
    for share in inside.mean(axis=0):
        assert share == pytest.approx(COVERAGE, abs=0.005)


def test_the_same_history_gives_the_same_settings() -> None:
    assert calibrated(ROOM, shapes=SHAPES) == calibrated(room(), shapes=SHAPES)


def test_a_device_has_the_signals_that_its_channels_views_and_model_allow() -> None:
    everything = Fleet(dict.fromkeys(SIGNALS, 1.0), dict.fromkeys(SIGNALS, 1.0))
    full = windowing().with_shapes(SHAPES)
    assert set(signals_for(full, everything)) == set(SIGNALS)
    assert set(SIGNALS) - set(signals_for(full.with_shapes(SHAPES[:2]), everything)) == set(SHAPES[2:])
    alone = windowing(("temperature",)).with_shapes(SHAPES)
    assert "stuck" in signals_for(full, everything) and "stuck" not in signals_for(alone, everything)
    one_view = windowing(views=((1, 5),)).with_shapes(SHAPES)
    assert set(SIGNALS) - set(signals_for(one_view, everything)) == {"slow_surprise", "slow_vapour"}
    assert signals_for(full, Fleet({"noise": 1.0}, {"noise": 1.0})) == ("noise",)


def test_the_calibrated_numbers_have_names() -> None:
    found = calibrated(ROOM)
    told = describe(ROOM.channels, found)
    assert told["level_surprise"] == found.levels["surprise"]
    assert [told[f"band_{channel.key}"] for channel in ROOM.channels] == list(found.band)
