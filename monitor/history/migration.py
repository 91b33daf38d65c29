"""A store of before, a row of JSON a record, becomes one of chunks. May be killed, and goes on then."""

import sqlite3
from contextlib import suppress

from monitor.history.history import SCHEMA, History
from monitor.message import Judged, Malformed, decode_record

AT_ONCE = 8192  # records a transaction


def take_over(database: sqlite3.Connection, version: int) -> None:
    """From format 3 to `version`. Raises sqlite3.Error; the file is whole then, and can be opened again."""
    run = database.execute
    database.executescript(f"BEGIN; {SCHEMA} COMMIT;")
    if run("SELECT 1 FROM sqlite_master WHERE name = 'records'").fetchone():
        history = History(run)
        for (journal,) in run("SELECT id FROM journals").fetchall():
            while _some(database, history, journal):
                pass
        run("DROP TABLE records")
    run(f"PRAGMA user_version = {version}")
    with suppress(sqlite3.OperationalError):  # without room for it, the pages are used again all the same
        run("VACUUM")


def _some(database: sqlite3.Connection, history: History, journal: int) -> bool:
    run = database.execute
    query = "SELECT seq, body FROM records WHERE journal = ? ORDER BY ts_ms, seq LIMIT ?"
    rows = run(query, (journal, AT_ONCE)).fetchall()
    if not rows:
        return False
    run("BEGIN IMMEDIATE")
    try:
        records = [judged for _, body in rows if (judged := _decoded(body)) is not None]
        if records:
            history.put(journal, records)
        for seq, _ in rows:
            run("DELETE FROM records WHERE journal = ? AND seq = ?", (journal, seq))
        run("COMMIT")
    except BaseException:
        if database.in_transaction:
            run("ROLLBACK")
        raise
    return True


def _decoded(body: bytes) -> Judged | None:
    try:
        return decode_record(body)
    except Malformed:  # of another version of the contract; it could not be shown before either
        return None
