"""How the journal lies in its SQLite file: tables, format number, and how an older file becomes today's."""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from edge.errors import JournalError

FORMAT = 3  # since 3 bodies are packed, as edge.journal.packing says; those of before stay as they are
READABLE = (1, 2, 3)

_NAMES = {"facts", "records", "events", "gone", "epochs", "corrections"}
_ENOUGH = 3  # of these by which a file is ours, whatever the others are called
_MOST_USER_VERSION = (1 << 31) - 1
_TABLES = """
create table if not exists facts (name text primary key, value) without rowid;
create table if not exists records
    (seq integer primary key, strange integer not null, body blob not null, crc integer);
create table if not exists events (number integer primary key autoincrement, body blob not null);
create table if not exists gone (first integer not null, last integer not null, cause text not null);
create table if not exists epochs (epoch text primary key, first integer not null);
create table if not exists corrections (boot text primary key, first integer not null, last integer not null,
    offset_ms integer not null, shift_ms integer not null, clk text not null);
drop index if exists ordinary;
"""


class RottenSchema(sqlite3.DatabaseError):
    """Some of our tables or columns are there under their names, and others are not."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class AnotherFormat(JournalError):
    """A journal that this edge cannot read: written by a newer one, most likely."""

    def __init__(self, found: object) -> None:
        super().__init__(f"journal format {found}, this edge writes {FORMAT}")
        self.found = found


def prepare(db: sqlite3.Connection) -> None:
    """Make a new file a journal, or an older journal one of today.

    Raises AnotherFormat, JournalError when it is somebody else's database, and sqlite3.Error.
    """
    found = format_of(db)
    if found is not None and found not in READABLE:
        raise AnotherFormat(found)
    db.execute("begin immediate")
    if found == 1:
        # before there were checksums: what is there goes unchecked
        db.execute("alter table records add column crc integer")
        db.execute("create table if not exists epochs (epoch text primary key, first integer not null)")
        db.execute("insert or ignore into epochs select value, 1 from facts where name = 'epoch'")
    for statement in _TABLES.split(";"):
        db.execute(statement)
    _require_columns(db)
    db.execute("insert or replace into facts values ('format', ?)", (FORMAT,))
    db.execute("commit")


def _require_columns(db: sqlite3.Connection) -> None:
    """Now, or an event that is to be written in a month meets a column whose name has rotted."""
    for table, columns in _columns().items():
        if {row[1] for row in db.execute(f"pragma table_info({table})")} != columns:
            raise RottenSchema(f"a column of {table} has rotted")


@cache
def _columns() -> dict[str, set[str]]:
    with closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(_TABLES)
        return {name: {row[1] for row in fresh.execute(f"pragma table_info({name})")} for name in _NAMES}


def format_of(db: sqlite3.Connection) -> object:
    """The number that the file carries; None when it is new. Raises as `prepare`."""
    names = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
    if not names:
        return None
    if not {"facts", "records"} <= names:
        if len(_NAMES & names) >= _ENOUGH:
            raise RottenSchema("a table's name has rotted")
        raise JournalError("a database of something else")
    row = db.execute("select value from facts where name = 'format'").fetchone()
    return row[0] if row else None


def keep_last(db: sqlite3.Connection, last: int) -> None:
    """The number of the newest record, for when its page is torn.

    In the file's header, since nearly each commit writes that page: a row would be one page more.
    """
    db.execute(f"pragma user_version = {min(last, _MOST_USER_VERSION)}")


def connect(path: Path) -> sqlite3.Connection:
    """To read and write; may be used from any thread, one at a time. Raises sqlite3.Error."""
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    db.text_factory = lenient
    return db


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Without a write-ahead log beside it SQLite would make one, which a read-only disk refuses."""
    wal = path.with_name(path.name + "-wal")
    how = "mode=ro" if wal.exists() and wal.stat().st_size else "mode=ro&immutable=1"
    uri = f"{path.resolve().as_uri()}?{how}"
    db = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
    db.text_factory = lenient
    return db


def lenient(text: bytes) -> str:
    """A text of which a bit has flipped is read all the same: who asks for it sees that it is no good."""
    return text.decode("utf-8", "replace")
