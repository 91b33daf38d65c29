"""Packed bodies: whatever goes in comes out, and what rotted is told as such."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import JournalError
from edge.journal import Journal
from edge.journal.packing import REACH, WHOLE, Packer, Unpacker
from edge.journal.ring import checksum
from edge.journal_reader import JournalReader
from edge.message import encode

_NUMBERS = (
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 0.0, 1e-7])
)
_LEAVES = st.none() | st.booleans() | _NUMBERS | st.text(max_size=8)
_TABLES = st.dictionaries(st.text(max_size=5), _LEAVES | st.lists(_LEAVES, max_size=4), max_size=5)
_BODIES = _TABLES.map(lambda table: json.dumps(table, separators=(",", ":")).encode()) | st.binary(
    max_size=50
)
_WORDS = _NUMBERS.map(lambda number: json.dumps(number).encode()) | st.sampled_from(
    [b"-0", b"0", b"-1", b"05", b"-", b"-0.5"]
)
_LIKE = st.tuples(_WORDS, _WORDS, _WORDS).map(lambda words: b'{"a":%s,"b":%s,"c":[%s]}' % words)


@settings(max_examples=300, deadline=None)
@given(records=st.lists(st.tuples(st.integers(1, 40), st.booleans(), _BODIES | _LIKE), max_size=20))
def test_whatever_is_packed_comes_out_as_it_was(records: list[tuple[int, bool, bytes]]) -> None:
    packer, disk, bodies, seq = Packer(), {}, {}, 0
    for step, alone, body in records:
        seq += step
        bodies[seq], disk[seq] = body, packer.pack(seq, body, alone=alone)
    unpacker = Unpacker(disk.get)
    assert {seq: unpacker.unpack(seq, packed) for seq, packed in reversed(disk.items())} == bodies


@settings(max_examples=300, deadline=None)
@given(packed=st.binary(max_size=60), key=st.binary(max_size=60), seq=st.integers(0, 1 << 40))
def test_what_rotted_never_raises(packed: bytes, key: bytes, seq: int) -> None:
    unpacker = Unpacker(lambda _: WHOLE + key)
    assert isinstance(unpacker.unpack(seq, packed), bytes | None)


def records(count: int) -> Iterator[bytes]:
    """Like an agent's: the numbers change, and little else."""
    for number in range(1, count + 1):
        yield encode({"v": 1, "seq": number, "ts_ms": 1_780_000_000_000 + 2_000 * number, "x": number / 7})


def held(journal: Journal) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while page := journal.after(max(found, default=0), 1000, 10**9):
        found.update(page)
    return found


def rows(path: Path) -> dict[int, bytes]:
    with closing(sqlite3.connect(path)) as database:
        return dict(database.execute("select seq, body from records").fetchall())


def test_most_records_are_kept_as_their_numbers_only(tmp_path: Path) -> None:
    path, bodies = tmp_path / "journal.db", list(records(500))
    journal = Journal(path)
    for body in bodies:
        journal.append(body)
    journal.close()
    packed = rows(path)
    assert sum(map(len, packed.values())) < 0.3 * sum(map(len, bodies))
    assert sum(body[:1] == WHOLE for body in packed.values()) <= 500 // REACH + 1
    with JournalReader(path) as beside:
        assert list(beside.records()) == [json.loads(body) for body in bodies]
        assert list(beside.records(457)) == [json.loads(body) for body in bodies[457:]]


def test_a_record_whose_key_makes_way_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = Journal(path, commit_records=7, most_records=100)
    bodies = dict(enumerate(records(1000), 1))
    for seq, body in bodies.items():
        journal.append(body, strange=seq % 31 == 0)
        if seq % 7 == 0:
            with JournalReader(path) as beside:  # which remembers no key
                kept = [table["seq"] for table in beside.records()]
            assert len(kept) == seq - journal.dropped, "none was lost but those that made way"
    assert held(journal) == {seq: bodies[seq] for seq in held(journal)}
    journal.close()


def test_a_flipped_bit_in_a_packed_body_is_counted_and_the_others_are_read(tmp_path: Path) -> None:
    path, bodies = tmp_path / "journal.db", dict(enumerate(records(300), 1))
    journal = Journal(path)
    for body in bodies.values():
        journal.append(body)
    journal.close()
    packed = rows(path)
    key = next(seq for seq, body in packed.items() if body[:1] == WHOLE and seq > 100)
    rotten = {20: 0, 50: len(packed[50]) - 1, key: 9}
    with closing(sqlite3.connect(path)) as database:
        for seq, at in rotten.items():
            flipped = bytes(byte ^ (4 if place == at else 0) for place, byte in enumerate(packed[seq]))
            database.execute("update records set body = ? where seq = ?", (flipped, seq))
        database.commit()
    lost = {20, 50, *range(key, key + REACH + 1)}
    with JournalReader(path) as beside:
        told: list[dict[str, Any]] = list(beside.records())
        assert [table["seq"] for table in told] == [seq for seq in bodies if seq not in lost]
    journal = Journal(path)
    assert held(journal) == {seq: body for seq, body in bodies.items() if seq not in lost}
    journal.append(b"{}")
    journal.commit()
    assert journal.dropped == len(lost)
    assert [seq for first, last, _ in journal.gone(None, 1, 300) for seq in range(first, last + 1)] == sorted(
        lost
    )
    journal.close()


def test_no_record_needs_one_whose_commit_failed_and_that_memory_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.journal.ring.MOST_WAITING", 10)
    bodies = list(records(40))
    journal = Journal(tmp_path / "journal.db", commit_records=1000)
    for body in bodies[:10]:
        journal.append(body)
    assert journal._disk.file is not None
    database = journal._disk.file._db
    database.execute(
        "create temp trigger full before insert on records when new.seq = 9 "
        "begin select raise(abort, 'no'); end"
    )
    with pytest.raises(JournalError, match="cannot be written"):
        journal.commit()
    for body in bodies[10:]:
        journal.append(body)
    database.execute("drop trigger full")
    journal.commit()
    assert list(held(journal).values()) == bodies[30:]
    journal.close()


def test_a_journal_of_the_second_format_is_taken_over_whole_and_its_rows_stay(tmp_path: Path) -> None:
    path, bodies = tmp_path / "journal.db", dict(enumerate(records(60), 1))
    Journal(path).close()
    with closing(sqlite3.connect(path)) as database:
        old = [(seq, 0, body, checksum(seq, body)) for seq, body in bodies.items()]
        database.executemany("insert into records values (?, ?, ?, ?)", old)
        database.execute("update facts set value = 2 where name = 'format'")
        database.execute("update facts set value = 60 where name = 'last'")
        database.commit()
    with JournalReader(path) as beside:
        assert [table["seq"] for table in beside.records()] == list(bodies)
    journal = Journal(path)
    assert (journal.next_seq, held(journal)) == (61, bodies)
    journal.append(b'{"seq":61}')
    journal.close()
    assert {seq: body for seq, body in rows(path).items() if seq <= 60} == bodies
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("select value from facts where name = 'format'").fetchone() == (3,)
