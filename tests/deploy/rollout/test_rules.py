"""The tests that stop a rollout, against slow exact sums; and what they may spend together."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.rollout.rules import (
    ALPHA,
    LOOKS,
    WEEK_S,
    Group,
    beside_whom,
    chance_above,
    chance_beside,
    look,
    spent,
    unwell,
)

COUNTS = st.integers(0, 40)
HOURS = st.integers(1, 5000)


def naive_beside(alarms: int, hours: int, others: int, others_hours: int) -> Fraction:
    """The binomial tail in whole numbers."""
    share, count = Fraction(hours, hours + others_hours), alarms + others
    terms = [math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(alarms, count + 1)]
    return sum(terms, Fraction(0))


@settings(deadline=None)  # the machine may be busy
@given(COUNTS, HOURS, COUNTS, HOURS)
def test_the_chance_beside_others_is_the_exact_binomial_tail(a: int, h: int, b: int, k: int) -> None:
    got = chance_beside(Group(3, a, 3600.0 * h), Group(9, b, 3600.0 * k))
    assert got == pytest.approx(float(naive_beside(a, h, b, k)), rel=1e-9, abs=1e-300)


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 60), st.integers(1, 5000))
def test_the_chance_above_a_ceiling_is_the_poisson_tail(alarms: int, hundredths: int) -> None:
    exact = Fraction(hundredths, 100)
    below = sum((exact**k / math.factorial(k) for k in range(alarms)), Fraction(0))
    above = sum((exact**k / math.factorial(k) for k in range(alarms, alarms + 200)), Fraction(0))
    assert chance_above(alarms, hundredths / 100) == pytest.approx(
        float(above / (below + above)), rel=1e-6, abs=1e-12
    )


def test_alarms_where_none_can_be_are_impossible() -> None:
    assert chance_above(1, 0.0) == 0.0
    assert chance_above(0, 0.0) == 1.0


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(1, 40))
def test_all_looks_together_spend_what_is_stated_and_no_more(steps: list[int], more: int) -> None:
    numbers = list(np.cumsum(steps))
    of = int(numbers[-1]) + more - 1
    spends = [spent(n / of) - spent(before / of) for n, before in zip(numbers, [0, *numbers], strict=False)]
    assert min(spends) > 0
    assert sum(spends) <= ALPHA * (1 + 1e-9)
    assert spent(1.0) == pytest.approx(ALPHA)


def test_a_model_that_is_as_good_is_stopped_less_often_than_stated() -> None:
    chance, of, stopped, runs = np.random.default_rng(3), 3 * LOOKS, 0, 2000
    for _ in range(runs):  # a wave of 10 beside 190, with a rate at which the tests have something to say
        new, others = np.cumsum(chance.poisson((5.0, 95.0), (LOOKS, 2)), axis=0).T
        for number in range(1, LOOKS + 1):
            groups = (
                Group(10, int(new[number - 1]), 10.0 * number),
                Group(190, int(others[number - 1]), 190.0 * number),
            )
            if look(number, number - 1, of, *groups, Group(), 1e12).why:
                stopped += 1
                break
    assert stopped / runs <= ALPHA


def test_one_that_alarms_less_is_never_stopped() -> None:
    quiet, loud = Group(100, 0, 1e7), Group(100, 500, 1e7)
    assert look(1, 0, 6, quiet, loud, Group(), 20.0).why is None


def test_a_ceiling_holds_whatever_the_others_do() -> None:
    all_loud = Group(10, 40, 10 * 3600.0), Group(10, 40, 10 * 3600.0)
    why = look(6, 0, 6, *all_loud, Group(), 20.0).why
    assert why is not None
    assert "ceiling" in why
    assert look(6, 0, 6, *all_loud, Group(), 40 / (10 * 3600.0) * WEEK_S).why is None


def test_too_small_a_control_group_gives_way_to_how_it_was_before() -> None:
    new, before = Group(10, 1, 1000.0), Group(0, 1, 5000.0)
    assert beside_whom(new, Group(3, 0, 100.0), before) == (Group(3, 0, 100.0), "control")
    assert beside_whom(new, Group(2, 0, 900.0), before) == (before, "before")
    assert beside_whom(new, Group(50, 0, 99.0), before) == (before, "before")
    assert beside_whom(new, Group(), Group()) == (Group(), "")
    assert look(1, 0, 6, new, Group(), Group(), 1e9).chance == 1.0


@pytest.mark.parametrize(
    ("bad", "given", "others_bad", "others", "stops"),
    [
        (0, 0, 0, 0, False),
        (1, 1, 0, 5, True),
        (1, 10, 0, 190, False),
        (2, 10, 0, 190, True),
        (4, 10, 76, 190, False),  # two in five of all: the power is gone, not the model bad
        (6, 10, 76, 190, True),
    ],
)
def test_what_others_suffer_too_is_not_the_models_fault(
    bad: int, given: int, others_bad: int, others: int, stops: bool
) -> None:
    assert unwell(bad, given, others_bad, others, 0.1) is stops
