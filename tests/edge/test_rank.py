"""The range score: at least 1 where a signal is at its level, and larger the stranger."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detection.rank import RANKED, range_score
from edge.detection.signals import SIGNALS

size = st.floats(0.0, 1e6)
signs = st.fixed_dictionaries(
    {
        "ratios": st.dictionaries(st.sampled_from(sorted(SIGNALS)), size, min_size=1),
        "odds": st.floats(-50.0, 50.0),
        "far": size,
        "level": size,
        "shift": size,
    }
)
CALM: dict[str, Any] = {
    "ratios": {"surprise": 0.2, "noise": 0.1},
    "odds": -4.0,
    "far": 1.0,
    "level": 0.1,
    "shift": 0.1,
}


@given(signs)
def test_a_signal_at_its_level_scores_at_least_one(seen: dict[str, Any]) -> None:
    score = range_score(**seen, strange=True)
    assert math.isfinite(score) and score >= 1.0
    assert score == max(1.0, range_score(**seen, strange=False))


def test_a_calm_reading_is_far_below_one() -> None:
    assert 0.0 < range_score(**CALM, strange=False) < 0.5


@given(signs, st.sampled_from(["odds", "far", "level", "shift"]), size, st.booleans())
def test_more_of_a_sign_is_never_less_strange(
    seen: dict[str, Any], name: str, more: float, strange: bool
) -> None:
    score = range_score(**seen, strange=strange)
    assert range_score(**{**seen, name: seen[name] + more}, strange=strange) >= score - 1e-12


@given(signs, st.sampled_from(sorted(SIGNALS)), size, st.booleans())
def test_more_of_a_signal_is_never_less_strange(
    seen: dict[str, Any], name: str, more: float, strange: bool
) -> None:
    score = range_score(**seen, strange=strange)
    ratios = {**seen["ratios"], name: seen["ratios"].get(name, 0.0) + more}
    assert range_score(**{**seen, "ratios": ratios}, strange=strange) >= score - 1e-12


@pytest.mark.parametrize(
    "stranger",
    [
        *({"ratios": {**CALM["ratios"], name: 0.5}} for name in RANKED),
        {"odds": -1.0},
        {"far": 3.0},
        {"level": 0.5},
        {"shift": 0.5},
    ],
)
def test_each_sign_counts(stranger: dict[str, Any]) -> None:
    assert range_score(**CALM, strange=False) < range_score(**{**CALM, **stranger}, strange=False)


def test_the_signals_that_rank_are_signals() -> None:
    assert set(RANKED) <= set(SIGNALS)
