"""A long stretch of records as the few points that a chart can show, with nothing strange left out.

Each bucket of time keeps the records with the lowest and highest value of every channel, the
highest score, and at least one record of every state that occurs: a spike of one record stays
visible in a year. A gap in time becomes a row of nulls, so that charts show it as a gap.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from statistics import median
from typing import Any

from monitor.message import Judged, Malformed, decode_record

GAP_PERIODS = 2.5
POINTS_MOST = 5000

Row = Judged | int  # a record, or the time of a gap


def columns(rows: Iterable[tuple[int, bytes]], points: int, period_s: float | None) -> dict[str, Any]:
    """(ts_ms, body) in the order of time to columns of equal length.

    `ts_ms`, `state`, `q` (quality) and `score`, and under `channels` by key: `value`, `expected`,
    `spread`. A row of nulls in all but `ts_ms` is a gap. `points` is the most buckets of time (1 or more).
    """
    judged = list(_decoded(rows))
    kept = thin_out(judged, points)
    return {"count": len(judged), **_table(list(_with_gaps(kept, judged, period_s)))}


def thin_out(judged: list[Judged], points: int) -> list[Judged]:
    """What stays of records in the order of time; all of them when there are few."""
    if len(judged) <= points:
        return judged
    start = judged[0].record.ts_ms
    span = judged[-1].record.ts_ms - start + 1
    kept: list[Judged] = []
    bucket: list[Judged] = []
    number = 0
    for one in judged:
        place = (one.record.ts_ms - start) * points // span
        if place != number:
            kept.extend(_telling(bucket))
            bucket, number = [], place
        bucket.append(one)
    return kept + _telling(bucket)


def _telling(bucket: list[Judged]) -> list[Judged]:
    """The records of one bucket that must be seen, in the order of time."""
    chosen: set[int] = set()
    states: dict[str, int] = {}
    for place, one in enumerate(bucket):
        best = states.setdefault(one.record.state, place)
        if (one.record.score or 0.0) > (bucket[best].record.score or 0.0):
            states[one.record.state] = place
    chosen.update(states.values())
    for key in {key for one in bucket for key in one.values}:
        values = [(one.values.get(key), place) for place, one in enumerate(bucket)]
        known = [(value, place) for value, place in values if value is not None]
        if known:
            chosen.update((min(known)[1], max(known)[1]))
    return [bucket[place] for place in sorted(chosen)]


def _decoded(rows: Iterable[tuple[int, bytes]]) -> Iterator[Judged]:
    for _, body in rows:
        try:
            yield decode_record(body)
        except Malformed:  # of a later version of the contract
            continue


def _with_gaps(kept: list[Judged], judged: list[Judged], period_s: float | None) -> Iterator[Row]:
    """The kept records, and the time just after the last one before each gap in *all* records."""
    times = [one.record.ts_ms for one in judged]
    limit_ms = GAP_PERIODS * (1000 * period_s if period_s else _usual_step_ms(times))
    gaps = [before + 1 for before, after in pairwise(times) if after - before > limit_ms]
    place = 0
    for one in kept:
        while place < len(gaps) and gaps[place] <= one.record.ts_ms:
            yield gaps[place]
            place += 1
        yield one


def _usual_step_ms(times: list[int]) -> float:
    steps = [after - before for before, after in pairwise(times[-1000:])]
    return max(1.0, median(steps)) if steps else 1000.0


def _table(rows: list[Row]) -> dict[str, Any]:
    records = [row for row in rows if not isinstance(row, int)]
    keys = sorted({key for one in records for key in one.values})
    return {
        "ts_ms": [row if isinstance(row, int) else row.record.ts_ms for row in rows],
        "state": [None if isinstance(row, int) else row.record.state for row in rows],
        "q": [None if isinstance(row, int) else row.record.q for row in rows],
        "score": [None if isinstance(row, int) else row.record.score for row in rows],
        "channels": {
            key: {
                "value": [None if isinstance(row, int) else row.values.get(key) for row in rows],
                "expected": [None if isinstance(row, int) else row.record.expected.get(key) for row in rows],
                "spread": [None if isinstance(row, int) else row.record.spread.get(key) for row in rows],
            }
            for key in keys
        },
    }
