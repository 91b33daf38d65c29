"""The memory gives back what came, in whatever order, and its summaries are those of a plain list."""

import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.journal.corrections import Correction
from monitor.changes import Changes
from monitor.history import packing, pyramid, summary
from monitor.history.block import of_judged
from monitor.history.packing import CHUNK_RECORDS
from monitor.history.pyramid import WIDTHS_MS
from monitor.history.retention import used_bytes
from monitor.message import TIME_LEAST, TIME_MOST, Malformed
from monitor.store import Store
from tests.monitor.history import commit, extremes, in_time, judged, lively, same, totals
from tests.monitor.messages import EPOCH, NOON

DAY_MS = 86_400_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "m.db")) as opened:
        yield opened


def rows(store: Store, level: int, device: str = "cellar") -> summary.Summary:
    """What the pyramid has of one device on one level."""
    with store._reader() as reader:
        parts = pyramid.read(reader.execute, device, level, (-(2**55), 2**55))
    return summary.combined(parts)


def count(store: Store, table: str) -> int:
    with store._reader() as reader:
        return int(reader.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@given(st.data())
@settings(deadline=None)
def test_a_chunk_gives_back_every_word_of_its_records(data: Any) -> None:
    value = st.none() | st.floats(-1e6, 1e6)
    many = [
        judged(
            seq,
            ts_ms=data.draw(st.integers(TIME_LEAST, TIME_MOST)),
            mono_ms=data.draw(st.integers(0, 2**43)),
            state=data.draw(st.sampled_from(["normal", "anomalous", "warming"])),
            q=data.draw(st.sampled_from(["ok", "rejected"])),
            why=data.draw(st.none() | st.text(max_size=20)),
            fault=data.draw(st.none() | st.just("stuck")),
            anomaly=data.draw(st.none() | st.booleans()),
            score=data.draw(st.none() | st.floats(0, 50)),
            temperature_c=data.draw(value),
            humidity_pct=data.draw(value),
            strange_unit=data.draw(value),
            expected={"temperature_c": data.draw(value), "strange_unit": data.draw(value)},
        )
        for seq in range(1, data.draw(st.integers(2, 8)))
    ]
    block = of_judged(many)
    back = packing.unpack(packing.pack(block, NOON, 3), NOON, 3)
    assert all(same(one, other) for one, other in zip(many, back.judged(), strict=True))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.integers(1, 3000), st.sampled_from([1000, 10_000, 600_000]))
