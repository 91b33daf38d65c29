"""Single bits that flip in a journal at places where SQLite itself notices nothing."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from edge.journal import Journal
from edge.message import encode


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
