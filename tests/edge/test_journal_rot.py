"""Single bits that flip in a journal at places where SQLite itself notices nothing."""

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.errors import JournalError
from edge.journal import Journal
from edge.message import encode

MAGIC = b"SQLite format 3\0"


def filled(path: Path, records: int = 200) -> Journal:
    journal = Journal(path)
    for number in range(records):
        journal.append(encode({"v": 1, "seq": journal.next_seq, "temperature_c": 20.0 + number % 7}))
    journal.commit()
    return journal


def turn_into_text(path: Path, seq: int) -> None:
    """As one flipped bit of a record's header does it."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("update records set body = cast(body as text) where seq = ?", (seq,))
        database.commit()


def test_a_body_whose_type_has_rotted_holds_up_neither_the_others_nor_the_start(tmp_path: Path) -> None:
    filled(tmp_path / "journal.db").close()
    for seq in (1, 70, 150):
        turn_into_text(tmp_path / "journal.db", seq)
    journal = Journal(tmp_path / "journal.db", most_records=150)
    found = [number for number, _ in journal.after(0, 500, 10**6)]
    assert found[-1] == 200
    assert len(found) > 50
    for _ in range(200):  # until those with the rotten ones about have made way
        journal.append(encode({"v": 1, "seq": journal.next_seq, "temperature_c": 1.0}))
    journal.commit()
    assert journal.storage == "ok"
    journal.close()


def test_a_log_that_is_lost_leaves_no_number_to_be_given_twice(tmp_path: Path) -> None:
    filled(tmp_path / "journal.db", 20).close()
    running = filled(tmp_path / "journal.db", 100)
    epoch = running.epoch
    (tmp_path / "after").mkdir()
    shutil.copy(tmp_path / "journal.db", tmp_path / "after" / "journal.db")  # and no -wal beside it
    running.close()
    again = Journal(tmp_path / "after" / "journal.db")
    assert again.epoch != epoch
    again.close()


@given(st.lists(st.tuples(st.integers(0, 8191), st.integers(0, 7)), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
@example([(2714, 5)])  # a table of SQLite's own
@example([(5124, 1)])  # a number that is none any more
@example([(2784, 0)])  # a column's name
@example([(528, 1)])  # shows at the end only
@example([(997, 7)])  # a letter of the epoch is none any more
@example([(18, 3)])  # SQLite takes it for a file of its own future
@example([(4 * 8 + at, 6) for at in range(100)])
def test_whatever_rots_in_the_first_pages_the_journal_opens_and_takes_readings(
    flips: list[tuple[int, int]],
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        filled(path, 100).close()
        content = bytearray(path.read_bytes())
        for at, bit in flips:
            if len(MAGIC) <= at < len(content):
                content[at] ^= 1 << bit
        path.write_bytes(content)
        journal = Journal(path, commit_s=0.0)
        for _ in range(4):
            with suppress(JournalError):  # what is met in writing is mended by the next commit
                journal.append(encode({"v": 1, "seq": journal.next_seq}))
        numbers = [number for number, _ in journal.after(journal.last_seq - 3, 3, 10**6)]
        assert journal.storage == "ok"
        assert numbers == [journal.last_seq - 2, journal.last_seq - 1, journal.last_seq]
        journal.close()
