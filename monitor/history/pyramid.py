"""The summaries in the store: three levels, pages of 480 rows."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from monitor.history.block import Block
from monitor.history.summary import Summary, combined, pack, summed_up, unpack

WIDTHS_MS = (60_000, 900_000, 14_400_000)
PAGE_ROWS = 480
SCHEMA = """CREATE TABLE IF NOT EXISTS summaries(id INTEGER PRIMARY KEY, journal INTEGER NOT NULL,
    level INTEGER NOT NULL, page INTEGER NOT NULL, rows BLOB NOT NULL, UNIQUE(journal, level, page));
"""

Run = Callable[..., Any]  # a connection's `execute`
Span = tuple[int, int]  # milliseconds since 1970, both ends included

_FIND = "SELECT rows FROM summaries WHERE journal = ? AND level = ? AND page = ?"
_KEEP = (
    "INSERT INTO summaries(journal, level, page, rows) VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET rows = excluded.rows"
)


def add(run: Run, journal: int, block: Block) -> None:
    """Sum up records that were not summed up before, on all levels."""
    for level, width_ms in enumerate(WIDTHS_MS):
        _add(run, journal, level, summed_up(block, width_ms))


def _add(run: Run, journal: int, level: int, rows: Summary) -> None:
    pages = rows.start // PAGE_ROWS
    for page in np.unique(pages).tolist():
        new = rows.take(pages == page)
        found = run(_FIND, (journal, level, page)).fetchone()
        whole = combined([unpack(found[0]), new]) if found else new
        run(_KEEP, (journal, level, page, pack(whole)))


def make_again(run: Run, journal: int, spans: Iterable[Span], read: Callable[[int, int], Block]) -> None:
    """Records have come into those spans or left them; `read` gives all that are packed, from and to."""
    for level, width_ms in enumerate(WIDTHS_MS):
        for first, last in _joined(spans, width_ms):
            _forget(run, journal, level, first, last)
            block = read(first * width_ms, (last + 1) * width_ms - 1)
            if len(block):
                _add(run, journal, level, summed_up(block, width_ms))


def _joined(spans: Iterable[Span], width_ms: int) -> list[Span]:
    """Numbers of stretches, from and to, that touch nowhere."""
    found: list[Span] = []
    for first, last in sorted((a // width_ms, b // width_ms) for a, b in spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def _forget(run: Run, journal: int, level: int, first: int, last: int) -> None:
    query = "SELECT page, rows FROM summaries WHERE journal = ? AND level = ? AND page BETWEEN ? AND ?"
    pages = run(query, (journal, level, first // PAGE_ROWS, last // PAGE_ROWS)).fetchall()
    for page, packed in pages:
        rows = unpack(packed)
        left = rows.take((rows.start < first) | (rows.start > last))
        if len(left):
            run(_KEEP, (journal, level, page, pack(left)))
        else:
            run("DELETE FROM summaries WHERE journal = ? AND level = ? AND page = ?", (journal, level, page))


def read(run: Run, device: str, level: int, span: Span) -> list[Summary]:
    """Of all journals of a device; each part within the span, by whole stretches."""
    width_ms = WIDTHS_MS[level]
    first, last = span[0] // width_ms, span[1] // width_ms
    found = run(
        "SELECT s.rows FROM journals j JOIN summaries s ON s.journal = j.id "
        "WHERE j.device = ? AND s.level = ? AND s.page BETWEEN ? AND ?",
        (device, level, first // PAGE_ROWS, last // PAGE_ROWS),
    )
    parts = [unpack(packed) for (packed,) in found]
    return [part.take((part.start >= first) & (part.start <= last)) for part in parts]


def extent(run: Run, journal: int) -> Span | None:
    """From when to when it reaches, by the coarsest level."""
    level = len(WIDTHS_MS) - 1
    query = "SELECT min(page), max(page) FROM summaries WHERE journal = ? AND level = ?"
    first, last = run(query, (journal, level)).fetchone()
    if first is None:
        return None
    rows = [unpack(run(_FIND, (journal, level, page)).fetchone()[0]) for page in {first, last}]
    return min(int(each.first.min()) for each in rows), max(int(each.last.max()) for each in rows)
