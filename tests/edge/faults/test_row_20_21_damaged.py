"""Rows 20 and 21: a journal that is damaged, or of another version."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.journal import Journal
from edge.journal.packing import REACH
from edge.journal_reader import JournalReader
from edge.message import encode
from tests.edge.faults.agents import numbers

# the records of few pages, and those that are told by a record on them
MOST_LOST = 4 * 30 + REACH


def a_body(number: int) -> bytes:
    """A record with numbers that no packing makes much smaller."""
    chance = random.Random(number)
    return encode({"n": number, "values": [round(chance.random(), 7) for _ in range(30)]})


def bodies(journal: Journal) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while page := journal.after(max(found, default=0), 1000, 10**9):
        found.update(page)
    return found


def a_journal(folder: Path, count: int = 1500) -> tuple[Path, str]:
    """A copy of one whose agent was killed: its file, and its epoch."""
    opened = Journal(folder / "original.db", commit_records=100)
    for number in range(1, count + 1):
        opened.append(a_body(number), strange=number % 50 == 0)
    opened.commit()
    with closing(sqlite3.connect(folder / "original.db")) as database:
        database.execute("pragma wal_checkpoint(full)")
    path = folder / "journal.db"
    shutil.copy(folder / "original.db", path)
    epoch = opened.epoch
    opened.close()
    return path, epoch


def _torn(content: bytearray, _: random.Random) -> bytearray:
    return content[:-2000]


def _torn_by_pages(content: bytearray, _: random.Random) -> bytearray:
    return content[:-10_000]


def _zeroed(content: bytearray, _: random.Random) -> bytearray:
    content[-3 * 4096 :] = bytes(3 * 4096)
    return content


def _flipped(content: bytearray, chance: random.Random) -> bytearray:
    content[chance.randrange(4096, len(content))] ^= 1 << chance.randrange(8)
    return content


DAMAGES: dict[str, tuple[Callable[[bytearray, random.Random], bytearray], int]] = {
    "torn": (_torn, 0),
    "torn by pages": (_torn_by_pages, 0),
    "zeroed": (_zeroed, 0),
    **{f"flipped {seed}": (_flipped, seed) for seed in range(12)},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_row_20_what_is_readable_of_a_damaged_journal_is_kept_and_the_loss_counted(
    tmp_path: Path, damage: str
) -> None:
    path, epoch = a_journal(tmp_path)
    break_it, seed = DAMAGES[damage]
    path.write_bytes(break_it(bytearray(path.read_bytes()), random.Random(seed)))
    opened = Journal(path)
    held = bodies(opened)
    assert all(json.loads(body)["n"] == seq for seq, body in held.items())
    assert len(held) >= 1500 - MOST_LOST, "of few pages only"
    declared = [seq for first, last, _ in opened.gone(epoch, 1, 1500) for seq in range(first, last + 1)]
    assert sorted([*held, *declared]) == list(range(1, 1501))
    assert opened.dropped == 1500 - len(held)
    if damage in ("torn", "zeroed"):
        assert (tmp_path / "journal.db.damaged-1").exists()
    assert opened.append(b"{}") == 1501
    opened.commit()
    opened.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)


def test_row_20_a_zeroed_tail_of_the_write_ahead_log_costs_only_the_tail(tmp_path: Path) -> None:
    opened = Journal(tmp_path / "original.db", commit_records=10)
    for number in range(1, 201):
        opened.append(a_body(number))
    for side in ("", "-wal"):
        shutil.copy(tmp_path / f"original.db{side}", tmp_path / f"journal.db{side}")
    epoch = opened.epoch
    opened.close()
    wal = tmp_path / "journal.db-wal"
    wal.write_bytes(wal.read_bytes()[:-20_000] + bytes(20_000))
    again = Journal(tmp_path / "journal.db")
    held = sorted(bodies(again))
    assert 100 < len(held) < 200
    assert held == list(range(1, len(held) + 1))
    assert again.gone(epoch, 1, 200) == [(len(held) + 1, 200, "power")]
    again.close()


def test_row_20_damage_that_is_met_while_running_is_mended_without_a_restart(tmp_path: Path) -> None:
    path, _ = a_journal(tmp_path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("update facts set value = 1 where name = 'closed'")
        database.commit()
    content = bytearray(path.read_bytes())
    content[-40 * 4096 : -37 * 4096] = bytes(3 * 4096)
    path.write_bytes(content)
    opened = Journal(path, commit_records=1)
    seen = 0
    try:
        while page := opened.after(seen, 100, 10**9):
            seen = page[-1][0]
    except Exception as error:
        assert "cannot be read" in str(error)
    opened.append(b"{}")
    assert opened.storage == "ok"
    held = bodies(opened)
    assert 1500 - 2 * MOST_LOST <= len(held) <= 1501, "an inner page of the tree may be among them"
    assert 1501 in held
    assert opened.dropped == 1501 - len(held)
    opened.close()


def test_row_21_a_journal_of_the_first_format_is_taken_over_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            """
            create table facts (name text primary key, value) without rowid;
            create table records (seq integer primary key, strange integer not null, body blob not null);
            create table events (number integer primary key autoincrement, body blob not null);
            create index ordinary on records (seq) where strange = 0;
            insert into facts values ('format', 1), ('epoch', '00112233aabbccdd'), ('closed', 1),
                ('last', 40), ('sent', 12), ('dropped', 3);
            """
        )
        rows = [(seq, 0, encode({"seq": seq})) for seq in range(1, 41)]
        database.executemany("insert into records values (?, ?, ?)", rows)
        database.execute("insert into events (body) values (?)", (b"{}",))
        database.commit()
    with JournalReader(path) as beside:
        assert beside.count() == len(list(beside.records())) == 40
    opened = Journal(path)
    assert (opened.epoch, opened.next_seq, opened.sent, opened.dropped) == ("00112233aabbccdd", 41, 12, 3)
    assert bodies(opened) == {seq: body for seq, _, body in rows}
    assert opened.events_after(0, 9) == [(1, b"{}")]
    opened.append(b"{}")
    opened.close()
    assert numbers(path) == list(range(1, 42))


def test_row_21_a_journal_of_a_newer_version_is_set_aside_with_a_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal.db"
    first = Journal(path)
    first.append(b"1")
    first.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("update facts set value = 99 where name = 'format'")
        database.commit()
    second = Journal(path)
    assert (second.next_seq, second.epoch == first.epoch) == (1, False)
    second.close()
    assert numbers(tmp_path / "journal.db.format-99-1") == [1]
    assert "journal format 99" in caplog.text
    assert "journal.db.format-99-1" in caplog.text
