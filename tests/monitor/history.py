"""The slow and obvious version of the history: a list, looked through from end to end."""

import json
import math
from collections.abc import Iterable
from typing import Any

from monitor.changes import Changes
from monitor.history.pyramid import WIDTHS_MS
from monitor.message import Judged, decode_record
from monitor.store import Store
from tests.monitor.messages import EPOCH, NOON, record

FINER = {"temperature_c": 0.01, "humidity_pct": 0.01, "pressure_hpa": 0.001}  # of what a model expects


def judged(seq: int, **other: Any) -> Judged:
    """A record as the ingest thread has it."""
    return decode_record(json.dumps(record(seq, **other)).encode())


def lively(seq: int, *, step_ms: int = 10_000, **other: Any) -> Judged:
    """A record whose values move like those of a room."""
    warm, damp = 21.0 + 2 * math.sin(seq / 300), 50.0 + 5 * math.cos(seq / 500)
    made = {
        "ts_ms": NOON + step_ms * seq,
        "mono_ms": step_ms * seq,
        "temperature_c": round(warm + seq * 7919 % 5 / 10, 1),
        "humidity_pct": round(damp + seq * 6007 % 7 / 10, 1),
        "score": seq * 104_729 % 900 / 1000.0,
        "expected": {"temperature_c": warm, "humidity_pct": damp},
        "spread": {"temperature_c": 0.2 + seq % 3 / 100, "humidity_pct": 1.0},
    }
    return judged(seq, **(made | other))


def commit(store: Store, records: Iterable[Judged], device: str = "cellar") -> None:
    """In one transaction."""
    store.commit(Changes(records=[(device, one) for one in records]))


def same(one: Judged, other: Judged) -> bool:
    """Equal but for what packing rounds."""
    a, b = one.record, other.record
    words = [name for name in a.__struct_fields__ if name not in ("score", "expected", "spread")]
    return (
        all(getattr(a, name) == getattr(b, name) for name in words)
        and _known(one) == _known(other)
        and _near(a.score, b.score, 0.001)
        and (a.score is None or b.score is None or (a.score >= 1.0) == (b.score >= 1.0))
        and all(_near(a.expected.get(key), b.expected.get(key), _step(key)) for key in one.values)
        and all(_near(a.spread.get(key), b.spread.get(key), _step(key)) for key in one.values)
    )


def _known(one: Judged) -> dict[str, float]:
    return {key: value for key, value in one.values.items() if value is not None}


def _step(key: str) -> float:
    return FINER.get(key, 0.0)


def _near(one: float | None, other: float | None, step: float) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= step * 1.0001


def totals(store: Store) -> dict[str, int]:
    """How much is in the file."""
    with store.reading() as run:
        (loose,) = run("SELECT count(*) FROM tail").fetchone()
        (packed,) = run("SELECT coalesce(sum(count), 0) FROM chunks").fetchone()
        (events,) = run("SELECT count(*) FROM events").fetchone()
    return {"records": loose + packed, "events": events}


def in_time(records: Iterable[Judged]) -> list[Judged]:
    """In the order in which they must come back."""
    return sorted(records, key=lambda one: (one.record.ts_ms, one.record.seq))


def extremes(
    records: list[Judged], level: int, key: str
) -> dict[int, tuple[int, float | None, float | None]]:
    """By stretch: how many records, and the lowest and highest value that somebody believes."""
    found: dict[int, list[Judged]] = {}
    for one in records:
        found.setdefault(one.record.ts_ms // WIDTHS_MS[level], []).append(one)
    sums = {}
    for start, many in found.items():
        values = [one.values.get(key) for one in many if one.record.q != "rejected"]
        known = [value for value in values if value is not None]
        sums[start] = len(many), min(known, default=None), max(known, default=None)
    return sums


__all__ = ["EPOCH", "NOON"]
