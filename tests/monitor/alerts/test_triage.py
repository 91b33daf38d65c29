"""What is told, and when: one thing by the clock, many in any order against what must always hold."""

import json
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts.alert import Acknowledgement, Alert
from monitor.alerts.condition import EVERYONE, MONITOR, Condition, Key, Observation
from monitor.alerts.notice import Notice
from monitor.alerts.rules import DEFAULTS, WORSE, Group, Rule, Rules
from monitor.alerts.triage import Spoken, Triage

ROOMS = frozenset(f"room-{number:02}" for number in range(8))
KINDS = ("offline", "anomaly")
ALONE = Group(devices=1000)


def rules(group: Group = ALONE, **rule: float) -> Rules:
    """The same rule for every kind."""
    same = Rule(**{"after_s": 0.0, "calm_s": 0.0, "cooldown_min": 0.0, **rule})
    return Rules(dict.fromkeys(DEFAULTS, same), group)


def seen(*keys: Key, level: float = 1.0, rooms: frozenset[str] = ROOMS, **other: object) -> Observation:
    return Observation({key: Condition(0, "strange", level) for key in keys}, rooms, **other)


def words(notices: list[Notice]) -> list[tuple[str, list[str]]]:
    return [(each.what, [alert.device for alert in each.alerts]) for each in notices]


CELLAR = ("room-00", "anomaly")


def told(triage: Triage, steps: list[tuple[float, Observation]]) -> list[tuple[float, str]]:
    """When what was said."""
    return [(now, each.what) for now, what in steps for each in triage.step(now, round(1000 * now), what)]


def by_intervals(present: list[bool], after: int, calm: int, cooldown: int) -> list[tuple[float, str]]:
    """The slow oracle for one device: a tick a second, and what is told of whole runs of it."""
    edges = [(t, on) for t, on in enumerate(present) if t == 0 or present[t - 1] != on]
    starts = [t for t, on in edges if on]
    runs = [(s, min((t for t, on in edges if not on and t > s), default=None)) for s in starts]
    said: list[tuple[float, str]] = []
    last_word = -(10**9)
    while runs:
        start, end = runs.pop(0)
        if end is not None and end - start <= after:
            continue
        parts = [(start, end)]
        while runs and parts[-1][1] is not None and runs[0][0] <= parts[-1][1] + calm:
            parts.append(runs.pop(0))
        ticks = [t for s, e in parts for t in range(s, len(present) if e is None else e)]
        onset = next((t for t in ticks if t >= start + after and t - last_word >= cooldown), None)
        if onset is None:
            continue
        said.append((onset, "onset"))
        last_word = onset
        over = None if parts[-1][1] is None else parts[-1][1] + calm
        if over is not None and over < len(present):
            said.append((over, "recovery"))
            last_word = over
    return said


@settings(max_examples=300, deadline=None)
@given(
    runs=st.lists(st.integers(1, 12), max_size=14),
    after=st.integers(0, 6),
    calm=st.integers(0, 6),
    cooldown=st.integers(0, 30),
)
def test_one_device_is_told_of_as_the_runs_of_its_trouble_say(runs, after, calm, cooldown):
    present = [on for place, run in enumerate(runs) for on in [bool(place % 2)] * run]
    triage = Triage(rules(after_s=after, calm_s=calm, cooldown_min=cooldown / 60))
    steps = [(float(t), seen(CELLAR) if on else seen()) for t, on in enumerate(present)]
    assert told(triage, steps) == by_intervals(present, after, calm, cooldown)


def test_what_is_twice_as_bad_is_told_within_the_cooldown():
    triage = Triage(rules(cooldown_min=30))
    levels = [1.5, 0.0, 2.9, 0.0, 3.0, 0.0, 5.9]
    steps = [(t, seen(CELLAR, level=level) if level else seen()) for t, level in enumerate(levels)]
    assert told(triage, steps) == [(0, "onset"), (1, "recovery"), (4, "onset"), (5, "recovery")]


