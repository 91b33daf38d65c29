"""The budget of false alarms: what cries often is quieted, what is strong moves nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detection.budget import HIGHEST, LOWEST, PATIENCE, STEP, STRONG, Budget

PERIOD_S = 600.0
WEEK = 1008  # samples of ten minutes


def budget(per_week: float = 0.25) -> Budget:
    return Budget({"noise": per_week, "surprise": per_week}, PERIOD_S)


def pass_weeks(kept: Budget, weeks: float) -> None:
    for _ in range(round(weeks * WEEK)):
        kept.pass_by()


def test_a_signal_that_cries_twice_a_week_is_quieted() -> None:
    kept, said = budget(), []
    for half_week in range(64):
        ratio = 1.3 / kept.factor("noise")
        if ratio >= 1.0:
            kept.alarmed("noise", ratio)
            said.append(half_week)
        pass_weeks(kept, 0.5)
    assert said[:2] == [0, 1], "it is heard before it is quieted"
    # in the last 16 weeks it comes as often as patience with a share of a quarter allows: once a week
    assert sum(half_week >= 32 for half_week in said) <= PATIENCE * 0.25 * 16 + 1


def test_other_signals_stay_as_they_are() -> None:
    kept = budget()
    kept.alarmed("noise", 1.2)
    assert kept.factor("noise") > 1.0 == kept.factor("surprise")


@given(st.lists(st.floats(STRONG, 1e9), max_size=20))
def test_strong_alarms_move_nothing(ratios: list[float]) -> None:
    kept = budget()
    for ratio in ratios:
        kept.alarmed("noise", ratio)
    assert kept.factor("noise") == 1.0


def test_a_level_eases_back_when_nothing_cries() -> None:
    kept = budget()
    kept.alarmed("noise", 1.2)
    raised = kept.factor("noise")
    pass_weeks(kept, 0.5)
    halfway = kept.factor("noise")
    pass_weeks(kept, 0.5)
    assert raised > halfway > kept.factor("noise") == pytest.approx(1.0)


@pytest.mark.parametrize("per_week", [0.25, 1.0, 7.0])
def test_alarms_as_often_as_the_budget_allows_keep_the_level(per_week: float) -> None:
    kept = budget(per_week)
    for _ in range(10):
        kept.alarmed("noise", 1.2)
        pass_weeks(kept, 1.0 / (PATIENCE * per_week))
    assert kept.factor("noise") == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("period_s", [10.0, 300.0, 3600.0])
def test_a_week_eases_as_much_however_often_the_sensor_is_read(period_s: float) -> None:
    kept = Budget({"noise": 0.1}, period_s)
    for _ in range(round(7 * 86_400 / period_s)):
        kept.pass_by()
    assert kept.factor("noise") == pytest.approx(math.exp(-STEP * PATIENCE * 0.1))


@given(st.lists(st.booleans(), max_size=60))
def test_a_level_stays_within_its_bounds(alarms: list[bool]) -> None:
    kept = Budget({"noise": 1.0}, 86_400.0)
    for alarm in alarms:
        if alarm:
            kept.alarmed("noise", 1.0)
        else:
            for _ in range(7):
                kept.pass_by()
        assert LOWEST - 1e-12 <= math.log(kept.factor("noise")) <= HIGHEST + 1e-12


def test_the_bounds_are_reached() -> None:
    loud, calm = budget(), budget()
    for _ in range(10):
        loud.alarmed("noise", 1.0)
    pass_weeks(calm, 10.0)
    assert loud.factor("noise") == pytest.approx(math.exp(HIGHEST))
    assert calm.factor("noise") == pytest.approx(math.exp(LOWEST))
