"""Records or summaries as the columns that a chart draws, with gaps as rows of nulls."""

from typing import Any

import numpy as np

from monitor.history.block import Block, nullable
from monitor.history.column import Floats, Ints
from monitor.history.summary import PARTS, QUALITIES, STATES, Summary, widened
from monitor.history.thinning import telling

Columns = dict[tuple[str | None, str], Floats]  # by channel, or None, and name

GAP_PERIODS = 2.5
_WORST_STATES = ("anomalous", "sensor_fault", "normal", "warming", "no_model")
# A value that nobody believes has no part in a summary's values, so it is the last to be told.
_WORST_QUALITIES = ("missing", "retried", "ok", "rejected")


def drawn_records(block: Block, points: int, period_s: float | None) -> dict[str, Any]:
    """Records in the order of time; every gap in all of them shows in those that stay."""
    limit_ms = GAP_PERIODS * (1000 * period_s if period_s else _usual_step_ms(block.ts))
    gaps = block.ts[:-1][np.diff(block.ts) > limit_ms] + 1
    kept = block.take(telling(block, points))
    words = {"state": kept.each("state"), "q": kept.each("q")}
    columns: Columns = {(None, "score"): kept.score}
    for key, one in sorted(kept.channels.items()):
        columns |= {(key, name): getattr(one, name) for name in ("value", "expected", "spread")}
    table = _table(kept.ts, gaps, words, columns)
    return {"count": len(block), "step_ms": 0, **table}


def drawn_summary(rows: Summary, points: int, period_s: float | None) -> dict[str, Any]:
    """Two rows a stretch: the lowest values where it begins, the highest where it ends."""
    limit_ms = GAP_PERIODS * (1000 * period_s if period_s else _usual_period_ms(rows))
    gaps = _gaps(rows, limit_ms)
    span = int(rows.start[-1] - rows.start[0]) + 1
    if span > points:
        rows = widened(rows, -(-span // points))
    twice = np.repeat(np.arange(len(rows)), np.where(rows.last > rows.first, 2, 1))
    again = np.diff(twice, prepend=-1) == 0
    words = {
        "state": _words(rows.states[twice], STATES, _WORST_STATES),
        "q": _words(rows.qualities[twice], QUALITIES, _WORST_QUALITIES),
    }
    columns: Columns = {(None, "score"): rows.score[twice]}
    for key, one in sorted(rows.bands.items()):
        columns[key, "value"] = np.where(again, one.high[twice], one.low[twice])
        for name in ("expected", "spread", "low", "high", "mean"):
            columns[key, name] = getattr(one, name)[twice]
    times = np.where(again, rows.last[twice], rows.first[twice])
    table = _table(times, gaps, words, columns)
    return {"count": int(rows.count.sum()), "step_ms": rows.width_ms, **table}


def _gaps(rows: Summary, limit_ms: float) -> Ints:
    """Times in gaps: between the stretches, and in them where so many parts are empty."""
    between = rows.last[:-1][rows.first[1:] - rows.last[:-1] > limit_ms] + 1
    part_ms = rows.width_ms // PARTS
    run, longest, end = (np.zeros(len(rows), np.int64) for _ in range(3))
    begun = np.zeros(len(rows), np.bool_)
    for part in range(PARTS):
        full = (rows.filled >> part) & 1 == 1
        better = full & begun & (run > longest)
        longest, end = np.where(better, run, longest), np.where(better, part, end)
        run, begun = np.where(full, 0, run + 1), begun | full
    empty = longest * part_ms > limit_ms
    within = rows.start * rows.width_ms + end * part_ms - longest * part_ms // 2
    return np.sort(np.concatenate([between, within[empty]]))


def _table(ts: Ints, gaps: Ints, words: dict[str, list[Any]], columns: Columns) -> dict[str, Any]:
    """Columns by name, with at most one gap between two rows."""
    places = np.searchsorted(ts, gaps, side="right")
    places, first = np.unique(places, return_index=True)
    gaps = gaps[first]
    channels: dict[str, dict[str, list[float | None]]] = {}
    table: dict[str, Any] = {"ts_ms": np.insert(ts, places, gaps).tolist()}
    at = (places + np.arange(len(places))).tolist()
    for name, many in words.items():
        table[name] = _with_nulls(many, at)
    for (key, name), values in columns.items():
        found = nullable(np.insert(values, places, np.nan))
        (table if key is None else channels.setdefault(key, {}))[name] = found
    return {**table, "channels": channels}


def _with_nulls(many: list[Any], at: list[int]) -> list[Any]:
    found = list(many)
    for place in at:
        found.insert(place, None)
    return found


def _words(bits: Ints, names: tuple[str, ...], worst_first: tuple[str, ...]) -> list[Any]:
    chosen = np.zeros(len(bits), np.int64)
    for name in reversed(worst_first):
        number = names.index(name)
        chosen = np.where((bits >> number) & 1 == 1, number, chosen)
    return [names[each] for each in chosen.tolist()]


def _usual_step_ms(times: Ints) -> float:
    steps = np.diff(times[-1001:])
    return max(1.0, float(np.median(steps))) if len(steps) else 1000.0


def _usual_period_ms(rows: Summary) -> float:
    many = rows.count > 1
    if not many.any():
        return _usual_step_ms(rows.first)
    return max(1.0, float(np.median((rows.last - rows.first)[many] / (rows.count[many] - 1))))
