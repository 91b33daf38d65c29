"""Records of a monitor's store in their order, on one clock that never goes back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from edge.reading import CHANNELS
from edge.recording import Labels as Rows
from edge.recording import Times, Values
from monitor.reader import Block

GOOD = ("ok", "retried")
UNKNOWN_MS = 7 * 86_400_000  # between two boots with a clock that was not set, nobody knows how long it was


@dataclass(frozen=True, slots=True)
class StoreRecords:
    """n records of one device."""

    ts: Times  # (n,) wall milliseconds, as true as the monitor knows them
    mono: Times  # (n,) milliseconds
    seq: Times  # (n,)
    epoch: Times  # (n,) a number for each journal
    boot: Times  # (n,) a number for each boot
    clocked: Rows  # (n,) whether the clock was set
    good: Rows  # (n,) whether the sensor gave something that the gate believed
    values: Values  # (n, K) of all channels that we know

    def take(self, order: Times | Rows) -> "StoreRecords":
        """Those of them."""
        return StoreRecords(*(getattr(self, field.name)[order] for field in fields(self)))


def collected(blocks: Iterable[Block], epochs: dict[str, int]) -> StoreRecords:
    """All of them as they come; `epochs` gets a number for each journal."""
    boots: dict[str, int] = {}
    parts = list(_parts(blocks, epochs, boots))
    return StoreRecords(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(StoreRecords))
    )


def _parts(blocks: Iterable[Block], epochs: dict[str, int], boots: dict[str, int]) -> Iterator[StoreRecords]:
    """Block by block: what a training has no use for is let go at once."""
    for block in blocks:
        nothing = np.full(len(block), np.nan)
        trends = [block.channels.get(channel.key) for channel in CHANNELS.values()]
        labels = block.labels
        yield StoreRecords(
            block.ts,
            block.mono,
            block.seq,
            np.array([epochs.setdefault(each.epoch, len(epochs)) for each in labels], np.int64)[block.code],
            np.array([boots.setdefault(each.boot, len(boots)) for each in labels], np.int64)[block.code],
            np.array([each.clk != "unsynced" for each in labels], np.bool_)[block.code],
            np.array([each.q in GOOD for each in labels], np.bool_)[block.code],
            np.column_stack([nothing if trend is None else trend.value for trend in trends]),
        )


def in_order(records: StoreRecords) -> StoreRecords:
    """By their numbers, the earliest journal first: one that never knew the time by what it thought."""
    ends = np.full(records.epoch.max(initial=0) + 1, np.iinfo(np.int64).min)
    np.maximum.at(ends, records.epoch, records.ts)
    return records.take(np.lexsort((records.seq, ends[records.epoch])))


def room_time(records: StoreRecords) -> Times:
    """(n,) milliseconds that never go back, up to the last record's wall time.

    Within a boot they are monotonic time; between boots the wall clock's, as far as it was set.
    """
    gone_by = np.diff(records.mono)
    same = (np.diff(records.boot) == 0) & (gone_by >= 0)
    clocked = records.clocked[1:] & records.clocked[:-1]
    by_wall = np.where(clocked, np.maximum(0, np.diff(records.ts)), UNKNOWN_MS)
    at_ms = np.append(0, np.cumsum(np.where(same, gone_by, by_wall)))[: len(records.ts)]
    on_the_wall: Times = at_ms + (records.ts[-1:] - at_ms[-1:])
    return on_the_wall
