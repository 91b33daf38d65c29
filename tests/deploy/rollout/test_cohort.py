"""Who is first: the same each time, at least one, more with each wave, and the sleepers last."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.rollout.cohort import chosen, in_turn, wave_of
from deploy.rollout.plan import Plan, seconds_of, share_of
from edge.errors import ConfigError

NAMES = st.lists(
    st.from_regex(r"[a-z]{1,6}-[0-9]{1,3}", fullmatch=True), unique=True, min_size=1, max_size=60
)


@settings(deadline=None)  # the machine may be busy
@given(NAMES, st.randoms())
def test_the_order_is_of_model_and_names_alone(names: list[str], chance: object) -> None:
    shuffled = sorted(names, key=lambda _: chance.random())  # type: ignore[attr-defined]
    assert in_turn(shuffled, "a") == in_turn(names, "a")
    assert sorted(in_turn(names, "b")) == sorted(names)


def test_another_model_has_other_canaries() -> None:
    names = [f"room-{number}" for number in range(200)]
    firsts = {in_turn(names, f"model {number}")[0] for number in range(20)}
    assert len(firsts) > 10


@settings(deadline=None)  # the machine may be busy
@given(NAMES, st.data())
def test_who_is_asleep_comes_last(names: list[str], data: st.DataObject) -> None:
    asleep = data.draw(st.frozensets(st.sampled_from(names)))
    turn = in_turn(names, "a", asleep)
    assert set(turn[len(turn) - len(asleep) :]) == asleep


@settings(deadline=None)  # the machine may be busy
@given(
    NAMES, st.sampled_from(["1", "3", "5%", "100%", "0.1%"]), st.sampled_from([(), ("50%",), ("2", "100%")])
)
def test_waves_begin_with_at_least_one_and_grow(
    names: list[str], canary: str, waves: tuple[str, ...]
) -> None:
    of = wave_of(names, Plan(canary=canary, waves=waves))
    numbers = [of[name] for name in names if name in of]
    assert numbers == sorted(numbers)
    assert numbers[0] == 0
    assert sorted(set(numbers)) == list(range(max(numbers) + 1))
    if "100%" in (canary, *waves):
        assert len(numbers) == len(names)


def test_devices_are_chosen_by_name_or_pattern() -> None:
    known = ["cellar-1", "cellar-2", "attic"]
    assert chosen(known, Plan()) == ["attic", "cellar-1", "cellar-2"]
    assert chosen(known, Plan(only=("cellar-*",))) == ["cellar-1", "cellar-2"]
    assert chosen(known, Plan(devices=("attic",), only=("*-2",))) == ["attic", "cellar-2"]
    with pytest.raises(ConfigError, match="no device garage; there is attic, cellar-1, cellar-2"):
        chosen(known, Plan(devices=("garage", "attic")))


@pytest.mark.parametrize(
    ("text", "total", "count"), [("5%", 200, 10), ("5%", 3, 1), ("5%", 21, 2), ("7", 3, 3), ("100%", 9, 9)]
)
def test_a_share_is_rounded_up_and_never_none(text: str, total: int, count: int) -> None:
    assert share_of(text, total, "--canary") == count


@pytest.mark.parametrize("text", ["", "0", "0%", "101%", "-1", "2.5", "five", "5 %", "٣"])
def test_a_share_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--canary"):
        share_of(text, 10, "--canary")


def test_times_have_units() -> None:
    assert [seconds_of(text, "--watch") for text in ("90", "90s", "1.5m", "2h", "1d")] == [
        90,
        90,
        90,
        7200,
        86400,
    ]
    for text in ("", "h", "-1s", "1w", "1e3", "inf"):
        with pytest.raises(ConfigError, match="--watch"):
            seconds_of(text, "--watch")
