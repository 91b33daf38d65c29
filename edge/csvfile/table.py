"""A delimited text file as columns of text, which still know the lines that they came from."""

import csv
import io
from collections.abc import Iterator
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


@dataclass(frozen=True, slots=True)
class Table:
    """n rows of k columns, all text."""

    path: Path
    text: str
    delimiter: str
    header: tuple[str, ...]  # k
    columns: tuple[tuple[str, ...], ...]  # k x n
    ragged: int  # rows left out, because they have more or fewer fields than the header

    @property
    def rows(self) -> int:
        """How many rows there are below the header."""
        return len(self.columns[0])

    def line(self, row: int) -> int:
        """The line of the file on which that row ends, counted from 1."""
        whole = (
            number for number, cells in _records(self.text, self.delimiter) if len(cells) == len(self.header)
        )
        return next(islice(whole, row + 1, None))

    def error(self, row: int, column: int, problem: str) -> RecordingError:
        """An error that names file, line, column and cell; `problem` goes on from the cell's text."""
        cell = self.columns[column][row]
        shown = cell if len(cell) <= 40 else cell[:37] + "..."
        return RecordingError(
            f"{self.path}, line {self.line(row)}, column {self.header[column]!r}: {shown!r} {problem}"
        )


def load_table(path: Path, *, repair: bool) -> Table:
    """The file as a table. Raises RecordingError when it is not a table of text.

    Rows of another length than the header are an error, or left out and counted with `repair`.
    """
    text = _text(path)
    first_line = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=first_line.count)
    if delimiter not in first_line:
        raise RecordingError(
            f"{path} has only one column; it needs a time and at least one measurement, "
            "separated by comma, semicolon or tab"
        )
    header, rows = _split(path, text, delimiter)
    if not rows:
        raise RecordingError(f"{path} has a header line but no rows; was anything recorded?")
    whole = [cells for cells in rows if len(cells) == len(header)]
    if len(whole) < len(rows) and (not repair or not whole):
        raise _ragged(path, text, delimiter, len(header))
    columns = tuple(zip(*whole, strict=True))
    return Table(path, text, delimiter, header, columns, ragged=len(rows) - len(whole))


def _text(path: Path) -> str:
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
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        byte = f"byte 0x{data[error.start]:02x}"
        raise RecordingError(f"{path}, line {line}: {byte} is not UTF-8; save the file as UTF-8") from error
    if not text.strip():
        raise RecordingError(f"{path} is empty; it needs a header line and rows")
    return text


def _split(path: Path, text: str, delimiter: str) -> tuple[tuple[str, ...], list[list[str]]]:
    reader = _reader(text, delimiter)
    try:
        header, *rows = filter(None, reader)
    except csv.Error as error:
        raise RecordingError(
            f"{path}, line {reader.line_num}: not CSV ({error}); mend or remove that line"
        ) from error
    return tuple(name.strip() for name in header), rows


def _ragged(path: Path, text: str, delimiter: str, width: int) -> RecordingError:
    line, fields = next((n, len(cells)) for n, cells in _records(text, delimiter) if len(cells) != width)
    return RecordingError(
        f"{path}, line {line} has {fields} {'field' if fields == 1 else 'fields'}, the header has {width}; "
        "mend the line, or leave such lines out with --repair"
    )


def _reader(text: str, delimiter: str) -> "Reader":
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of all lines that are not blank."""
    reader = _reader(text, delimiter)
    return ((reader.line_num, cells) for cells in reader if cells)
