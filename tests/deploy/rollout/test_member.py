"""What is held against a device, and what is not: late wills, our own absence, a burst of alarms."""

from typing import Any

import pytest

from deploy.rollout.member import BURST_S, Member, Stage
from deploy.rollout.watching import LONGEST_TICK_S, Watching

NEW, OLD = "room-2-0f54b6f4", "room-1-b1946ac9"


def status(state: str, session: str = "one") -> dict[str, Any]:
    return {"state": state, "session": session}


def health(seq: int, uptime_s: float, cpu_s: float = 1.0, errs: int = 0) -> dict[str, Any]:
    return {
        "uptime_s": uptime_s,
        "journal": {"last_seq": seq},
        "faults": {"model": errs},
        "host": {"cpu_s": cpu_s},
    }


@pytest.fixture
def member() -> Member:
    """One that has the new model since second 100, and makes a reading every ten seconds."""
    made = Member("cellar", wave=0, stage=Stage.HAS)
    made.hear("info", {"period_s": 10.0}, 100.0, kept=True)
    made.hear("status", status("online"), 100.0, kept=True)
    made.begin(100.0)
    return made


def wrong(member: Member, now: float, there_since: float = 0.0) -> list[str]:
    return member.troubles(now, there_since, 120.0, 200.0)


def test_one_that_goes_on_is_well(member: Member) -> None:
    for minute in range(10):
        member.hear("health", health(6 * minute, 60.0 * minute), 100.0 + 60 * minute, kept=False)
    assert wrong(member, 650.0) == []
    assert member.records == 54


def test_away_counts_after_a_while_and_not_while_we_were_away_ourselves(member: Member) -> None:
    member.hear("status", status("offline"), 200.0, kept=False)
    assert wrong(member, 310.0) == []
    assert wrong(member, 321.0) == ["offline"]
    assert wrong(member, 321.0, there_since=300.0) == []


def test_a_late_will_of_another_session_puts_nobody_offline(member: Member) -> None:
    member.hear("status", status("online", "two"), 200.0, kept=False)
    member.hear("status", status("offline", "one"), 201.0, kept=False)
    assert member.online


def test_another_session_is_a_restart_and_the_same_one_is_none(member: Member) -> None:
    member.hear("status", status("offline"), 150.0, kept=False)
    member.hear("status", status("online"), 151.0, kept=False)
    assert wrong(member, 160.0) == []
    member.hear("status", status("online", "two"), 170.0, kept=False)
    assert wrong(member, 180.0) == ["restarted"]
    member.hear("status", status("online", "three"), 181.0, kept=False)
    assert wrong(member, 182.0) == ["restarted 2 times"]


@pytest.mark.parametrize(
    ("last", "trouble"),
    [
        (health(30, 300.0), []),
        (health(14, 300.0), ["too few readings"]),
        (health(30, 300.0, cpu_s=170.0), ["busy"]),
        (health(30, 300.0, errs=1), ["the model errs"]),
    ],
)
def test_health_tells_what_is_wrong(member: Member, last: dict[str, Any], trouble: list[str]) -> None:
    member.hear("health", health(0, 0.0), 110.0, kept=False)
    member.hear("health", last, 410.0, kept=False)
    assert wrong(member, 411.0) == trouble


def test_no_word_of_its_health_is_a_trouble_but_what_was_kept_is_no_word(member: Member) -> None:
    member.hear("health", health(0, 0.0), 290.0, kept=True)
    assert wrong(member, 301.0) == ["no word of its health"]
    assert wrong(member, 301.0, there_since=200.0) == []


def test_what_is_no_agents_message_harms_nobody(member: Member) -> None:
    for junk in ({"journal": 7}, {"journal": {"last_seq": "x"}, "host": [], "faults": None}, {}):
        member.hear("health", junk, 110.0, kept=False)
        member.hear("health", junk, 411.0, kept=False)
    assert wrong(member, 412.0) == []


def test_a_story_that_is_no_story_is_none(member: Member) -> None:
    member.hear("health", {"uptime_s": "x"}, 110.0, kept=False)
    member.hear("info", {"period_s": "often"}, 110.0, kept=False)
    member.hear("model", {"installed": [NEW], "state": {}, "why": None, "latest": NEW}, 110.0, kept=False)
    assert (member.story, member.has(NEW), wrong(member, 300.0)) == ({"latest": NEW}, False, [])


def event(model: str, phase: str = "start", state: str = "anomalous") -> dict[str, Any]:
    return {"phase": phase, "state": state, "model": model}


def group(watching: Watching, *members: Member) -> Watching:
    for second in (0.0, 10.0):
        watching.tick(members, second, there=True, in_wave=True)
    return watching


def other(name: str = "attic", stage: Stage = Stage.WAITING) -> Member:
    made = Member(name, wave=1, stage=stage, online=True)
    made.story = {"installed": OLD}
    return made


def test_time_counts_for_those_who_are_there(member: Member) -> None:
    away, bare = other("away"), other("bare")
    away.online, bare.story = False, {"installed": None}
    watching = group(Watching(NEW), member, other(), other("loft"), away, bare, other("out", Stage.REFUSED))
    assert (watching.new.seconds, watching.control.seconds, watching.earlier.seconds) == (10.0, 20.0, 20.0)
    watching.tick([member, other()], 20.0, there=False, in_wave=True)
    watching.tick([member, other()], 30.0, there=True, in_wave=True)
    watching.tick([member, other()], 30.0 + LONGEST_TICK_S, there=True, in_wave=True)
    assert (watching.new.seconds, watching.elapsed_s) == (10.0, 10.0)


def test_alarms_are_the_models_that_raised_them(member: Member) -> None:
    watching, control = Watching(NEW), other()
    assert watching.hear(member, event(NEW), 1.0, in_wave=True)
    assert watching.hear(control, event(OLD), 1.0, in_wave=True)
    assert not watching.hear(other(), event(OLD, state="sensor_fault"), 1.0, in_wave=True)
    assert not watching.hear(other(), event(OLD, state="advisory"), 1.0, in_wave=True)
    assert watching.hear(other(), event(f"{NEW}+2d"), 1.0, in_wave=True)
    assert (watching.new.alarms, watching.control.alarms, watching.earlier.alarms) == (2, 1, 1)


def test_a_burst_is_one_alarm_and_what_was_open_at_the_swap_is_none(member: Member) -> None:
    watching = Watching(NEW)
    watching.hear(member, event(OLD), 0.0, in_wave=True)
    watching.hear(member, event(OLD, "end"), 100.0, in_wave=True)
    assert not watching.hear(member, event(NEW), 101.0, in_wave=True)
    watching.hear(member, event(NEW, "end"), 200.0, in_wave=True)
    assert not watching.hear(member, event(NEW), 200.0 + BURST_S, in_wave=True)
    assert watching.hear(member, event(NEW), 201.0 + 2 * BURST_S, in_wave=True)
    assert watching.new.alarms == 1


def test_what_is_on_disk_is_all_that_counts(member: Member) -> None:
    member.watched_s, member.records, member.why = 7.5, 3, "x"
    again = Member.from_json(member.to_json())
    assert again.to_json() == member.to_json()
    watching = group(Watching(NEW), member, other())
    watching.hear(other(), event(OLD), 1.0, in_wave=True)
    back = Watching(NEW)
    back.restore(watching.to_json())
    assert back.to_json() == watching.to_json()
