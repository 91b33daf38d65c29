"""Where a fleet's alarms begin, against a slow obvious count of them."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from edge.detection.fleet import FLEET
from edge.sources.simulator import simulate
from trainer.pretraining.levels import RECOUNT_HOURS, Watched, fleet_of, watch
from trainer.prior import shipped

# Less than a hundredth apart are two numbers of three digits next to each other.
LOWEST, STEP = 1e-3, 1.01


def device(peaks: Sequence[float], hours: Sequence[int], weeks: float) -> Watched:
    return Watched(np.array(peaks, np.float64), np.array(hours, np.float64), weeks)


@st.composite
def devices(draw: st.DrawFn) -> list[Watched]:
    found = []
    for _ in range(draw(st.integers(1, 4))):
        hours = sorted(draw(st.sets(st.integers(0, 60), max_size=40)))
        peaks = [draw(st.floats(0.0, 50.0)) for _ in hours]
        found.append(device(peaks, hours, draw(st.floats(0.1, 3.0))))
    return found


def naive_rate(watched: Sequence[Watched], level: float) -> float:
    """Every run of hours in a row is an alarm for each six hours of it that have begun."""
    alarms = 0
    for each in watched:
        loud = {int(hour) for hour, peak in zip(each.hours, each.peaks, strict=True) if peak >= level}
        for first in sorted(loud):
            if first - 1 in loud:
                continue
            length = next(n for n in range(1, 100) if first + n not in loud)
            alarms += math.ceil(length / RECOUNT_HOURS)
    return alarms / sum(each.weeks for each in watched)


def level_of(watched: Sequence[Watched], share: float) -> float:
    fleet = fleet_of([{"noise": each} for each in watched], {"noise": share})
    assert fleet.shares == {"noise": share}
    return fleet.levels["noise"]


@settings(max_examples=150, deadline=None)
@given(devices(), st.floats(0.05, 20.0))
def test_a_level_keeps_its_share_of_the_budget_and_one_a_little_lower_does_not(
    watched: list[Watched], share: float
) -> None:
    level = level_of(watched, share)
    assert naive_rate(watched, level) <= share
    below = [float(f"{level / factor:.3g}") for factor in (1.002, 1.004, 1.006, 1.008, STEP)]
    nearest = max(each for each in below if each < level)
    assert level <= LOWEST * STEP or naive_rate(watched, nearest) > share


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.1, 50.0), min_size=1, max_size=20), st.floats(0.05, 3.0))
def test_where_no_two_alarms_are_one_the_level_is_the_least_of_all(peaks: list[float], share: float) -> None:
    watched = [device(peaks, range(0, 2 * len(peaks), 2), 1.0)]
    level = level_of(watched, share)
    allowed = sorted(peaks, reverse=True)[: math.floor(share)]
    loudest = sorted(peaks, reverse=True)[len(allowed)] if len(allowed) < len(peaks) else 0.0
    assert sum(peak >= level for peak in peaks) <= share
    assert level <= max(loudest * STEP, LOWEST * STEP), "just above the first one that is too many"


def test_a_long_alarm_counts_again_every_six_hours() -> None:
    one_night = [device([5.0] * 13, range(13), 1.0)]
    assert level_of(one_night, 2.9) > 5.0
    assert level_of(one_night, 3.0) < 5.0


def test_a_signal_that_no_device_has_keeps_its_level() -> None:
    fleet = fleet_of([{"noise": device([5.0], [0], 1.0)}, {}], {"noise": 0.5, "vapour": 0.5})
    assert fleet.levels["vapour"] == FLEET.levels["vapour"]
    assert 5.0 < fleet.levels["noise"] < 5.1


def test_a_device_is_watched_hour_by_hour_after_its_history() -> None:
    prior = shipped("masked")
    assert prior is not None
    room = simulate(3 * 86_400.0, 300.0, seed=6)
    history, rest = room.between(0, 576), room.between(576, len(room))
    watched = watch(history, rest, prior, FLEET.shares)
    assert watched.keys() == set(FLEET.shares) - {"slow_surprise", "slow_vapour"}, "one view at five minutes"
    for each in watched.values():
        assert each.weeks == pytest.approx(1 / 7)
        assert np.diff(each.hours).tolist() == [1.0] * 23
        assert len(each.peaks) == 24 and np.isfinite(each.peaks).all()
    values = rest.values.copy()
    values[130, 0] += 15.0
    spiked = watch(history, replace(rest, values=values), prior, ["surprise"])["surprise"]
    calm = watched["surprise"].peaks
    assert spiked.peaks[10] > 5 * calm.max()
    np.testing.assert_array_equal(spiked.peaks[:10], calm[:10])


def test_a_history_too_short_to_learn_from_is_not_watched() -> None:
    prior = shipped("masked")
    assert prior is not None
    room = simulate(86_400.0, 300.0, seed=6)
    assert watch(room.between(0, 90), room.between(90, len(room)), prior, FLEET.shares) == {}
