"""A table as CSV, in pieces of bytes: spreadsheets open it, and `python -m trainer --data` reads it."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from monitor.export.tables import Column, Table

# Spreadsheets run a cell that begins so, and text that comes by MQTT is anybody's.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(table: Table) -> Iterator[bytes]:
    """A header, then a row a line; UTF-8."""
    yield _lines([[plain(column.name) for column in table.columns]])
    for piece in table.pieces:
        cells = [_cells(column, content) for column, content in zip(table.columns, piece, strict=True)]
        yield _lines(zip(*cells, strict=True))


def _lines(rows: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)  # with CR LF, so that a lone CR in a cell is quoted
    return text.getvalue().encode("utf-8", "replace")  # half a surrogate pair has no bytes


def plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cells(column: Column, content: Sequence[Any]) -> list[str]:
    many = content.tolist() if isinstance(content, np.ndarray) else list(content)
    if column.kind == "time":
        return times(many)
    if column.kind == "text":
        known: dict[Any, str] = {}
        return [known.setdefault(one, "" if one is None else plain(str(one))) for one in many]
    return ["" if one is None or one != one else repr(one) for one in many]


def times(many: Sequence[int | None]) -> list[str]:
    """Milliseconds as ISO 8601 in UTC, such as `2024-05-01T12:00:00Z` or `2024-05-01T12:00:00.250Z`."""
    whole = np.array([0 if one is None else one for one in many], np.int64)
    seconds = np.datetime_as_string((whole // 1000).astype("M8[s]")).tolist()
    return [
        "" if one is None else plain(f"{second}.{ms:03d}Z" if ms else f"{second}Z")
        for one, second, ms in zip(many, seconds, (whole % 1000).tolist(), strict=True)
    ]