def test_what_still_lasts_when_a_snooze_ends_is_told_then():
    triage = Triage(rules())
    triage.snooze("room-00", 10.0)
    assert told(triage, [(t, seen(CELLAR)) for t in range(15)]) == [(10, "onset")]


def test_a_snooze_of_all_is_of_all_and_can_be_ended():
    triage = Triage(rules())
    triage.snooze(EVERYONE, 1000.0)
    assert told(triage, [(0, seen(CELLAR))]) == []
    triage.snooze(EVERYONE, 1.0)
    assert told(triage, [(1, seen(CELLAR))]) == [(1, "onset")]


def test_a_recovery_is_told_during_a_snooze_if_its_onset_was_told():
    triage = Triage(rules())
    assert told(triage, [(0, seen(CELLAR))]) == [(0, "onset")]
    triage.snooze("room-00", 100.0)
    assert told(triage, [(1, seen())]) == [(1, "recovery")]


def test_reminders_come_until_somebody_takes_care():
    triage = Triage(rules(remind_min=1))
    assert told(triage, [(t, seen(CELLAR)) for t in range(0, 150, 10)]) == [
        (0, "onset"),
        (60, "reminder"),
        (120, "reminder"),
    ]
    number = triage.alerts[CELLAR].id
    assert triage.acknowledge(number, Acknowledgement("Ada", "on my way", 1))
    assert told(triage, [(t, seen(CELLAR)) for t in range(150, 400, 10)] + [(400, seen())]) == [
        (400, "recovery")
    ]
    assert not triage.acknowledge(number, Acknowledgement("Ada", "", 1))


def test_a_rule_that_tells_nothing_sees_nothing():
    by_kind = {**rules().by_kind, "anomaly": Rule(tell=False)}
    triage = Triage(Rules(by_kind, ALONE))
    assert told(triage, [(t, seen(CELLAR)) for t in range(200)]) == []
    assert triage.alerts == {}


def test_nobody_knows_whether_the_room_of_a_device_that_is_away_is_well_again():
    triage = Triage(rules())
    offline = ("room-00", "offline")
    away = seen(offline, away=frozenset({"room-00"}))
    assert [what for _, what in told(triage, [(0, seen(CELLAR)), (1, away), (900, away)])] == [
        "onset",
        "onset",
    ]
    assert sorted(words(triage.step(901, 0, seen()))) == [("recovery", ["room-00"])] * 2


def test_while_the_broker_is_away_only_that_is_told_and_nothing_is_over():
    triage = Triage(rules())
    triage.step(0, 0, seen(CELLAR))
    gone = seen((MONITOR, "broker"), blind=True)
    assert words(triage.step(1, 0, gone)) == [("onset", [MONITOR])]
    assert told(triage, [(t, gone) for t in range(2, 300)]) == []
    assert words(triage.step(300, 0, seen(CELLAR))) == [("recovery", [MONITOR])]
    assert words(triage.step(301, 0, seen())) == [("recovery", ["room-00"])]


def test_a_device_that_was_stopped_or_forgotten_is_not_said_to_be_well():
    triage = Triage(rules())
    triage.step(0, 0, seen(CELLAR))
    (notice,) = triage.step(1, 0, seen(stopped=frozenset({"room-00"})))
    assert notice.unwatched == {"room-00"}
    triage.step(2, 0, seen(CELLAR))
    (notice,) = triage.step(3, 0, seen(rooms=frozenset()))
    assert notice.unwatched == {"room-00"}


