"""Repeats and missing seqs against the obvious set."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.ledger import Ledger


@given(st.lists(st.integers(1, 60), max_size=120))
def test_the_ledger_says_what_a_set_of_all_seqs_says(seqs):
    ledger, seen = Ledger(), set()
    for seq in seqs:
        assert ledger.enter(seq) == (seq not in seen)
        seen.add(seq)
        absent = set(range(min(seen), max(seen) + 1)) - seen
        assert ledger.missing == len(absent)
        assert ledger.had == len(seen)
        assert {seq for start, end in ledger.gaps for seq in range(start, end + 1)} == absent
        assert ledger.gaps == sorted(ledger.gaps)


def test_a_ledger_that_begins_late_misses_nothing_before():
    ledger = Ledger()
    ledger.enter(500)
    ledger.enter(501)
    assert (ledger.first, ledger.had, ledger.missing) == (500, 2, 0)


def test_a_backlog_that_comes_later_counts_from_its_lowest_seq():
    ledger = Ledger()
    for seq in (500, 501, 498):
        ledger.enter(seq)
    assert ledger.gaps == [(499, 499)]