def test_records_in_any_order_with_repeats_and_gaps_are_those_of_a_plain_list(
    chance: random.Random, total: int, step_ms: int
) -> None:
    lost = range(total // 3, total // 3 + chance.randint(0, total // 4))
    made = [lively(seq, step_ms=step_ms) for seq in range(1, total + 1) if seq not in lost]
    held_back = [one for one in made if chance.random() < 0.05]
    order = [one for one in made if one not in held_back] + held_back
    if chance.random() < 0.3:
        chance.shuffle(order)
    order += chance.sample(order, min(len(order), 40))
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder) / "m.db")) as store:
        at = 0
        while at < len(order):
            some = chance.choice([1, 50, 700, 2000])
            commit(store, order[at : at + some])
            at += some
        while store.tidy(NOON):
            pass
        loose = {one.record.seq for one in made} - _packed(store)
        want = in_time(made)
        got = list(store.records("cellar"))
        assert [one.record.seq for one in got if one.record.seq not in loose] == [
            one.record.seq for one in want if one.record.seq not in loose
        ]
        assert {one.record.seq for one in got} == {one.record.seq for one in want}
        part = [one.record.ts_ms for one in want][len(want) // 4 : len(want) // 2 + 1]
        inside = {one.record.seq for one in store.records("cellar", part[0], part[-1])}
        assert inside == {one.record.seq for one in want if part[0] <= one.record.ts_ms <= part[-1]}
        packed = [one for one in want if one.record.seq not in loose]
        for level in range(len(WIDTHS_MS)) if packed else ():
            _hold_against_a_list(rows(store, level), packed, level)


def _packed(store: Store) -> set[int]:
    with store._reader() as reader:
        loose = {seq for (seq,) in reader.execute("SELECT seq FROM tail")}
    return store.numbers("cellar", EPOCH) - loose


def _hold_against_a_list(got: summary.Summary, packed: list[Any], level: int) -> None:
    want = extremes(packed, level, "temperature_c")
    band = got.bands["temperature_c"]
    found = {
        start: (number, low, high)
        for start, number, low, high in zip(
            got.start.tolist(), got.count.tolist(), band.low.tolist(), band.high.tolist(), strict=True
        )
    }
    assert found == want
    means: dict[int, list[float]] = {}
    for one in packed:
        means.setdefault(one.record.ts_ms // WIDTHS_MS[level], []).append(
            one.record.expected["temperature_c"]
        )
    for start, expected in zip(got.start.tolist(), band.expected.tolist(), strict=True):
        assert expected == pytest.approx(np.mean(means[start]), abs=0.02)


def test_what_is_committed_is_shown_before_and_after_it_is_packed(store: Store) -> None:
    made = [lively(seq) for seq in range(1, CHUNK_RECORDS + 1)]
    commit(store, made[:-1])
    assert (count(store, "tail"), count(store, "chunks")) == (CHUNK_RECORDS - 1, 0)
    assert list(store.records("cellar")) == made[:-1]
    commit(store, made[-1:])
    assert (count(store, "tail"), count(store, "chunks")) == (0, 1)
    assert all(same(a, b) for a, b in zip(store.records("cellar"), made, strict=True))
    ((device, newest),) = store.newest_records()
    assert device == "cellar" and same(newest, made[-1])
    assert totals(store)["records"] == CHUNK_RECORDS


def test_a_steady_room_costs_ten_bytes_a_record_or_less(tmp_path: Path) -> None:
    total = 40 * CHUNK_RECORDS
    with closing(Store(tmp_path / "m.db")) as store:
        for at in range(0, total, 64):
            commit(store, [lively(seq) for seq in range(at + 1, min(at + 64, total) + 1)])
    with closing(sqlite3.connect(tmp_path / "m.db")) as file:  # the tail's pages are used again
        assert used_bytes(file.execute) / total < 10


def test_many_tails_that_fill_up_at_once_are_packed_a_few_at_a_time(store: Store) -> None:
    names = [f"room-{number}" for number in range(40)]
    made = [judged(seq) for seq in range(1, CHUNK_RECORDS + 1)]
    store.commit(Changes(records=[(name, one) for name in names for one in made]))
    packed = count(store, "chunks")
    assert 0 < packed < 40
    while store.tidy(NOON):
        pass
    assert (count(store, "chunks"), count(store, "tail")) == (40, 0)


def test_a_transaction_that_fails_leaves_the_tail_as_it_was(store: Store) -> None:
    commit(store, [lively(seq) for seq in range(1, CHUNK_RECORDS)])
    broken = Changes(
        records=[("cellar", lively(CHUNK_RECORDS))], events=[("cellar", EPOCH, None, 1, 1, b"{}")]
    )
    with pytest.raises(Exception, match="NOT NULL"):
        store.commit(broken)
    assert count(store, "tail") == CHUNK_RECORDS - 1
    commit(store, [lively(CHUNK_RECORDS)])
    assert (count(store, "tail"), count(store, "chunks")) == (0, 1)


def test_a_better_clock_moves_records_that_are_packed_and_their_summaries(store: Store) -> None:
    total = 2 * CHUNK_RECORDS + 9
    wrong = -400 * DAY_MS
    told = Correction("b", 0, 0, NOON, 0, "ntp")
    made = [lively(seq, clk="unsynced", ts_ms=NOON + 10_000 * seq + wrong) for seq in range(1, total + 1)]
    other = [lively(seq, boot="another") for seq in range(total + 1, total + 2 * CHUNK_RECORDS)]
    for at in range(0, total, CHUNK_RECORDS):
        commit(store, made[at : at + CHUNK_RECORDS])
    commit(store, other)
    changes = Changes(dated=[("cellar", told)])
    changes.doubted[("cellar", EPOCH, ("b", "unsynced"))] = (1, total)
    store.commit(changes)
    want = [lively(seq, clk="holdover") for seq in range(1, total + 1)] + other
    assert all(same(a, b) for a, b in zip(store.records("cellar"), in_time(want), strict=True))
    loose = {one.record.seq for one in want} - _packed(store)
    for level in range(len(WIDTHS_MS)):
        _hold_against_a_list(rows(store, level), [one for one in want if one.record.seq not in loose], level)


def test_numbers_that_no_sensor_has_are_kept_or_refused_and_break_nothing(store: Store) -> None:
    with pytest.raises(Malformed, match="larger"):
        judged(1, temperature_c=10**400)
    strange = (1.7e308, -1.7e308, 5e-324, 2**64, 10**300)
    made = [lively(s, **{"temperature_c": strange[s % 5], "": 1.0, "a b": 2}) for s in range(1, 2001)]
    commit(store, made)
    assert all(same(a, b) for a, b in zip(store.records("cellar"), made, strict=True))
    for points in (9, 5000):
        channels = store.series("cellar", None, None, points, 10.0)["channels"]
        assert set(channels) == {"temperature_c", "humidity_pct", "", "a b"}
        assert (min(channels["temperature_c"]["value"]), max(channels[""]["value"])) == (-1.7e308, 1.0)


def test_a_hostile_crowd_of_channels_and_times_stays_in_small_chunks(store: Store) -> None:
    made = [
        judged(seq, ts_ms=389 * seq % 769 * 3 * 10**11, **{f"channel_{seq % 4}_{i}": 1.0 for i in range(13)})
        for seq in range(1, CHUNK_RECORDS + 1)
    ]
    commit(store, made)
    assert count(store, "tail") == 0
    assert all(same(a, b) for a, b in zip(store.records("cellar"), in_time(made), strict=True))


def test_summaries_fold_to_the_same_whichever_comes_first() -> None:
    block = of_judged([lively(seq, step_ms=7000) for seq in range(1, 400)])
    whole = summary.summed_up(block, 60_000)
    odd, even = (summary.summed_up(block.take(slice(at, None, 2)), 60_000) for at in (1, 0))
    for parts in ([odd, even], [even, odd]):
        got = summary.unpack(summary.pack(summary.combined(parts)))
        for name in ("start", "count", "first", "last", "filled", "states", "qualities"):
            np.testing.assert_array_equal(getattr(got, name), getattr(whole, name))
        for name in ("low", "high"):
            wanted = getattr(whole.bands["humidity_pct"], name)
            np.testing.assert_array_equal(getattr(got.bands["humidity_pct"], name), wanted)
        np.testing.assert_allclose(
            got.bands["humidity_pct"].mean, whole.bands["humidity_pct"].mean, atol=0.001
        )
    assert len(replace(whole)) == len(whole)
