"""What makes way when history is too old or the file too large: records first, then the finer summaries."""

from collections.abc import Callable
from typing import Any

from edge.clock import BELIEVABLE_MS
from monitor.history import pyramid
from monitor.history.limits import Limits

Run = Callable[..., Any]  # a connection's `execute`
DAY_MS = 86_400_000
AT_ONCE = 64  # chunks or pages that go in one transaction
# Until when a layer of a journal has made way: 0 are the chunks, then the levels of the pyramid.
SCHEMA = """CREATE TABLE IF NOT EXISTS retired(journal INTEGER NOT NULL, layer INTEGER NOT NULL,
    until_ms INTEGER NOT NULL, PRIMARY KEY(journal, layer)) WITHOUT ROWID;
"""
_LAYERS = 1 + len(pyramid.WIDTHS_MS)
_RETIRE = (
    "INSERT INTO retired VALUES (?, ?, ?) "
    "ON CONFLICT DO UPDATE SET until_ms = max(until_ms, excluded.until_ms)"
)


def used_bytes(run: Run) -> int:
    """Of the file, without its free pages."""
    (size,), (pages,), (free,) = (
        run(f"PRAGMA {name}").fetchone() for name in ("page_size", "page_count", "freelist_count")
    )
    return int(size * (pages - free))


def retire(run: Run, limits: Limits, now_ms: int) -> bool:
    """Let a little go, within a transaction of the caller's; whether more must go."""
    gone = _too_old(run, limits, now_ms)
    if used_bytes(run) <= limits.size_bytes:
        return gone >= AT_ONCE
    return _first(run, now_ms) > 0 or gone >= AT_ONCE


def _too_old(run: Run, limits: Limits, now_ms: int) -> int:
    """A record's age counts from when it was packed here too: a wrong clock's records are not old."""
    before = now_ms - int(limits.records_days * DAY_MS)
    query = "SELECT id FROM chunks WHERE last_ms < ? AND packed_ms < ? LIMIT ?"
    gone = _drop_chunks(run, [row[0] for row in run(query, (before, before, AT_ONCE))], now_ms)
    for level, days in enumerate(limits.summaries_days):
        page_ms = pyramid.WIDTHS_MS[level] * pyramid.PAGE_ROWS
        before = (now_ms - int(days * DAY_MS)) // page_ms
        # those of a clock that was never set are not old either, only by size
        query = "SELECT id FROM summaries WHERE level = ? AND page < ? AND page > ? LIMIT ?"
        rows = run(query, (level, before, BELIEVABLE_MS // page_ms, AT_ONCE))
        gone += _drop_pages(run, [row[0] for row in rows], now_ms)
    return gone


def _first(run: Run, now_ms: int) -> int:
    """What came first, whatever time it claims, of the finest layer that has anything."""
    rows = run("SELECT id FROM chunks ORDER BY id LIMIT ?", (AT_ONCE,))
    gone = _drop_chunks(run, [row[0] for row in rows], now_ms)
    for level in range(len(pyramid.WIDTHS_MS)):
        if gone:
            return gone
        query = "SELECT id FROM summaries WHERE level = ? ORDER BY id LIMIT ?"
        gone = _drop_pages(run, [row[0] for row in run(query, (level, AT_ONCE))], now_ms)
    return gone


def _drop_chunks(run: Run, ids: list[int], now_ms: int) -> int:
    """What they said of times to come does not hide what comes then: a wrong clock's year 3000."""
    for each in ids:
        query = "DELETE FROM chunks WHERE id = ? RETURNING journal, last_ms"
        journal, last_ms = run(query, (each,)).fetchone()
        run(_RETIRE, (journal, 0, min(last_ms, now_ms)))
    return len(ids)


def _drop_pages(run: Run, ids: list[int], now_ms: int) -> int:
    for each in ids:
        query = "DELETE FROM summaries WHERE id = ? RETURNING journal, level, page"
        journal, level, page = run(query, (each,)).fetchone()
        page_ms = pyramid.WIDTHS_MS[level] * pyramid.PAGE_ROWS
        run(_RETIRE, (journal, level + 1, min((page + 1) * page_ms - 1, now_ms)))
    return len(ids)


def layer(run: Run, journals: list[int], from_ms: int) -> int:
    """The finest that is whole from then on, or the coarsest."""
    gone = [0] * _LAYERS
    for journal in journals:
        for number, until_ms in run("SELECT layer, until_ms FROM retired WHERE journal = ?", (journal,)):
            gone[number] += until_ms >= from_ms
    return next((number for number, any_gone in enumerate(gone) if not any_gone), _LAYERS - 1)
