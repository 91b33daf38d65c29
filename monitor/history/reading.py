"""A stretch of one device's history as columns for charts: records when they are few, else summaries."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from monitor.history import chunks, pyramid, retention
from monitor.history.block import Block, of_judged, together
from monitor.history.drawn import drawn_records, drawn_summary
from monitor.history.summary import combined, summed_up
from monitor.message import Judged

Run = Callable[..., Any]  # a connection's `execute`
Span = tuple[int, int]  # milliseconds since 1970, both ends included
POINTS_MOST = 5000  # that a page may ask for
RECORDS_MOST = 40_000  # that are unpacked for one chart
EVER: Span = (-(2**55), 2**55)


@dataclass(frozen=True, slots=True)
class Extent:
    """What there is of a device in a span."""

    span: Span  # from the first of it to the last
    records: int  # about
    layer: int  # the finest that is still whole there: 0 are the chunks, then the levels of the pyramid


def journals(run: Run, device: str) -> list[int]:
    """The ids of a device's journals."""
    return [number for (number,) in run("SELECT id FROM journals WHERE device = ?", (device,))]


def series(run: Run, device: str, span: Span, points: int, period_s: float | None) -> dict[str, Any]:
    """Columns of equal length: `ts_ms`, `state`, `q` (quality), `score`, and `channels` by key.

    A row of nulls in all but `ts_ms` is a gap. `step_ms` is 0 when the rows are records, else how long a
    stretch each two of them stand for; a channel has `value`, `expected`, `spread`, and of stretches
    `low`, `high` and `mean`. `count` is the number of records. `points` is 1 or more.
    """
    numbers = journals(run, device)
    loose = together([chunks.unpacked(run, number, span) for number in numbers] or [of_judged([])])
    extent = _extent(run, numbers, span, loose)
    level = None if extent is None else _level(extent, points)
    if extent is None or level is None:
        parts = [chunks.packed(run, number, span) for number in numbers]
        return drawn_records(together([*parts, loose]), points, period_s)
    parts_of = pyramid.read(run, device, level, extent.span)
    if len(loose):
        parts_of.append(summed_up(loose, pyramid.WIDTHS_MS[level]))
    return drawn_summary(combined(parts_of), points, period_s)


def _extent(run: Run, numbers: list[int], span: Span, loose: Block) -> Extent | None:
    records, starts, ends = len(loose), [], []
    if len(loose):
        starts, ends = [int(loose.ts[0])], [int(loose.ts[-1])]
    for number in numbers:
        records += chunks.amount(run, number, span)
        summed = pyramid.extent(run, number)
        if summed is not None:
            starts.append(summed[0])
            ends.append(summed[1])
    if not starts:
        return None
    found = max(span[0], min(starts)), min(span[1], max(ends))
    return None if found[0] > found[1] else Extent(found, records, retention.layer(run, numbers, found[0]))


def _level(extent: Extent, points: int) -> int | None:
    """None: the records themselves."""
    if extent.layer == 0 and extent.records <= 2 * points:
        return None
    length = extent.span[1] - extent.span[0] + 1
    # a stretch is drawn as two rows
    enough = [level for level, width_ms in enumerate(pyramid.WIDTHS_MS) if 2 * length // width_ms >= points]
    finest = extent.layer - 1 if extent.layer else None
    if enough:
        return max(enough[-1], finest or 0)
    return 0 if finest is None and extent.records > RECORDS_MOST else finest


def records(run: Run, device: str, span: Span) -> Iterator[Judged]:
    """In the order of time, chunk by chunk."""
    for block in blocks(run, device, span):
        yield from block.judged()


def blocks(run: Run, device: str, span: Span) -> Iterator[Block]:
    """The same as columns, some chunks at once."""
    numbers = journals(run, device)
    at = span[0]
    while (end := _next_end(run, numbers, at, span[1])) is not None:
        parts = [chunks.packed(run, number, (at, end)) for number in numbers]
        parts += [chunks.unpacked(run, number, (at, end)) for number in numbers]
        yield together(parts)
        at = end + 1


def _next_end(run: Run, numbers: list[int], at: int, last: int) -> int | None:
    """So far that few chunks must be unpacked at once."""
    if at > last:
        return None
    ends: list[int] = []
    for number in numbers:
        query = "SELECT first_ms FROM chunks WHERE journal = ? AND first_ms > ? ORDER BY first_ms LIMIT 1"
        row = run(query + " OFFSET 32", (number, at)).fetchone()
        ends += [] if row is None else [row[0] - 1]
    return min([*ends, last])
