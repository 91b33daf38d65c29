"""A block as a chunk of bytes and back; and a record as a row of the tail."""

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec

from edge.reading import CHANNELS
from monitor.history.block import Block, Label, Trend
from monitor.history.column import pack_floats, pack_ints, unpack_floats, unpack_ints
from monitor.message import Judged, Record

# A chunk of a steady room just outgrows a page of SQLite, so that little of its pages is left empty.
CHUNK_RECORDS = 768
CHUNK_CHANNELS = 32
CHUNK_SPAN_MS = 8 * 86_400_000  # so that one look into the index tells which chunks may hold a time
SCORE_DIGITS = 3
_LEVEL = 6

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_fields = attrgetter(*Record.__struct_fields__)


class Verdict(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a row of the tail: a record as far as its state and score."""

    v: int
    epoch: str
    seq: int
    ts_ms: int
    clk: str
    boot: str
    mono_ms: int
    q: str
    src: str
    sim: bool
    state: str
    score: float | None


_decode_verdict = msgspec.msgpack.Decoder(Verdict).decode


@cache
def digits_of(key: str) -> int | None:
    """How many digits behind the point a channel's resolution has; None of a channel that we don't know."""
    known = next((one for one in CHANNELS.values() if one.key == key), None)
    return None if known is None else max(0, -math.floor(math.log10(known.resolution)))


def pack(block: Block, first_ms: int, first_seq: int) -> bytes:
    """Columns relative to those two, pressed."""
    columns = [pack_ints(block.ts - first_ms), pack_ints(block.seq - first_seq)]
    columns += [pack_ints(block.ts - block.mono - first_ms), pack_ints(block.code)]
    columns.append(pack_floats(block.score, SCORE_DIGITS, downwards=True))
    for key, one in block.channels.items():
        digits = digits_of(key)
        columns.append(pack_floats(one.value))
        columns.append(pack_floats(one.expected, None if digits is None else digits + 1))
        columns.append(pack_floats(one.spread, None if digits is None else digits + 2))
    labels = [tuple(label) for label in block.labels]
    return zlib.compress(_encode((len(block), labels, list(block.channels), columns)), _LEVEL)


def unpack(data: bytes, first_ms: int, first_seq: int) -> Block:
    """The block of `pack`."""
    count, labels, keys, columns = _decode(zlib.decompress(data))
    ts, seq, offset, code = (unpack_ints(each, count) for each in columns[:4])
    numbers = [unpack_floats(each, count) for each in columns[4:]]
    return Block(
        seq=seq + first_seq,
        ts=ts + first_ms,
        mono=ts - offset,
        code=code,
        labels=[Label(*label) for label in labels],
        score=numbers[0],
        channels={key: Trend(*numbers[1 + 3 * i : 4 + 3 * i]) for i, key in enumerate(keys)},
    )


def to_row(judged: Judged) -> bytes:
    """One record for the tail."""
    return _encode((*_fields(judged.record), judged.values))


def from_row(body: bytes) -> Judged:
    """The record of `to_row`."""
    *fields, values = _decode(body)
    return Judged(Record(*fields), values)


def verdict_of_row(body: bytes) -> Verdict:
    """Of `to_row`, without what comes later: ten times as fast."""
    return _decode_verdict(body)


def pieces(many: Sequence[Judged]) -> Iterator[list[Judged]]:
    """Records in the order of time, cut so that each part fits a chunk."""
    part: list[Judged] = []
    keys: set[str] = set()
    for one in many:
        more = keys | one.values.keys() if one.values.keys() - keys else keys
        far = bool(part) and one.record.ts_ms - part[0].record.ts_ms > CHUNK_SPAN_MS
        if part and (len(part) == CHUNK_RECORDS or far or len(more) > CHUNK_CHANNELS):
            yield part
            part, more = [], set(one.values)
        part.append(one)
        keys = more
    if part:
        yield part


def sorted_by_time(many: Iterable[Judged]) -> list[Judged]:
    """By time, then by number."""
    return sorted(many, key=lambda one: (one.record.ts_ms, one.record.seq))


def to_json(judged: Judged) -> dict[str, Any]:
    """A record as edge/schema/record.json has it."""
    table: dict[str, Any] = msgspec.to_builtins(judged.record)
    return {**table, **judged.values}
