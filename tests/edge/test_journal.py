"""The journal: what is committed stays, what is not is never seen, no number is used twice."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import JournalError
from edge.journal import Journal


def journal(path: Path, **options: object) -> Journal:
    return Journal(path / "journal.db", **options)  # type: ignore[arg-type]


def bodies(opened: Journal) -> list[bytes]:
    return [body for _, body in opened.after(0, 10_000, 10**9)]


def test_a_closed_journal_goes_on_where_it_ended(tmp_path: Path) -> None:
    first = journal(tmp_path)
    for number in range(25):
        assert first.append(b"%d" % number) == number + 1
    epoch = first.epoch
    first.close()
    second = journal(tmp_path)
    assert second.epoch == epoch
    assert second.next_seq == 26
    assert bodies(second) == [b"%d" % number for number in range(25)]
    second.close()


def test_records_wait_for_their_commit_and_are_not_seen_before(tmp_path: Path) -> None:
    opened = journal(tmp_path, commit_records=10, commit_s=3600.0)
    for number in range(9):
        opened.append(b"%d" % number)
    assert opened.last_seq == 0
    assert bodies(opened) == []
    opened.append(b"9")
    assert opened.last_seq == 10
    assert len(bodies(opened)) == 10
    opened.close()


def test_the_oldest_waiting_record_waits_no_longer_than_the_interval(tmp_path: Path) -> None:
    now = [0.0]
    opened = journal(tmp_path, commit_records=1000, commit_s=10.0, clock=lambda: now[0])
    opened.append(b"a")
    now[0] = 9.9
    opened.append(b"b")
    assert opened.last_seq == 0
    now[0] = 10.0
    opened.append(b"c")
    assert opened.last_seq == 3
    opened.close()


def test_a_record_with_an_event_is_on_disk_at_once(tmp_path: Path) -> None:
    opened = journal(tmp_path, commit_records=1000, commit_s=3600.0)
    opened.append(b"calm")
    opened.append(b"strange", strange=True, events=(b"start",))
    assert opened.last_seq == 2
    ((number, body),) = opened.events_after(0, 10)
    assert body == b"start"
    opened.remove_event(number)
    assert opened.events_after(0, 10) == []
    opened.close()


def test_a_killed_journal_keeps_what_was_committed_and_starts_a_new_epoch(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from edge.journal import Journal\n"
        "j = Journal(Path(sys.argv[1]) / 'journal.db', commit_records=10)\n"
        "for n in range(27): j.append(b'%d' % n)\n"
        "print(j.epoch, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = str(Path(__file__).parents[2])
    child = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert child.returncode == -signal.SIGKILL
    opened = journal(tmp_path)
    assert bodies(opened) == [b"%d" % number for number in range(20)]
    assert opened.epoch != child.stdout.strip()
    assert opened.next_seq == 21
    opened.close()


def test_what_was_acknowledged_is_remembered(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    for number in range(20):
        opened.append(b"%d" % number)
    opened.mark_sent(12)
    assert opened.unsent == 8
    opened.close()
    again = journal(tmp_path)
    assert (again.sent, again.unsent) == (12, 8)
    again.close()


def test_a_full_journal_lets_ordinary_records_go_first_and_counts_them(tmp_path: Path) -> None:
    opened = journal(tmp_path, commit_records=1, most_records=100)
    for number in range(300):
        opened.append(b"%d" % number, strange=number % 10 == 0)
    held = bodies(opened)
    assert len(held) <= 100
    assert {b"%d" % number for number in range(0, 300, 10)} <= set(held)
    assert held[-1] == b"299"
    assert opened.dropped == 300 - len(held)
    opened.close()


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=30), most_bytes=st.integers(1, 1500))
def test_a_batch_is_never_larger_than_asked_and_never_empty(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], most_bytes: int
) -> None:
    opened = journal(tmp_path_factory.mktemp("journal"), commit_records=1)
    for size in sizes:
        opened.append(b"x" * size)
    seen, reached = 0, 0
    while batch := opened.after(reached, 7, most_bytes):
        assert len(batch) <= 7
        assert len(batch) == 1 or sum(len(body) + 1 for _, body in batch) <= most_bytes
        seen, reached = seen + len(batch), batch[-1][0]
    assert seen == len(sizes)
    opened.close()


def test_a_file_that_is_no_journal_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(JournalError, match="cannot be opened"):
        journal(tmp_path)


def test_a_journal_has_one_owner_at_a_time(tmp_path: Path) -> None:
    first = journal(tmp_path)
    with pytest.raises(JournalError, match="another agent has it"):
        journal(tmp_path)
    first.close()
    journal(tmp_path).close()


def test_the_newest_records_never_make_way_at_once(tmp_path: Path) -> None:
    opened = journal(tmp_path, commit_records=1, most_records=10)
    for number in range(30):
        opened.append(b"%d" % number, strange=number < 20)
        assert bodies(opened)[-1] == b"%d" % number
    opened.close()


def test_a_disk_that_refuses_is_survived_with_nothing_lost_and_little_work(tmp_path: Path) -> None:
    now = [0.0]
    opened = journal(tmp_path, commit_records=1, commit_s=10.0, clock=lambda: now[0])
    opened.append(b"0")
    blocker = sqlite3.connect(tmp_path / "journal.db", isolation_level=None, timeout=0)
    blocker.execute("begin immediate")  # as a disk that takes no more
    assert opened._disk.file is not None
    opened._disk.file._db.execute("pragma busy_timeout = 0")
    refused = 0
    for number in range(1, 100):
        now[0] += 1.0
        try:
            opened.append(b"%d" % number)
        except JournalError as error:
            refused += 1
            assert "cannot be written" in str(error)
    assert refused == 10, "one try in each commit interval"
    assert opened.storage == "failing"
    assert bodies(opened) == [b"%d" % number for number in range(100)], "sent from memory meanwhile"
    blocker.execute("rollback")
    blocker.close()
    now[0] += 10.0
    opened.append(b"100")
    assert opened.storage == "ok"
    assert bodies(opened) == [b"%d" % number for number in range(101)]
    opened.close()


def test_the_number_of_an_event_that_was_sent_is_not_given_again(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    opened.append_events((b"first",))
    ((first, _),) = opened.events_after(0, 10)
    opened.remove_event(first)
    opened.append_events((b"second",))
    ((second, _),) = opened.events_after(first, 10)
    assert second > first
    opened.close()


def test_what_memory_could_not_hold_is_a_declared_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.journal.ring.MOST_WAITING", 50)
    now = [0.0]
    opened = journal(tmp_path, commit_records=1, commit_s=10.0, clock=lambda: now[0])
    opened.append(b"0")
    blocker = sqlite3.connect(tmp_path / "journal.db", isolation_level=None, timeout=0)
    blocker.execute("begin immediate")
    assert opened._disk.file is not None
    opened._disk.file._db.execute("pragma busy_timeout = 0")
    for number in range(1, 100):
        with contextlib.suppress(JournalError):
            opened.append(b"%d" % number)
    assert opened.gone(None, 1, 100) == [(2, 50, "memory")]
    blocker.execute("rollback")
    blocker.close()
    opened.commit()
    assert bodies(opened) == [b"0", *(b"%d" % number for number in range(50, 100))]
    assert opened.gone(None, 1, 100) == [(2, 50, "memory")]
    assert opened.dropped == 49
    opened.close()


def test_each_epoch_is_told_with_its_first_and_last_number_that_was_sent(tmp_path: Path) -> None:
    epochs = []
    for number in range(3):
        opened = journal(tmp_path, commit_records=1)
        epochs.append(opened.epoch)
        for _ in range(number):
            opened.append(b"{}")
        opened.mark_sent(opened.last_seq)
        opened.commit()
        with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as database:
            assert database.execute("select value from facts where name = 'closed'").fetchone() == (0,)
        opened._disk.close()  # as a power cut does: no goodbye
    opened = journal(tmp_path, commit_records=1)
    opened.append(b"{}")
    assert opened.epochs() == [], "no acknowledgement was kept"
    opened.mark_sent(2)
    assert opened.epochs() == [(epochs[1], 1, 1), (epochs[2], 2, 2)], "the first epoch has no records"
    opened.mark_sent(4)
    assert opened.epochs() == [(epochs[1], 1, 1), (epochs[2], 2, 3), (opened.epoch, 4, 4)]
    opened.close()
