"""A delimited text file as columns of text, which still know the lines that they came from."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import RecordingError

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = ",;\t"

# What people pass by mistake, by its first bytes.
_NOT_TEXT = {
    b"SQLite format 3\0": "an SQLite database (a journal?)",
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a zip file (a spreadsheet or a bundle?)",
    b"\x1f\x8b": "a gzip file",
}


# Rows that are text at a time; a series of weeks has a million.
CHUNK_ROWS = 8192


@dataclass(frozen=True, slots=True)
class Table:
    """n rows of k columns, all text, of which few are held at a time.

    A row of another length than the header is an error, or left out with `repair`.
    """

    path: Path
    content: bytes  # UTF-8
    delimiter: str
    header: tuple[str, ...]  # k
    repair: bool

    def chunks(self) -> Iterator[tuple[Sequence[str], ...]]:
        """The k columns, CHUNK_ROWS rows at a time. Raises RecordingError."""
        for rows in self._rows():
            whole = rows if self._are_whole(rows) else [row for row in rows if len(row) == len(self.header)]
            if len(whole) < len(rows) and not self.repair:
                raise self._ragged()
            if whole:
                yield tuple(zip(*whole, strict=True))

    def _rows(self) -> Iterator[list[list[str]]]:
        """All that is below the header, CHUNK_ROWS rows at a time, without lines that are blank."""
        reader = _reader(self.content, self.delimiter)
        records = filter(None, reader)
        try:
            next(records)
            while rows := list(islice(records, CHUNK_ROWS)):
                yield rows
        except csv.Error as error:
            raise _not_csv(self.path, reader, error) from error

    def _are_whole(self, rows: list[list[str]]) -> bool:
        return set(map(len, rows)) == {len(self.header)}

    def cells(self, column: int) -> Iterator[str]:
        """One column, from its first row on."""
        return (cell for chunk in self.chunks() for cell in chunk[column])

    def ragged(self) -> int:
        """How many rows are left out, because they have more or fewer fields than the header."""
        return sum(len(row) != len(self.header) for rows in self._rows() for row in rows)

    def line(self, row: int) -> int:
        """The line of the file on which that row ends, counted from 1."""
        return self._record(row)[0]

    def cell(self, row: int, column: int) -> str:
        """One cell."""
        return self._record(row)[1][column]

    def _record(self, row: int) -> tuple[int, list[str]]:
        records = _records(self.content, self.delimiter)
        return next(islice((each for each in records if len(each[1]) == len(self.header)), row + 1, None))

    def error(self, row: int, column: int, problem: str) -> RecordingError:
        """An error that names file, line, column and cell; `problem` goes on from the cell's text."""
        line, cells = self._record(row)
        cell = cells[column]
        shown = cell if len(cell) <= 40 else cell[:37] + "..."
        return RecordingError(
            f"{self.path}, line {line}, column {self.header[column]!r}: {shown!r} {problem}"
        )

    def check(self) -> None:
        """Raises RecordingError when there is no row below the header."""
        rows = next(self._rows(), None)
        if rows is None:
            raise RecordingError(f"{self.path} has a header line but no rows; was anything recorded?")
        if next(self.chunks(), None) is None:
            raise self._ragged()

    def _ragged(self) -> RecordingError:
        width = len(self.header)
        records = _records(self.content, self.delimiter)
        line, fields = next((line, len(cells)) for line, cells in records if len(cells) != width)
        return RecordingError(
            f"{self.path}, line {line} has {fields} {'field' if fields == 1 else 'fields'}, "
            f"the header has {width}; mend the line, or leave such lines out with --repair"
        )


def load_table(path: Path, *, repair: bool) -> Table:
    """The file as a table. Raises RecordingError when it is not a table of text.

    Rows of another length than the header are an error, or left out and counted with `repair`.
    """
    content = _content(path)
    first_line = content.lstrip(b"\r\n").partition(b"\n")[0].decode()
    delimiter = max(DELIMITERS, key=first_line.count)
    if delimiter not in first_line:
        raise RecordingError(
            f"{path} has only one column; it needs a time and at least one measurement, "
            "separated by comma, semicolon or tab"
        )
    reader = _reader(content, delimiter)
    try:
        header = next(filter(None, reader))
    except csv.Error as error:
        raise _not_csv(path, reader, error) from error
    table = Table(path, content, delimiter, tuple(name.strip() for name in header), repair)
    table.check()
    return table


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise RecordingError(f"{path} is a directory; give a CSV file in it")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise RecordingError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error
    for magic, what in _NOT_TEXT.items():
        if data.startswith(magic):
            raise RecordingError(f"{path} is {what}, not a CSV file; export its readings to CSV first")
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise RecordingError(f"{path}, line {line}: a NUL byte; save the file as UTF-8 text")
    try:
        blank = not data.decode().strip("\ufeff \t\r\n\v\f")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        byte = f"byte 0x{data[error.start]:02x}"
        raise RecordingError(f"{path}, line {line}: {byte} is not UTF-8; save the file as UTF-8") from error
    if blank:
        raise RecordingError(f"{path} is empty; it needs a header line and rows")
    return data.removeprefix(codecs.BOM_UTF8)


def _not_csv(path: Path, reader: "Reader", error: csv.Error) -> RecordingError:
    return RecordingError(f"{path}, line {reader.line_num}: not CSV ({error}); mend or remove that line")


def _reader(content: bytes, delimiter: str) -> "Reader":
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")
    return csv.reader(text, delimiter=delimiter, strict=True)


def _records(content: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of all lines that are not blank."""
    reader = _reader(content, delimiter)
    return ((reader.line_num, cells) for cells in reader if cells)
