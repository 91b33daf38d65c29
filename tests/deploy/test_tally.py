"""Counting what a demo found: the rules at the top of deploy/tally.py, one by one."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deploy.tally import Tally, tally

PERIOD_S = 10


def records(line: str, scores: str = "") -> list[dict[str, Any]]:
    """A record a letter, ten seconds apart: `F` a fault, `G` another kind; lower case or `.`: none.

    Alarms: `!` without a fault, `X` and `Y` within F and G, `S` a sensor fault within F. `w` is
    warming. `scores` gives a digit a record; else 0 in calm and 3 in alarm.
    """
    faults = {"F": "spike", "X": "spike", "S": "spike", "G": "drift", "Y": "drift"}
    made = []
    for at, letter in enumerate(line):
        state = {"w": "warming", "S": "sensor_fault"}.get(
            letter, "anomalous" if letter in "!XY" else "normal"
        )
        score = float(scores[at]) if scores else 3.0 * (letter in "!XY")
        made.append(
            {
                "ts_ms": 1_000_000 + 1000 * PERIOD_S * at,
                "state": state,
                "score": None if state in ("warming", "sensor_fault") else score,
                "anomaly": None if state in ("warming", "sensor_fault") else state == "anomalous",
                "fault": faults.get(letter),
            }
        )
    return made


CALM = "." * 20


def test_an_alarm_in_a_fault_finds_it() -> None:
    assert tally(records(CALM + "FFXXF" + CALM)) == Tally(1, 1, 0, 0)


def test_a_sensor_fault_finds_a_fault() -> None:
    assert tally(records(CALM + "FSSF" + CALM)) == Tally(1, 1, 0, 0)


def test_a_fault_without_an_alarm_is_not_found() -> None:
    assert tally(records(CALM + "FFFF" + CALM)) == Tally(1, 0, 0, 0)


def test_an_alarm_within_the_slack_after_a_fault_finds_it() -> None:
    assert tally(records(CALM + "F" + "." * 8 + "!" + CALM)) == Tally(1, 1, 0, 0)


def test_an_alarm_after_the_slack_finds_nothing() -> None:
    assert tally(records(CALM + "F" + "." * 9 + "!" + CALM)) == Tally(1, 0, 0, 0)


def test_an_alarm_after_the_recovery_is_false() -> None:
    assert tally(records(CALM + "F" + "." * 89 + "!" + CALM)) == Tally(1, 0, 0, 0)
    assert tally(records(CALM + "F" + "." * 90 + "!" + CALM)) == Tally(1, 0, 1, 0)


def test_an_alarm_before_any_fault_is_false() -> None:
    assert tally(records(CALM + "!!" + CALM)) == Tally(0, 0, 1, 0)


def test_an_alarm_just_before_a_fault_does_not_find_it_and_is_false() -> None:
    assert tally(records(CALM + "!!" + "." * 12 + "FFF" + CALM)) == Tally(1, 0, 1, 0)


def test_an_alarm_that_flickers_is_one_alarm() -> None:
    assert tally(records(CALM + "!.!..!!...!" + CALM)) == Tally(0, 0, 1, 0)
    assert tally(records(CALM + "!" + "." * 9 + "!" + CALM)) == Tally(0, 0, 2, 0)


def test_the_long_tail_of_an_alarm_is_not_false() -> None:
    assert tally(records(CALM + "FX" + "!" * 50 + CALM)) == Tally(1, 1, 0, 0)


def test_an_alarm_that_stays_open_does_not_find_the_next_fault() -> None:
    assert tally(records(CALM + "FX" + "!" * 30 + "YYY" + CALM)) == Tally(2, 1, 0, 0)


def test_an_open_alarm_that_doubles_its_score_finds_the_next_fault() -> None:
    line = CALM + "FX" + "!" * 30 + "YYY" + CALM
    scores = "0" * 21 + "9" + "2" * 30 + "247" + "0" * 20
    assert tally(records(line, scores)) == Tally(2, 2, 0, 0)


def test_an_open_alarm_that_changes_its_kind_finds_the_next_fault() -> None:
    assert tally(records(CALM + "GY" + "!" * 30 + "SSS" + CALM)) == Tally(2, 2, 0, 0)


def test_an_alarm_all_the_time_finds_next_to_nothing() -> None:
    assert tally(records("!" * 30 + "XXX" + "!" * 30 + "YYY" + "!" * 30)) == Tally(2, 0, 0, 0)


def test_two_kinds_of_fault_in_a_row_are_two_faults() -> None:
    assert tally(records(CALM + "FFXGGG" + CALM)) == Tally(2, 1, 0, 0)


def test_where_spans_overlap_an_alarm_speaks_for_the_fault_that_began_last() -> None:
    assert tally(records(CALM + "FFF...GGY" + CALM)) == Tally(2, 1, 0, 0)


def test_a_fault_before_the_first_verdict_is_not_judged() -> None:
    line = records("wwFFw" + CALM)
    line[2]["state"] = line[3]["state"] = "warming"
    assert tally(line) == Tally(0, 0, 0, 1)


def test_a_fault_that_the_end_cuts_short_counts_only_when_found() -> None:
    assert tally(records(CALM + "FF")) == Tally(0, 0, 0, 1)
    assert tally(records(CALM + "FX")) == Tally(1, 1, 0, 0)


def test_the_slack_is_in_the_room_s_time() -> None:
    fast = records(CALM + "F" + "." * 8 + "!" + CALM)
    for record in fast:
        record["ts_ms"] //= 100
    assert tally(fast, speed=100.0) == Tally(1, 1, 0, 0)
    assert tally(fast, speed=1000.0) == Tally(1, 0, 0, 0)


def test_no_records_are_nothing() -> None:
    assert tally([]) == Tally(0, 0, 0, 0)


@given(st.text(alphabet=".F!XGYSw", max_size=120))
def test_the_figures_fit_each_other_whatever_happens(line: str) -> None:
    made = records(line)
    counted = tally(made)
    episodes = _runs([record["fault"] for record in made])
    assert counted.faults + counted.unjudged == episodes
    assert 0 <= counted.found <= counted.faults
    assert counted.false_alarms <= _runs([_in_alarm(record) for record in made])
    if not any(_in_alarm(record) for record in made):
        assert (counted.found, counted.false_alarms) == (0, 0)
    if not episodes and any(_in_alarm(record) for record in made):
        assert counted.false_alarms > 0


def _in_alarm(record: dict[str, Any]) -> bool:
    return record["anomaly"] is True or record["state"] == "sensor_fault"


def _runs(values: list[Any]) -> int:
    """How many runs of one and the same truthy value."""
    return sum(bool(v) and v != before for v, before in zip(values, [None, *values], strict=False))