@settings(max_examples=200, deadline=None)
@given(
    begins=st.lists(st.integers(0, 30), min_size=5, max_size=20),
    after=st.integers(0, 90),
    data=st.data(),
)
def test_many_that_fail_within_the_time_of_a_group_are_one_message_and_recover_as_one(begins, after, data):
    rooms = frozenset(f"room-{number:02}" for number in range(20))
    failing = sorted(rooms)[: len(begins)]
    ends = [data.draw(st.integers(200, 225)) for _ in begins]
    triage = Triage(rules(Group(5, 30.0), after_s=after))
    said: list[Notice] = []
    for now in range(300):
        keys = [(room, "offline") for room, b, e in zip(failing, begins, ends, strict=True) if b <= now < e]
        said += triage.step(now, 1000 * now, seen(*keys, rooms=rooms))
    assert words(said) == [("onset", failing), ("recovery", failing)]
    assert said[0].devices == 20
    assert triage.alerts == {}


def test_those_of_a_group_that_stay_away_are_named_when_the_others_are_back():
    triage = Triage(rules(Group(5, 30.0)))
    keys = [(room, "offline") for room in sorted(ROOMS)]
    said = [each for now in range(40) for each in triage.step(now, 0, seen(*keys))]
    said += [each for now in range(40, 100) for each in triage.step(now, 0, seen(*keys[:2]))]
    assert words(said) == [("onset", sorted(ROOMS)), ("recovery", sorted(ROOMS)[2:])]
    assert said[1].remaining == ("room-00", "room-01")
    assert words(triage.step(100, 0, seen())) == [("recovery", ["room-00", "room-01"])]


def test_a_member_that_fails_again_before_its_group_was_told_is_not_over():
    triage = Triage(rules(Group(5, 30.0)))
    keys = [(room, "offline") for room in sorted(ROOMS)]
    for now in range(40):
        triage.step(now, 0, seen(*keys))
    assert triage.step(40, 0, seen(*keys[:2])) == []
    said = [each for now in range(41, 100) for each in triage.step(now, 0, seen(*keys[:3]))]
    assert words(said) == [("recovery", sorted(ROOMS)[3:])]
    assert said[0].remaining == tuple(sorted(ROOMS)[:3])


def test_all_that_failed_during_a_snooze_are_one_message_at_its_end():
    triage = Triage(rules(Group(5, 30.0)))
    triage.snooze(EVERYONE, 1000.0)
    rooms = sorted(ROOMS)
    said = []
    for now in range(1100):
        keys = [(room, "offline") for place, room in enumerate(rooms) if now >= 100 * place]
        said += triage.step(now, 0, seen(*keys))
    assert words(said) == [("onset", rooms)]


def test_a_small_fleet_is_told_of_at_once():
    triage = Triage(rules(Group(5, 60.0)))
    few = frozenset({"room-00", "room-01"})
    assert words(triage.step(0, 0, seen(CELLAR, rooms=few))) == [("onset", ["room-00"])]


def test_an_acknowledged_group_is_acknowledged_as_one():
    triage = Triage(rules(Group(5, 0.0), remind_min=1))
    keys = [(room, "offline") for room in sorted(ROOMS)]
    (notice,) = triage.step(0, 0, seen(*keys))
    assert words(triage.step(60, 0, seen(*keys))) == [("reminder", sorted(ROOMS))]
    assert notice.group is not None and triage.acknowledge(notice.group, Acknowledgement("Ada", "", 0))
    assert triage.step(120, 0, seen(*keys)) == []


@dataclass
class Disk:
    """What a store would hold of a triage: taken over after every step, given back after a restart."""

    rows: dict[int, str] = field(default_factory=dict)
    memory: tuple[dict[str, float], dict[Key, Spoken]] = field(default_factory=lambda: ({}, {}))

    def keep(self, triage: Triage) -> None:
        for alert in triage.changed.values():
            self.rows[alert.id] = json.dumps(alert.to_row())
        for alert in triage.closed:
            self.rows.pop(alert.id, None)
        triage.changed.clear()
        triage.closed.clear()
        self.memory = dict(triage.snoozes), dict(triage.spoken)

    def restart(self, triage: Triage, by: Rules) -> Triage:
        fresh = Triage(by, triage._next_id)
        for row in self.rows.values():
            alert = Alert.from_row(json.loads(row))
            fresh.alerts[alert.key] = alert
        fresh.snoozes, fresh.spoken = dict(self.memory[0]), dict(self.memory[1])
        return fresh


