"""Records summed up by stretches of time: a row each, that folds with another of its stretch in any order."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.history.block import CHANNELS_MOST, Block, Trend
from monitor.history.column import Floats, Ints, pack_floats, pack_ints, unpack_floats, unpack_ints
from monitor.history.packing import SCORE_DIGITS, digits_of
from monitor.message import Quality, State

PARTS = 16  # of a stretch: which of them hold a record
STATES: tuple[State, ...] = get_args(State)
QUALITIES: tuple[Quality, ...] = get_args(Quality)
_ROWS = ("start", "count", "first", "last", "filled", "states", "qualities")
_BAND = ("low", "high", "mean", "expected", "spread")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


@dataclass(frozen=True, slots=True)
class Band:
    """One channel, (n,) each. NaN for null; means over the `known` values and the `judged` expectations."""

    low: Floats
    high: Floats
    mean: Floats
    expected: Floats
    spread: Floats
    known: Ints
    judged: Ints

    def take(self, places: slice | NDArray[np.bool_] | NDArray[np.intp]) -> "Band":
        """Those rows."""
        return Band(*(getattr(self, name)[places] for name in (*_BAND, "known", "judged")))


@dataclass(frozen=True, slots=True)
class Summary:
    """n rows; the stretch of row i begins at start[i] * width_ms."""

    width_ms: int
    start: Ints
    count: Ints
    first: Ints  # milliseconds since 1970
    last: Ints
    filled: Ints  # bit k: something is in the k-th sixteenth
    states: Ints  # bit k: STATES[k] occurs
    qualities: Ints  # bit k: QUALITIES[k] occurs
    score: Floats  # the highest
    bands: dict[str, Band]

    def __len__(self) -> int:
        return len(self.start)

    def take(self, places: slice | NDArray[np.bool_] | NDArray[np.intp]) -> "Summary":
        """Those rows."""
        rows = {name: getattr(self, name)[places] for name in (*_ROWS, "score")}
        return replace(self, **rows, bands={key: one.take(places) for key, one in self.bands.items()})


def summed_up(block: Block, width_ms: int) -> Summary:
    """Of records in the order of time."""
    start, within = np.divmod(block.ts, width_ms)
    one = np.ones(len(block), np.int64)
    states = np.array([1 << STATES.index(label.state) for label in block.labels], np.int64)
    qualities = np.array([1 << QUALITIES.index(label.q) for label in block.labels], np.int64)
    doubted = np.array([label.q == "rejected" for label in block.labels], np.bool_)[block.code]
    bands = {key: _band(trend, doubted) for key, trend in block.channels.items()}
    filled = np.left_shift(one, within * PARTS // width_ms)
    each = (start, one, block.ts, block.ts, filled, states[block.code], qualities[block.code], block.score)
    return folded(Summary(width_ms, *each, bands))


def _band(trend: Trend, doubted: NDArray[np.bool_]) -> Band:
    """Each value by itself, but for those that nobody believes."""
    value = np.where(doubted, np.nan, trend.value)
    known, judged = ((~np.isnan(each)).astype(np.int64) for each in (value, trend.expected))
    return Band(value, value, value, trend.expected, trend.spread, known, judged)


def folded(rows: Summary) -> Summary:
    """Rows of the same stretch as one; what is given stands in the order of `start`."""
    at = np.flatnonzero(np.diff(rows.start, prepend=rows.start[0] - 1))
    if len(at) == len(rows):
        return rows
    return Summary(
        rows.width_ms,
        rows.start[at],
        np.add.reduceat(rows.count, at),
        np.minimum.reduceat(rows.first, at),
        np.maximum.reduceat(rows.last, at),
        np.bitwise_or.reduceat(rows.filled, at),
        np.bitwise_or.reduceat(rows.states, at),
        np.bitwise_or.reduceat(rows.qualities, at),
        np.fmax.reduceat(rows.score, at),
        {key: _folded_band(one, at) for key, one in rows.bands.items()},
    )


def _folded_band(one: Band, at: NDArray[np.intp]) -> Band:
    known, judged = np.add.reduceat(one.known, at), np.add.reduceat(one.judged, at)
    return Band(
        np.fmin.reduceat(one.low, at),
        np.fmax.reduceat(one.high, at),
        _mean(one.mean, one.known, known, at),
        _mean(one.expected, one.judged, judged, at),
        _mean(one.spread, one.judged, judged, at),
        known,
        judged,
    )


def _mean(values: Floats, weights: Ints, total: Ints, at: NDArray[np.intp]) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):  # hostile 1e308 and -1e308
        sums = np.add.reduceat(np.where(weights > 0, np.nan_to_num(values) * weights, 0.0), at)
    return np.where(total > 0, sums / np.maximum(total, 1), np.nan)


def combined(parts: Sequence[Summary]) -> Summary:
    """All of them, of one width, folded."""
    parts = [part for part in parts if len(part)] or parts[:1]
    if len(parts) == 1:
        return parts[0]
    start = np.concatenate([part.start for part in parts])
    order = np.argsort(start, kind="stable")
    rows = {
        name: np.concatenate([getattr(part, name) for part in parts])[order] for name in (*_ROWS, "score")
    }
    keys = list(dict.fromkeys(key for part in parts for key in part.bands))[:CHANNELS_MOST]
    bands = {key: _joined([(part.bands.get(key), len(part)) for part in parts]).take(order) for key in keys}
    return folded(Summary(parts[0].width_ms, **rows, bands=bands))


def widened(rows: Summary, times: int) -> Summary:
    """Stretches so many times as long. What `filled` says is lost."""
    start = rows.start // times
    nothing = np.zeros(len(rows), np.int64)
    return folded(replace(rows, width_ms=rows.width_ms * times, start=start, filled=nothing))


def _joined(parts: list[tuple[Band | None, int]]) -> Band:
    bands = [one or _unknown(count) for one, count in parts]
    floats = {name: np.concatenate([getattr(one, name) for one in bands]) for name in _BAND}
    known, judged = np.concatenate([b.known for b in bands]), np.concatenate([b.judged for b in bands])
    return Band(**floats, known=known, judged=judged)


def _unknown(count: int) -> Band:
    nothing, zero = np.full(count, np.nan), np.zeros(count, np.int64)
    return Band(nothing, nothing, nothing, nothing, nothing, zero, zero)


def pack(rows: Summary) -> bytes:
    """Bytes for the store; means to a hundredth of the channel's resolution."""
    columns = [pack_ints(getattr(rows, name) - _base(rows, name)) for name in _ROWS]
    columns.append(pack_floats(rows.score, SCORE_DIGITS, downwards=True))
    for key, band in rows.bands.items():
        digits = digits_of(key)
        finer = None if digits is None else digits + 2
        columns += [pack_floats(band.low), pack_floats(band.high)]
        columns += [pack_floats(each, finer) for each in (band.mean, band.expected, band.spread)]
        columns += [pack_ints(band.known), pack_ints(band.judged)]
    return zlib.compress(_encode((len(rows), rows.width_ms, list(rows.bands), columns)))


def unpack(data: bytes) -> Summary:
    """The summary of `pack`."""
    count, width_ms, keys, columns = _decode(zlib.decompress(data))
    numbers = iter(columns)
    rows = {name: unpack_ints(next(numbers), count) for name in _ROWS}
    for name in ("first", "last"):
        rows[name] += rows["start"] * width_ms
    score = unpack_floats(next(numbers), count)
    bands = {}
    for key in keys:
        floats = {name: unpack_floats(next(numbers), count) for name in _BAND}
        known, judged = (unpack_ints(next(numbers), count) for _ in range(2))
        bands[key] = Band(**floats, known=known, judged=judged)
    return Summary(width_ms, **rows, score=score, bands=bands)


def verdicts(data: bytes) -> tuple[Ints, Ints, Floats]:
    """Of `pack`, without the bands: starts, states and scores, (n,) each."""
    count, _, _, columns = _decode(zlib.decompress(data))
    start, states = (unpack_ints(columns[_ROWS.index(name)], count) for name in ("start", "states"))
    return start, states, unpack_floats(columns[len(_ROWS)], count)


def _base(rows: Summary, name: str) -> Ints | int:
    return rows.start * rows.width_ms if name in ("first", "last") else 0
