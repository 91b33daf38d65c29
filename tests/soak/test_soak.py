"""The soak's own judges see what is wrong; the soak itself is row 42 of the faults."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.monitor.running import until
from tests.soak.account import Received, Sent, balance, ranges
from tests.soak.plan import DISKS, KINDS, MOST_AT_ONCE, draw, longest_s
from tests.soak.supervised import Life, Supervised, heeds
from tests.soak.vitals import judge
from tests.soak.world import Kill

AT = ("cellar", "0" * 16)


@given(seed=st.integers(0, 2**32), seconds=st.floats(20.0, 3600.0))
def test_faults_are_drawn_by_their_seed_and_no_two_of_one_target_overlap(seed: int, seconds: float) -> None:
    drawn = draw(seed, seconds)
    assert drawn == draw(seed, seconds)
    for number, one in enumerate(drawn):
        assert 0.0 < one.at_s <= one.at_s + one.seconds <= seconds + 1e-6
        assert one.seconds <= longest_s(seconds)
        before = [other for other in drawn[:number] if other.at_s + other.seconds > one.at_s]
        assert len([other for other in before if other.kind.target != "nothing"]) < MOST_AT_ONCE
        assert one.kind.target == "nothing" or one.kind.target not in [other.kind.target for other in before]
    assert not {one.kind.target for one in draw(seed, seconds, DISKS)} & set(DISKS)


def test_an_hour_has_every_kind_of_fault_several_times() -> None:
    drawn = Counter(one.kind for one in draw(42, 3600.0))
    assert set(drawn) == set(KINDS)
    assert min(drawn.values()) >= 2


@given(
    last=st.integers(1, 30),
    had=st.sets(st.integers(1, 35)),
    gone=st.sets(st.integers(1, 35)),
    from_memory=st.booleans(),
)
def test_the_ledger_holds_if_each_number_was_had_or_declared_and_no_other_came(
    last: int, had: set[int], gone: set[int], from_memory: bool
) -> None:
    got = Received(had, dict.fromkeys(gone, "cap"))
    row = balance("consumer", AT, Sent(1, last), got, from_memory=from_memory)
    sent = set(range(1, last + 1))
    if from_memory:  # what came beyond the journal is what it never had, without holes
        sent |= {seq for seq in range(last + 1, max(had, default=0) + 1)} - (gone - had)
        assert row.holds == (sent <= had | gone)
    else:
        assert row.holds == (sent <= had | gone and had <= sent)
        assert set(row.missing) == sent - had - gone
        assert set(row.strange) == had - sent


def test_a_kill_that_costs_more_than_the_declared_interval_does_not_hold() -> None:
    assert Kill("e", kept=90, seen=100, age_s=0.5, disk_full=False).holds
    assert not Kill("e", kept=89, seen=100, age_s=0.5, disk_full=False).holds
    assert not Kill("e", kept=99, seen=100, age_s=3.5, disk_full=False).holds
    assert Kill("e", kept=10, seen=100, age_s=9.0, disk_full=True).holds
    assert Kill("e", kept=100, seen=100, age_s=9.0, disk_full=False).holds


ENDED_BY_ITS_OWN_SIGNAL = """
import os, signal, time
def die(*_):
    signal.signal(15, signal.SIG_DFL)
    os.kill(os.getpid(), 15)
signal.signal(15, die)
time.sleep(600)
"""
HANDLER = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit({status})); time.sleep(600)"


def test_the_signal_ends_one_that_is_still_loading_in_order(tmp_path: Path) -> None:
    loading = Supervised("hall", [sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "log")
    loading.start()
    loading.terminate(30.0)
    assert not loading.surprises


def test_one_that_never_heeds_the_signal_is_a_surprise(tmp_path: Path) -> None:
    deaf = Supervised("hall", [sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "log")
    deaf.start()
    deaf.terminate(30.0, loading_s=0.0)
    assert deaf.surprises == ["hall ended on SIGTERM with status -15"]


@pytest.mark.parametrize("status", [0, 1, -15])
def test_one_that_heeds_the_signal_ends_with_nothing_but_0(tmp_path: Path, status: int) -> None:
    code = HANDLER.format(status=status) if status >= 0 else ENDED_BY_ITS_OWN_SIGNAL
    heeding = Supervised("hall", [sys.executable, "-c", code], tmp_path / "log")
    heeding.start()
    until(lambda: heeds(heeding.lives[-1].pid))
    heeding.terminate(30.0)
    assert heeding.surprises == ([f"hall ended on SIGTERM with status {status}"] if status else [])


def _life(rise_mb_h: float, seconds: int, descriptors_h: float = 0.0) -> Life:
    samples = [
        (float(s), 50.0 + rise_mb_h * s / 3600.0 + s % 3, 12 + int(descriptors_h * s / 3600.0))
        for s in range(0, seconds, 5)
    ]
    return Life(1, samples)


@pytest.mark.parametrize(
    ("life", "is_flat"),
    [
        (_life(0.0, 3600), True),
        (_life(3.0, 3600), True),
        (_life(10.0, 3600), False),
        (_life(10.0, 400), True),
        (_life(400.0, 400), False),
        (_life(0.0, 3600, 12.0), False),
    ],
)
def test_memory_and_descriptors_that_grow_are_told(life: Life, is_flat: bool) -> None:
    vitals = judge("agent", life)
    assert vitals is not None and vitals.slope is not None
    assert (not vitals.faults) == is_flat


def test_a_life_that_was_short_is_not_judged() -> None:
    vitals = judge("agent", _life(9000.0, 200))
    assert vitals is not None and vitals.slope is None and not vitals.faults
    assert judge("agent", Life(1)) is None


def test_numbers_are_written_as_ranges() -> None:
    assert ranges((1, 2, 3, 7, 9, 10)) == "1-3, 7, 9-10"
