"""Many records as columns, one numpy array each: what is packed, summed up and drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.clock import ClockQuality
from monitor.history.column import Floats, Ints
from monitor.message import Judged, Numbers, Quality, Record, State

CHANNELS_MOST = 64  # of one device, that are read together: whoever may publish may invent names


class Label(NamedTuple):
    """What a record says in words; seldom another than the record before."""

    epoch: str
    clk: ClockQuality
    boot: str
    q: Quality
    src: str
    sim: bool
    state: State
    anomaly: bool | None
    why: str | None
    model: str | None
    fault: str | None


_words = attrgetter(*Label._fields)


@dataclass(frozen=True, slots=True)
class Trend:
    """One channel, (n,) each, NaN for null."""

    value: Floats
    expected: Floats
    spread: Floats


@dataclass(frozen=True, slots=True)
class Block:
    """n records. `code` points into `labels`; `channels` by key."""

    seq: Ints
    ts: Ints  # milliseconds since 1970
    mono: Ints  # milliseconds
    code: Ints
    labels: list[Label]
    score: Floats
    channels: dict[str, Trend]

    def __len__(self) -> int:
        return len(self.seq)

    def take(self, places: NDArray[np.intp] | NDArray[np.bool_] | slice) -> "Block":
        """Those of them, in that order."""
        channels = {
            key: Trend(one.value[places], one.expected[places], one.spread[places])
            for key, one in self.channels.items()
        }
        return replace(
            self,
            seq=self.seq[places],
            ts=self.ts[places],
            mono=self.mono[places],
            code=self.code[places],
            score=self.score[places],
            channels=channels,
        )

    def in_order(self) -> "Block":
        """By time, then by number."""
        if np.all(self.ts[1:] > self.ts[:-1]):
            return self
        return self.take(np.lexsort((self.seq, self.ts)))

    def between(self, from_ms: int, to_ms: int) -> "Block":
        """Those taken then, both ends included."""
        if len(self) == 0 or (from_ms <= int(self.ts.min()) and int(self.ts.max()) <= to_ms):
            return self
        return self.take((self.ts >= from_ms) & (self.ts <= to_ms))

    def each(self, name: str) -> list[object]:
        """(n,) one of the words of every record."""
        words = [getattr(label, name) for label in self.labels]
        return [words[code] for code in self.code.tolist()]

    def judged(self) -> Iterator[Judged]:
        """Records again."""
        score = nullable(self.score)
        trends = {
            key: (nullable(one.value), nullable(one.expected), nullable(one.spread))
            for key, one in self.channels.items()
        }
        rows = zip(self.seq.tolist(), self.ts.tolist(), self.mono.tolist(), self.code.tolist(), strict=True)
        for i, (seq, ts_ms, mono_ms, code) in enumerate(rows):
            yield Judged(
                Record(
                    v=1,
                    seq=seq,
                    ts_ms=ts_ms,
                    mono_ms=mono_ms,
                    score=score[i],
                    expected={key: one[1][i] for key, one in trends.items() if one[1][i] is not None},
                    spread={key: one[2][i] for key, one in trends.items() if one[2][i] is not None},
                    **self.labels[code]._asdict(),
                ),
                {key: one[0][i] for key, one in trends.items()},
            )


def nullable(values: Floats) -> list[float | None]:
    """With None for NaN."""
    found: list[float | None] = values.tolist()
    if np.isnan(values).any():
        return [None if one != one else one for one in found]
    return found


def of_judged(many: Sequence[Judged]) -> Block:
    """Records as columns; expectations only of what was measured."""
    labels: dict[Label, int] = {}
    code = [labels.setdefault(_label(one.record), len(labels)) for one in many]
    keys = list(dict.fromkeys(key for one in many for key in one.values))
    return Block(
        seq=np.array([one.record.seq for one in many], np.int64),
        ts=np.array([one.record.ts_ms for one in many], np.int64),
        mono=np.array([one.record.mono_ms for one in many], np.int64),
        code=np.array(code, np.int64),
        labels=list(labels),
        score=np.array([one.record.score for one in many], np.float64),
        channels={
            key: Trend(
                _column([one.values for one in many], key),
                _column([one.record.expected for one in many], key),
                _column([one.record.spread for one in many], key),
            )
            for key in keys
        },
    )


def together(blocks: Sequence[Block]) -> Block:
    """All of them, in the order of time."""
    if len(blocks) == 1:
        return blocks[0].in_order()
    labels: dict[Label, int] = {}
    codes = [
        np.array([labels.setdefault(label, len(labels)) for label in block.labels], np.int64)[block.code]
        for block in blocks
        if len(block)
    ]
    blocks = [block for block in blocks if len(block)]
    if not blocks:
        return of_judged([])
    keys = list(dict.fromkeys(key for block in blocks for key in block.channels))[:CHANNELS_MOST]
    return Block(
        seq=np.concatenate([block.seq for block in blocks]),
        ts=np.concatenate([block.ts for block in blocks]),
        mono=np.concatenate([block.mono for block in blocks]),
        code=np.concatenate(codes),
        labels=list(labels),
        score=np.concatenate([block.score for block in blocks]),
        channels={key: _joined([(block.channels.get(key), len(block)) for block in blocks]) for key in keys},
    ).in_order()


def _joined(parts: list[tuple[Trend | None, int]]) -> Trend:
    known = [Trend(*3 * (np.full(count, np.nan),)) if one is None else one for one, count in parts]
    return Trend(
        np.concatenate([one.value for one in known]),
        np.concatenate([one.expected for one in known]),
        np.concatenate([one.spread for one in known]),
    )


def _column(tables: list[Numbers], key: str) -> Floats:
    return np.array([table.get(key) for table in tables], np.float64)


def _label(record: Record) -> Label:
    return Label(*_words(record))
