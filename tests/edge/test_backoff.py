"""The wait before the next try."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.mqtt.backoff import Backoff
from edge.mqtt.trouble import Cure


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.floats(0, 1))
def test_the_wait_is_between_1_and_60_seconds_and_starts_anew_after_a_steady_connection(lasted, share):
    backoff = Backoff(uniform=lambda low, high: low + share * (high - low))
    failures, wait_s = 0, 0.0
    for lasted_s in lasted:
        failures = 1 if lasted_s > max(10.0, 2.0 * wait_s) else failures + 1
        wait_s = backoff.next_s(lasted_s)
        assert 1.0 <= wait_s <= 60.0
        assert wait_s == pytest.approx(1.0 + share * (min(60.0, 2.0**failures) - 1.0))


def test_two_agents_do_not_come_back_at_the_same_time():
    one, other = Backoff(), Backoff()
    assert [one.next_s(0.0) for _ in range(5)] != [other.next_s(0.0) for _ in range(5)]


@given(st.integers(1, 20), st.floats(0, 1))
def test_a_broker_that_said_no_is_asked_again_after_a_minute_at_least(tries, share):
    backoff = Backoff(uniform=lambda low, high: low + share * (high - low))
    for _ in range(tries):
        assert 60.0 <= backoff.next_s(0.0, Cure.PERSON) <= 90.0


@given(st.floats(0, 1))
def test_beside_a_namesake_each_wait_is_twice_as_long_up_to_half_an_hour(share):
    backoff = Backoff(uniform=lambda low, high: low + share * (high - low))
    waits = [backoff.next_s(1.0, Cure.NAMESAKE) for _ in range(8)]
    least = [60.0, 120.0, 240.0, 480.0, 960.0, 1800.0, 1800.0, 1800.0]
    assert waits == pytest.approx([seconds * (1.0 + 0.5 * share) for seconds in least])


def test_a_fleet_that_loses_its_broker_comes_back_spread():
    waits = [Backoff(spread_s=30.0).next_s(3600.0) for _ in range(500)]
    assert min(waits) >= 1.0
    assert max(waits) - min(waits) > 20.0
    assert max(waits) <= 30.0


def test_a_connection_that_never_came_about_is_not_spread():
    assert Backoff(spread_s=30.0).next_s(0.0) <= 2.0


def test_a_wait_that_was_long_asks_for_a_connection_that_lasts_longer_to_start_anew():
    backoff = Backoff(uniform=lambda _low, high: high)
    for _ in range(5):
        waited_s = backoff.next_s(0.0)
    assert waited_s == 32.0
    assert backoff.next_s(50.0) == 60.0
    assert backoff.next_s(130.0) == 2.0
