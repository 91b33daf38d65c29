"""The past at another alarm level, against a slow oracle."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.sensitivity import MINUTE_MS
from monitor.whatif import CALM_MS, LEVELS, RELEASE, SHOWN, Alarm, Past, replay
from tests.monitor.messages import EPOCH


def alarm(number: int, onset_ms: int, end_ms: int, strength: float, level: float = 1.0) -> Alarm:
    return Alarm(EPOCH, number, onset_ms, end_ms, strength, level, "cold", None)


@dataclass
class Open:
    """An alarm of the oracle's, minute by minute."""

    old: bool
    apart: int
    onset_ms: int | None
    strength: float
    end_ms: int


def slow(past: Past, level: float) -> tuple[int, list[tuple[int, int, float]]]:
    """How many alarms, and those that are new: one thing after the other, as a person would count."""
    things = [
        (one.onset_ms, 0, one.end_ms, one.strength, one) for one in past.alarms if one.strength >= level
    ]
    minutes = zip(past.ts_ms.tolist(), past.ends_ms.tolist(), past.strength.tolist(), strict=True)
    things += [(ts, 1, end, x, None) for ts, end, x in minutes if x >= RELEASE * level]
    groups: list[Open] = []
    reach = None
    for onset, _, end, strength, one in sorted(things, key=lambda thing: thing[:2]):
        if reach is None or onset - reach >= CALM_MS:
            groups.append(Open(False, 0, None, 0.0, 0))
            reach = end
        reach = max(reach, end)
        group = groups[-1]
        if one is not None:
            group.old = True
            group.apart += one.level <= level
        elif strength >= level or group.onset_ms is not None:
            group.onset_ms = onset if group.onset_ms is None else group.onset_ms
            group.strength, group.end_ms = max(group.strength, strength), max(group.end_ms, end)
    count = sum(max(group.apart, group.old or group.onset_ms is not None) for group in groups)
    new = [
        (group.onset_ms, group.end_ms, group.strength)
        for group in groups
        if not group.old and group.onset_ms is not None
    ]
    return count, new


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    """Calm minutes at two levels in force, and alarms above them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, alarms = draw(st.integers(0, 60)), draw(st.integers(0, 8))
    at = np.sort(rng.choice(600, count, replace=False)).astype(np.int64) * MINUTE_MS
    width = draw(st.sampled_from([MINUTE_MS, 15 * MINUTE_MS]))
    strength = np.minimum(np.round(rng.uniform(0.3, 1.0, count), draw(st.sampled_from([1, 6]))), 0.999)
    onsets = np.sort(rng.integers(0, 600, alarms)) * MINUTE_MS
    return Past(
        tuple(
            alarm(n, onset, onset + int(rng.integers(0, 60)) * MINUTE_MS, float(rng.uniform(1, 4)), level)
            for n, (onset, level) in enumerate(
                zip(onsets.tolist(), rng.choice([0.6, 1.0, 2.0], alarms).tolist(), strict=True)
            )
        ),
        at,
        at + width,
        strength,
    )


@given(pasts(), st.sampled_from([*LEVELS.tolist()[::4], 0.6, 1.0, 2.0]))
@settings(max_examples=300, deadline=None)
def test_a_replay_is_what_counting_by_hand_gives(past: Past, level: float) -> None:
    found = replay(past, level)
    count, new = slow(past, level)
    assert (found.alarms, found.fresh) == (count, len(new))
    assert [(one.onset_ms, one.end_ms, one.strength) for one in found.new] == new[-SHOWN:]
    assert found.kept.tolist() == [one.strength >= level for one in past.alarms]


@given(pasts())
def test_at_the_level_in_force_all_is_as_it_was(past: Past) -> None:
    as_it_was = Past(
        tuple(alarm(one.id, one.onset_ms, one.end_ms, one.strength) for one in past.alarms),
        past.ts_ms,
        past.ends_ms,
        past.strength,
    )
    found = replay(as_it_was, 1.0)
    assert (found.alarms, found.new, found.kept.all()) == (len(past.alarms), (), True)


def test_minutes_that_lead_up_to_an_alarm_are_part_of_it() -> None:
    minutes = np.array([0, 10, 20, 95, 100], np.int64) * MINUTE_MS
    past = Past(
        (alarm(1, 30 * MINUTE_MS, 40 * MINUTE_MS, 1.5),),
        minutes,
        minutes + MINUTE_MS,
        np.array([0.8, 0.5, 0.5, 0.85, 0.5]),
    )
    assert replay(past, 1.0).alarms == 1
    lower = replay(past, 0.8)
    assert (lower.alarms, lower.fresh) == (2, 1)
    [new] = lower.new
    assert (new.onset_ms, new.end_ms, new.strength) == (95 * MINUTE_MS, 101 * MINUTE_MS, 0.85)
    assert replay(past, 1.6).alarms == 0
