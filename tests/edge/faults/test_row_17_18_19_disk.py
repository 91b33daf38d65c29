"""Rows 17, 18 and 19: a full journal, a full disk, and one that cannot be written."""

import sqlite3
from contextlib import closing
from pathlib import Path

from edge.journal import Journal
from tests.brokers import mosquitto
from tests.edge.faults.agents import agent, numbers, until
from tests.edge.faults.disks import fill, remount, small_disk, turning_readonly
from tests.edge.test_agent import Subscriber, schema, subscriber


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
            heard.wait(lambda: heard.of("health")[-1]["journal"]["storage"] == "readonly")
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