KEYS = [(room, kind) for room in sorted(ROOMS) for kind in KINDS]
STEPS = st.tuples(
    st.integers(1, 40),  # seconds since the step before
    st.sets(st.sampled_from(KEYS), max_size=6),  # what begins or ends
    st.sampled_from(["", "", "", "snooze", "acknowledge", "restart", "blind"]),
    st.sampled_from([*sorted(ROOMS), EVERYONE]),
    st.sampled_from([1.0, 1.0, 2.5, 6.0]),
)


@settings(max_examples=300, deadline=None)
@given(
    steps=st.lists(STEPS, max_size=60),
    after=st.sampled_from([0, 15]),
    calm=st.sampled_from([0, 20]),
    cooldown=st.sampled_from([0, 3]),
    remind=st.sampled_from([0, 1]),
    group=st.sampled_from([ALONE, Group(3, 30.0), Group(2, 0.0)]),
)
def test_whatever_happens_nothing_is_told_twice_and_nothing_is_lost(
    steps, after, calm, cooldown, remind, group
):
    by = rules(group, after_s=after, calm_s=calm, cooldown_min=cooldown, remind_min=remind)
    triage, disk, account = Triage(by), Disk(), Account(cooldown * 60)
    now, present = 0.0, dict[Key, float]()
    for wait, flips, act, room, level in steps:
        now += wait
        for key in flips:
            present.pop(key) if key in present else present.update({key: level})
        if act == "snooze":
            triage.snooze(room, now + 45)
        if act == "acknowledge":
            triage.acknowledge(1 + wait % 12, Acknowledgement("Ada", "", 0))
        if act == "restart":
            triage = disk.restart(triage, by)
        account.check(triage.step(now, 0, what_is(present, act == "blind")), triage, now)
        disk.keep(triage)
    for _ in range(40):  # and now nothing changes any more
        now += 30
        account.check(triage.step(now, 0, what_is(present, False)), triage, now)
    assert account.open == set(present)
    assert {key for key, alert in triage.alerts.items() if alert.over_at is None} == set(present)


def what_is(present: dict[Key, float], blind: bool) -> Observation:
    if blind:
        return seen(blind=True)
    return Observation({key: Condition(0, "strange", level) for key, level in present.items()}, ROOMS)


@dataclass
class Account:
    """What people have been told, and whether it holds together."""

    cooldown_s: float
    open: set[Key] = field(default_factory=set)
    last: dict[Key, tuple[float, float]] = field(default_factory=dict)  # when, and how bad

    def check(self, notices: list[Notice], triage: Triage, now: float) -> None:
        assert len({alert.id for alert in triage.alerts.values()}) == len(triage.alerts)
        for notice in notices:
            assert {alert.kind for alert in notice.alerts} == {notice.kind}
            for alert in notice.alerts:
                self._say(notice.what, alert, triage, now)

    def _say(self, what: str, alert: Alert, triage: Triage, now: float) -> None:
        key = alert.key
        assert (key in self.open) == (what != "onset")
        assert what == "recovery" or not triage.is_snoozed(key[0], now)
        if what == "onset":
            at, before = self.last.get(key, (-1e9, 0.0))
            assert now - at >= self.cooldown_s or alert.level >= WORSE * before
            self.open.add(key)
        if what == "recovery":
            self.open.remove(key)
        self.last[key] = (now, alert.level)


def test_a_notice_is_of_its_moment():
    triage = Triage(rules())
    (notice,) = triage.step(0, 0, seen(CELLAR))
    triage.step(1, 0, seen(CELLAR, level=9.0))
    assert notice.alerts[0].level == 1.0
    assert notice.alerts[0] == replace(notice.alerts[0])
