"""What is kept of everything has a most, and the least telling goes first."""

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import bounds, roster
from monitor.bounds import keep_bounds, share
from monitor.changes import Changes
from monitor.device import CHANNELS_EACH, HERALDS_MOST
from monitor.fleet import Fleet, News
from monitor.history.limits import Limits
from monitor.history.packing import CHUNK_RECORDS
from monitor.history.pyramid import WIDTHS_MS
from monitor.ledger import Ledger
from monitor.roster import FEW_RECORDS, HARDLY_SENT_S, NEVER_SENT_FOR_WORDS_S, NEVER_SENT_S
from monitor.store import Store
from tests.monitor.history import commit, lively, totals
from tests.monitor.messages import EPOCH, data, event, info, record, status
from tests.monitor.test_fleet import fed

CURRENT = "c" * 16


class House:
    """A fleet with room for three, and a clock that a test holds in its hands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(roster, "DEVICES_MOST", 3)
        self.now, self.fleet, self.gone = 0.0, Fleet(), list[str]()
        monkeypatch.setattr(self.fleet.roster, "_clock", lambda: self.now)

    def word(self, device: str) -> bool:
        """It says that it is there; whether it is known then."""
        return self._take(device, "status", status("online"))

    def sends(self, device: str, *seqs: int) -> bool:
        """Records; whether it is known then."""
        return self._take(device, "data", data(*map(record, seqs)))

    def _take(self, device: str, leaf: str, payload: bytes) -> bool:
        news = News()
        self.fleet.take(f"picanary/v1/{device}/{leaf}", payload, news)
        self.gone += news.changes.forgotten
        return device in self.fleet.devices


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    return House(monkeypatch)


def test_the_one_that_was_silent_longest_without_a_record_makes_way_for_one_that_sends(house: House) -> None:
    assert all(map(house.word, ("a", "b", "c")))
    house.now = NEVER_SENT_S
    assert house.word("a") and house.sends("real", 1) and house.gone == ["b"]
    assert not house.word("d"), "who sends nothing waits for longer"
    house.now += NEVER_SENT_FOR_WORDS_S
    assert house.word("d") and house.gone == ["b", "c"]
    assert (house.fleet.roster.refused, house.fleet.roster.dismissed) == (1, 2)


def test_who_has_sent_little_long_ago_makes_way_and_who_has_sent_more_never_does(house: House) -> None:
    many = range(1, FEW_RECORDS + 1)
    assert house.sends("a", *many) and house.sends("b", *many) and house.sends("c", 1)
    house.now = HARDLY_SENT_S - 1
    assert not house.sends("real", 1) and house.fleet.roster.refused == 1
    house.now = HARDLY_SENT_S
    assert house.sends("real", *many) and house.gone == ["c"]
    house.now *= 100
    assert not house.sends("late", 1) and house.sends("a", 99)


def test_a_full_house_goes_on_to_hear_those_who_live_there(house: House) -> None:
    assert all(house.sends(name, *range(1, 20)) for name in ("a", "b", "c"))
    assert not house.word("d") and house.sends("a", 20)
    assert house.fleet.devices["a"].records == 20


def test_a_device_that_made_way_leaves_nothing_in_the_store(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "m.db")) as store:
        commit(store, [lively(seq) for seq in range(1, CHUNK_RECORDS + 9)], "junk")
        _, news = fed(
            ("status", status("online")), ("data", data(record(1))), ("event", event(2, "start", 2))
        )
        store.commit(news.changes)
        store.commit(Changes(forgotten=["junk"]))
        assert totals(store) == {"records": 1, "events": 1}
        with store.reading() as run:
            for table in ("journals", "tail", "events", "devices"):
                assert run(f"SELECT count(*) FROM {table}").fetchone() == (1,), table
            for table in ("chunks", "summaries"):
                assert run(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
        commit(store, [lively(seq) for seq in range(1, 2 * CHUNK_RECORDS)], "junk")
        assert totals(store)["records"] == 2 * CHUNK_RECORDS


@given(st.lists(st.integers(0, 100), max_size=50), st.integers(1, 64), st.integers(1, 500))
def test_a_share_is_as_large_as_fits(sizes: list[int], each: int, most: int) -> None:
    found = share(sizes, each, most)
    assert 1 <= found <= each
    assert found == 1 or sum(min(size, found) for size in sizes) <= most
    assert found == each or sum(min(size, 2 * found + 1) for size in sizes) > most


@given(st.sets(st.integers(1, 300), min_size=1), st.integers(1, 20), st.sets(st.integers(1, 300)))
def test_a_ledger_that_is_trimmed_counts_right_behind_its_new_beginning(
    came: set[int], most: int, lost: set[int]
) -> None:
    ledger = Ledger()
    for seq in sorted(came):
        ledger.enter(seq)
    for seq in lost:
        ledger.declare(seq, seq, "cap")
    missing = ledger.missing
    forgotten = ledger.trim(most)
    absent = set(range(ledger.first, ledger.last + 1)) - came
    gone = absent & lost
    assert max(len(ledger.gaps), len(ledger.declared)) <= most
    assert (ledger.missing, ledger.gone) == (len(absent - gone), len(gone))
    assert forgotten == missing - ledger.missing
    assert ledger.had == len([seq for seq in came if seq >= ledger.first])
    assert ledger.enter(400)


def test_the_journals_with_the_fewest_records_go_and_the_current_one_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "JOURNALS_EACH", 3)
    old = [f"{number:016x}" for number in range(5)]
    sent = [
        ("data", data(*[record(seq, epoch=epoch) for seq in range(1, 9 - n)])) for n, epoch in enumerate(old)
    ]
    fleet, news = fed(("info", info(epoch=CURRENT)), *sent, ("data", data(record(1, epoch=CURRENT))))
    assert keep_bounds(fleet.devices.values(), news.changes) == 3
    assert set(fleet.devices["cellar"].ledgers) == {*old[:2], CURRENT}
    assert set(news.changes.dropped) == {("cellar", epoch) for epoch in old[2:]}
    assert {one.record.epoch for _, one in news.changes.records} == {*old[:2], CURRENT}


def test_of_events_of_journals_that_never_come_few_are_taken() -> None:
    fleet, news = fed(
        *[("event", event(1, "start", 1, epoch=f"{number:016x}")) for number in range(HERALDS_MOST + 5)]
    )
    assert len(news.changes.events) == HERALDS_MOST and fleet.malformed == 5


def test_a_device_has_so_many_channels_and_no_more() -> None:
    made = [record(seq, **{f"channel_{seq}_{n}": 1.0 for n in range(10)}) for seq in range(1, 10)]
    fleet, news = fed(("data", data(*made)))
    assert len({key for _, one in news.changes.records for key in one.values}) == CHANNELS_EACH
    assert len(news.changes.records) == 9 and fleet.devices["cellar"].newest is not None
    assert set(fleet.devices["cellar"].newest.values) == {"temperature_c", "humidity_pct"}


def test_what_a_clock_said_of_the_year_3000_hides_no_later_record_when_it_makes_way(tmp_path: Path) -> None:
    far = 32_503_680_000_000
    now_ms = lively(4 * CHUNK_RECORDS).record.ts_ms
    with closing(Store(tmp_path / "m.db", Limits(size_bytes=1))) as store:
        commit(store, [lively(seq, ts_ms=far + seq) for seq in range(1, CHUNK_RECORDS + 1)])
        while store.tidy(now_ms):
            pass
        assert totals(store)["records"] == 0
    with closing(Store(tmp_path / "m.db")) as store:
        commit(store, [lively(seq) for seq in range(4 * CHUNK_RECORDS + 1, 5 * CHUNK_RECORDS + 1)])
        found = store.series("cellar", now_ms + 1, now_ms + WIDTHS_MS[1], 5000, 10.0)
        assert found["step_ms"] == 0 and found["count"] == 90, "records, and not what stands for them"


def test_of_too_many_events_and_doubts_the_newest_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "EVENTS_EACH", 5)
    with closing(Store(tmp_path / "m.db")) as store:
        _, news = fed(
            *[("event", event(number, "start", number)) for number in range(1, 20)],
            *[("data", data(record(n, boot=f"b{n}", clk="unsynced", ts_ms=n))) for n in range(1, 99)],
        )
        store.commit(news.changes)
        store.tidy(0)
        assert totals(store)["events"] == 5
        assert b'"id":19' in store.events("cellar", 1)[0]
        boots = [boot for _, boot in store.doubted()]
        assert len(boots) == bounds.BOOTS_EACH and boots[-1] == "b98"
        assert Fleet.load(store).devices["cellar"].ledgers[EPOCH].had == 98
