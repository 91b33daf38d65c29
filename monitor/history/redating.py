"""Records that are kept already get their true time: in the tail, and in chunks, which are packed again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from edge.journal.corrections import Correction, correct_record
from monitor.history import chunks, pyramid
from monitor.history.block import Block
from monitor.history.packing import from_row, to_row
from monitor.message import TIME_LEAST, TIME_MOST, Record, in_time

Run = Callable[..., Any]  # a connection's `execute`
Span = tuple[int, int]  # both ends included
Moved = dict[int, tuple[int, int]]  # by number of record: its time before, and by how much it was moved


def corrected(record: Record, told: Correction) -> Record | None:
    """With its true time; None when it has that.

    What would be out of Time stays as it came: whoever may publish may name any monotonic time.
    """
    if not in_time(record.mono_ms + told.offset_ms):
        return None
    table: dict[str, Any] = {"clk": record.clk, "boot": record.boot, "mono_ms": record.mono_ms}
    if not correct_record(table, told):
        return None
    return msgspec.structs.replace(record, ts_ms=table["ts_ms"], clk=table["clk"])


def move(run: Run, journal: int, span: Span, told: Correction) -> Moved:
    """Correct the records with those numbers; what was done to which."""
    moved = _move_tail(run, journal, span, told)
    spans: list[Span] = []
    for chunk in chunks.with_numbers(run, journal, span):
        was = chunk.unpack()
        now = _moved(was, span, told)
        if now is None:
            continue
        places = np.flatnonzero(now.ts != was.ts)
        before, by = was.ts[places].tolist(), (now.ts - was.ts)[places].tolist()
        moved.update(zip(was.seq[places].tolist(), zip(before, by, strict=True), strict=True))
        packed_ms = run("DELETE FROM chunks WHERE id = ? RETURNING packed_ms", (chunk.id,)).fetchone()[0]
        for block in (was, *chunks.keep(run, journal, list(now.in_order().judged()), packed_ms)):
            spans += _dense(block)
    pyramid.make_again(run, journal, spans, lambda first, last: chunks.packed(run, journal, (first, last)))
    return moved


def _dense(block: Block) -> list[Span]:
    """Where records lie, without the empty years between; `block` is in the order of time."""
    far = np.flatnonzero(np.diff(block.ts) > pyramid.WIDTHS_MS[-1]) + 1
    return [(int(part[0]), int(part[-1])) for part in np.split(block.ts, far)]


def _move_tail(run: Run, journal: int, span: Span, told: Correction) -> Moved:
    moved: Moved = {}
    query = "SELECT seq, body FROM tail WHERE journal = ? AND seq BETWEEN ? AND ?"
    for seq, body in run(query, (journal, *span)).fetchall():
        judged = from_row(body)
        record = corrected(judged.record, told)
        if record is not None:
            row = (record.ts_ms, to_row(msgspec.structs.replace(judged, record=record)), journal, seq)
            run("UPDATE tail SET ts_ms = ?, body = ? WHERE journal = ? AND seq = ?", row)
            moved[seq] = judged.record.ts_ms, record.ts_ms - judged.record.ts_ms
    return moved


def _moved(block: Block, span: Span, told: Correction) -> Block | None:
    """With true times; None when no record of the span needs one."""
    tables: list[dict[str, Any]] = [
        {"clk": label.clk, "boot": label.boot, "mono_ms": 0} for label in block.labels
    ]
    wrong = np.array([correct_record(table, told) for table in tables], np.bool_)
    true = block.mono + told.offset_ms
    places = wrong[block.code] & (block.seq >= span[0]) & (block.seq <= span[1])
    places &= (true >= TIME_LEAST) & (true <= TIME_MOST)
    if not places.any():
        return None
    ts = np.where(places, true, block.ts)
    right = [label._replace(clk=table["clk"]) for label, table in zip(block.labels, tables, strict=True)]
    code = np.where(places, block.code + len(block.labels), block.code)
    return replace(block, ts=ts, code=code, labels=[*block.labels, *right])
