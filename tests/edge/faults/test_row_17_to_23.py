"""Rows 17 to 23 of the faults: a full journal, a failing disk, a damaged file, a wrong clock."""

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.clock import BELIEVABLE_MS
from edge.journal import Journal
from edge.journal_reader import JournalReader
from edge.message import encode
from tests.brokers import Broker, free_port, is_listening, mosquitto
from tests.edge.faults.disks import fill, remount, small_disk, turning_readonly
from tests.edge.test_agent import DEADLINE_S, ROOT, Subscriber, schema, subscriber
from tests.edge.test_connection import self_signed

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@contextmanager
def agent(
    folder: Path, broker: Broker, speed: float = 500.0, *flags: str, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """A simulated room with its journal in `folder`, and its words in a file beside it."""
    command = [sys.executable, "-m", "edge", "--device", "cellar", "--journal", str(folder / "journal.db")]
    source = ["--source", "simulator", "--bundle", "none", "--speed", str(speed), "--commit-s", "0.2"]
    where = ["--broker", f"{broker.host}:{broker.port}", *flags]
    with (folder.parent / "agent.log").open("a") as log:
        process = subprocess.Popen(
            ["env", *(f"{k}={v}" for k, v in environment.items()), *command, *source, *where],
            cwd=ROOT,
            stderr=log,
            text=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def numbers(path: Path) -> list[int]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        try:
            return [seq for (seq,) in database.execute("select seq from records order by seq")]
        except sqlite3.OperationalError:
            return []


def bodies(journal: Journal) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while page := journal.after(max(found, default=0), 1000, 10**9):
        found.update(page)
    return found


def test_row_17_a_full_journal_drops_ordinary_records_first_and_declares_the_gap(tmp_path: Path) -> None:
    opened = Journal(tmp_path / "journal.db", commit_records=1, most_records=100)
    for number in range(1, 301):
        opened.append(b"%d" % number, strange=number % 10 == 0)
    held = bodies(opened).keys()
    assert len(held) <= 100
    assert set(range(10, 301, 10)) <= held, "what an event is made of goes last"
    assert opened.dropped == 300 - len(held)
    for each in (opened, None):
        if each is None:
            opened.close()
            each = Journal(tmp_path / "journal.db")
        gone = each.gone(each.epoch, 1, 300)
        assert {cause for _, _, cause in gone} == {"cap"}
        declared = [seq for first, last, _ in gone for seq in range(first, last + 1)]
        assert sorted([*declared, *held]) == list(range(1, 301))
    assert each is not None
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
        assert database.execute("select count(*) from gone").fetchone()[0] < 5, "ranges that touch are one"
    each.close()


def test_row_17_when_only_events_are_left_the_oldest_of_them_go(tmp_path: Path) -> None:
    opened = Journal(tmp_path / "journal.db", commit_records=1, most_records=50)
    for number in range(1, 201):
        opened.append(b"%d" % number, strange=True)
    held = sorted(bodies(opened))
    assert held == list(range(201 - len(held), 201))
    assert opened.gone(None, 1, 200) == [(1, 200 - len(held), "cap")]
    opened.close()


def _is_complete(path: Path, heard: Subscriber) -> bool:
    held = numbers(path)
    return bool(held) and held == list(range(1, held[-1] + 1)) and held[-1] >= max(heard.records())


def test_row_18_a_full_disk_is_bridged_by_memory_and_used_again_without_a_restart(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, mosquitto() as broker, subscriber(broker) as heard:
        filler = fill(disk)
        with agent(disk, broker, 1000.0) as process:
            heard.wait(lambda: bool(heard.of("health")))
            assert heard.of("health")[0]["journal"]["storage"] == "full"
            schema("health").validate(heard.of("health")[0])
            heard.wait(lambda: len(heard.records()) > 20)  # from memory
            filler.unlink()
            until(lambda: _is_complete(disk / "journal.db", heard), "the disk is used when there is room")
            filler = fill(disk)
            reached = max(heard.records())
            heard.wait(lambda: max(heard.records()) > reached + 200)
            filler.unlink()
            until(lambda: _is_complete(disk / "journal.db", heard), "and again")
            assert process.poll() is None
        assert process.returncode == 0
        assert len({record["epoch"] for batch in heard.of("data") for record in batch["records"]}) == 1
    assert (tmp_path / "agent.log").read_text().count("is written again") >= 2


def test_row_19_a_disk_that_is_read_only_at_the_start_is_said_and_used_later(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, mosquitto() as broker, subscriber(broker) as heard:
        with agent(disk, broker):
            heard.wait(lambda: len(heard.records()) > 20)
        before = numbers(disk / "journal.db")
        remount(disk, "ro")
        with agent(disk, broker) as process:
            heard.wait(lambda: len(heard.of("health")) > 1)
            assert heard.of("health")[-1]["journal"]["storage"] == "readonly"
            heard.wait(lambda: len(heard.records()) > len(before) + 50)
            assert min(set(heard.records()) - set(before)) == before[-1] + 1, "numbers go on"
            assert process.poll() is None, "no crash loop"
            remount(disk, "rw")
            until(lambda: _is_complete(disk / "journal.db", heard), "the disk is used when it is back")
        assert process.returncode == 0
        epochs = [r["epoch"] for batch in heard.of("data") for r in batch["records"]]
        assert len(set(epochs)) == 2


def test_row_19_a_disk_that_turns_read_only_is_bridged_by_memory(tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    environment = turning_readonly(tmp_path, sign)
    folder = tmp_path / "disk"
    folder.mkdir()
    with mosquitto() as broker, subscriber(broker) as heard:
        with agent(folder, broker, **environment) as process:
            heard.wait(lambda: len(heard.records()) > 20)
            sign.touch()
            reached = max(heard.records())
            heard.wait(lambda: max(heard.records()) > reached + 50)
            assert numbers(folder / "journal.db")[-1] < reached + 50, "the disk takes nothing"
            sign.unlink()
            until(lambda: _is_complete(folder / "journal.db", heard), "the disk is used when it is back")
            assert process.poll() is None
        assert process.returncode == 0


def a_journal(folder: Path, count: int = 1500) -> tuple[Path, str]:
    """A copy of one whose agent was killed: its file, and its epoch."""
    opened = Journal(folder / "original.db", commit_records=100)
    for number in range(1, count + 1):
        opened.append(encode({"n": number, "pad": "x" * 150}), strange=number % 50 == 0)
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


def _zeroed(content: bytearray, _: random.Random) -> bytearray:
    content[-3 * 4096 :] = bytes(3 * 4096)
    return content


def _flipped(content: bytearray, chance: random.Random) -> bytearray:
    content[chance.randrange(4096, len(content))] ^= 1 << chance.randrange(8)
    return content


DAMAGES: dict[str, tuple[Callable[[bytearray, random.Random], bytearray], int]] = {
    "torn": (_torn, 0),
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
    assert len(held) >= 1500 - 4 * 30, "of few pages only"
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
        opened.append(encode({"n": number, "pad": "x" * 150}))
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
    assert 1500 - 4 * 30 <= len(held) <= 1501
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


class FakeClock:
    """The wall clock of an agent, to be moved while it runs; its monotonic clock stays as it is."""

    def __init__(self, folder: Path) -> None:
        if FAKETIME is None:
            pytest.skip("faketime is not installed: apt-get install faketime")
        self._file = folder / "clock"
        self.environment = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "Europe/Berlin",
        }

    def move(self, seconds: float) -> None:
        """So far from the true time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+.0f}\n")
        fresh.replace(self._file)


def by_seq(table: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    return [table[seq] for seq in sorted(table)]


def test_row_22_records_from_before_the_clock_was_set_are_corrected_once_it_is(tmp_path: Path) -> None:
    clock = FakeClock(tmp_path)
    to_2000_s = 946_684_800 - time.time()
    clock.move(to_2000_s)
    folder = tmp_path / "disk"
    folder.mkdir()
    began_ms = time.time() * 1000.0
    with mosquitto() as broker, subscriber(broker) as heard:
        with agent(folder, broker, **clock.environment):
            heard.wait(lambda: len(heard.records()) > 30)
            early = by_seq(heard.records())
            broker.stop()  # what comes now waits in the journal
            until(lambda: len(numbers(folder / "journal.db")) > len(early) + 30, "it goes on")
            waited = numbers(folder / "journal.db")[-1]
            clock.move(0)
            until(lambda: numbers(folder / "journal.db")[-1] > waited + 30, "it goes on")
            broker.start()
            with subscriber(broker) as later:
                later.wait(lambda: max(later.records(), default=0) > waited + 60)
                late = later.records()
        ended_ms = time.time() * 1000.0
    assert all(record["clk"] == "unsynced" and record["ts_ms"] < BELIEVABLE_MS for record in early)
    unsent = [late[seq] for seq in sorted(late) if early[-1]["seq"] < seq <= waited]
    assert len(unsent) > 20
    assert all(record["clk"] != "unsynced" for record in late.values() if record["seq"] > early[-1]["seq"])
    with JournalReader(folder / "journal.db") as journal:
        history = list(journal.records())
    for records in (unsent, history):
        times = [record["ts_ms"] for record in records]
        assert times == sorted(times), "in the order of their numbers"
        assert began_ms - 2000 <= times[0] <= times[-1] <= ended_ms + 2000
    assert [record["seq"] for record in history] == list(range(1, len(history) + 1)), "none expired"
    # whoever got the early ones can correct them by what the later ones say of the same boot
    offsets = {record["ts_ms"] - record["mono_ms"] for record in history}
    assert max(offsets) - min(offsets) <= 50


@pytest.mark.parametrize("seconds", [-3600, 10 * 365 * 86_400], ids=["back an hour", "forward ten years"])
def test_row_23_intervals_hold_when_the_clock_jumps(tmp_path: Path, seconds: int) -> None:
    clock = FakeClock(tmp_path)
    clock.move(0)
    folder = tmp_path / "disk"
    folder.mkdir()
    with mosquitto() as broker, subscriber(broker) as heard:
        with agent(folder, broker, **clock.environment) as process:
            heard.wait(lambda: len(heard.records()) > 30)
            clock.move(seconds)
            reached = max(heard.records())
            heard.wait(lambda: max(heard.records()) > reached + 50)
            assert process.poll() is None
        records = by_seq(heard.records())
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1)), "none is lost"
    steps = [after["mono_ms"] - before["mono_ms"] for before, after in pairwise(records)]
    assert min(steps) >= 0
    assert max(steps) < 5000
    wall = records[-1]["ts_ms"] - records[0]["ts_ms"]
    assert abs(wall - seconds * 1000) < 60_000, "the wall clock did jump"


def test_row_23_times_are_utc_whatever_the_season(tmp_path: Path) -> None:
    clock = FakeClock(tmp_path)
    autumn = 1_792_890_000  # 25 October 2026, 01:00 UTC: summer time ends in Berlin
    clock.move(autumn - 3 - time.time())
    folder = tmp_path / "disk"
    folder.mkdir()
    with mosquitto() as broker, subscriber(broker) as heard:
        with agent(folder, broker, **clock.environment):
            heard.wait(lambda: any(r["ts_ms"] > autumn * 1000 + 1000 for r in heard.records().values()))
        records = by_seq(heard.records())
    for before, after in pairwise(records):
        wall, monotonic = (after[name] - before[name] for name in ("ts_ms", "mono_ms"))
        assert abs(wall - monotonic) < 500


def test_row_23_a_certificate_of_the_future_is_said_clearly_and_tried_again(tmp_path: Path) -> None:
    clock = FakeClock(tmp_path)
    clock.move(946_684_800 - time.time())
    certificate, key = self_signed(tmp_path)
    plain = free_port()
    (tmp_path / "edge.toml").write_text(f'[broker]\ncafile = "{certificate}"\n')
    folder, said = tmp_path / "disk", tmp_path / "agent.log"
    folder.mkdir()
    two = f"allow_anonymous true\nlistener {plain} 127.0.0.1"
    with mosquitto(two, f"certfile {certificate}\nkeyfile {key}") as broker:
        until(lambda: is_listening(plain), "the second listener is there")
        named = replace(broker, host="localhost")
        flags = ("--wait", "--config", str(tmp_path / "edge.toml"))
        with (
            subscriber(replace(broker, port=plain)) as heard,
            agent(folder, named, 500.0, *flags, **clock.environment) as process,
        ):
            until(lambda: "is not yet valid: it is 2000-01-0" in said.read_text(), "it says so")
            clock.move(0)
            heard.wait(lambda: len(heard.records()) > 20)
            assert process.poll() is None
