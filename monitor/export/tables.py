"""What is exported, as pieces of typed columns: records, events, and the fleet as it is shown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from edge.reading import CHANNELS
from monitor.history import chunks, pyramid
from monitor.history.block import Block
from monitor.history.reading import EVER, Span, blocks, journals
from monitor.message import Event, decode
from monitor.store import Store

Kind = Literal["time", "whole", "number", "text"]
EVENTS_AT_ONCE = 500
KEYS_MOST = 64  # different channels of one export
_OWN = {"timestamp", "ts_ms", "epoch", "seq", "quality", "state", "score", "onset", "end", "id", "device"}
_OWN_PREFIXES = ("expected_", "spread_", "observed_")


@dataclass(frozen=True, slots=True)
class Column:
    """Its name, and what is in it: `time` is milliseconds since 1970."""

    name: str
    kind: Kind
    unit: str = ""


Piece = list[Any]  # sequences or arrays, as many columns, all of one length; None or NaN for nothing


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, and their content piece by piece."""

    columns: tuple[Column, ...]
    pieces: Iterator[Piece]
    about: dict[str, str] = field(default_factory=dict)


def records(store: Store, device: str, span: tuple[int | None, int | None]) -> Table:
    """One row a record, in the order of time."""
    whole = (EVER[0] if span[0] is None else span[0]), (EVER[1] if span[1] is None else span[1])
    keys = _channels(store, device, whole)
    names = _names(keys)
    units = [_unit(key) for key in keys]
    columns = [
        *(Column("timestamp", "time"), Column("ts_ms", "whole", "ms")),
        *(Column("epoch", "text"), Column("seq", "whole")),
        *(Column(name, "number", unit) for name, unit in zip(names, units, strict=True)),
        *(Column("quality", "text"), Column("state", "text"), Column("score", "number")),
        *(Column(f"expected_{name}", "number", unit) for name, unit in zip(names, units, strict=True)),
        *(Column(f"spread_{name}", "number", unit) for name, unit in zip(names, units, strict=True)),
    ]
    pieces = (_piece(block, keys) for block in _blocks(store, device, whole))
    return Table(tuple(columns), pieces, {"device": device})


def _blocks(store: Store, device: str, span: Span) -> Iterator[Block]:
    """Each with a view of the store of its own: whoever reads slowly holds nothing up."""
    at = span[0]
    while True:
        with store.reading() as run:
            block = next((one for one in blocks(run, device, (at, span[1])) if len(one)), None)
        if block is None:
            return
        yield block
        at = int(block.ts[-1]) + 1


def _piece(block: Block, keys: list[str]) -> Piece:
    nothing = np.full(len(block), np.nan)
    trends = [block.channels.get(key) for key in keys]
    values, expected, spread = (
        [nothing if one is None else getattr(one, name) for one in trends]
        for name in ("value", "expected", "spread")
    )
    words = [block.each("q"), block.each("state"), block.score]
    return [block.ts, block.ts, block.each("epoch"), block.seq, *values, *words, *expected, *spread]


def _channels(store: Store, device: str, span: Span) -> list[str]:
    """The keys of all channels of that time, in picanary's order, the unknown ones by name."""
    known = [one.key for one in CHANNELS.values()]
    coarsest = len(pyramid.WIDTHS_MS) - 1
    with store.reading() as run:
        found = {key for part in pyramid.read(run, device, coarsest, span) for key in part.bands}
        for number in journals(run, device):
            found |= chunks.unpacked(run, number, span).channels.keys()
    others = sorted(found - set(known))[:KEYS_MOST]
    return [key for key in known if key in found] + others


def _unit(key: str) -> str:
    return next((one.unit for one in CHANNELS.values() if one.key == key), "")


def _names(keys: Sequence[str]) -> list[str]:
    """Names of columns: those of channels, but for what is the name of another column already."""
    names: list[str] = []
    for key in keys:
        name = f"channel_{key}" if key in _OWN or key.startswith(_OWN_PREFIXES) else key
        while name in names:
            name += "_"
        names.append(name)
    return names


def events(store: Store, device: str, span: tuple[int | None, int | None]) -> Table:
    """One row an event, the oldest first."""
    whole = (EVER[0] if span[0] is None else span[0]), (EVER[1] if span[1] is None else span[1])
    parts = ("observed", "expected", "spread", "share")
    keys: dict[str, None] = {}
    for found in _events(store, device, whole):
        keys.update(dict.fromkeys(key for one in found for part in parts for key in getattr(one, part)))
        keys = dict.fromkeys(list(keys)[:KEYS_MOST])
    names = _names(list(keys))
    columns = [
        *(Column("onset", "time"), Column("end", "time"), Column("kind", "text"), Column("channel", "text")),
        *(Column("score", "number"), Column("ratio", "number"), Column("sentence", "text")),
        *(
            Column(f"{part}_{name}", "number", "" if part == "share" else _unit(key))
            for part in parts
            for name, key in zip(names, keys, strict=True)
        ),
        *(
            Column("model", "text"),
            Column("simulated", "text"),
            Column("epoch", "text"),
            Column("id", "whole"),
        ),
    ]

    def piece(found: list[Event]) -> Piece:
        numbers = [[getattr(one, part).get(key) for one in found] for part in parts for key in keys]
        return [
            *([one.onset_ms for one in found], [one.end_ms for one in found]),
            *([one.state for one in found], [one.channel for one in found]),
            *([one.score for one in found], [one.ratio for one in found], [one.why for one in found]),
            *numbers,
            *([one.model for one in found], ["yes" if one.sim else "no" for one in found]),
            *([one.epoch for one in found], [one.id for one in found]),
        ]

    return Table(tuple(columns), map(piece, _events(store, device, whole)), {"device": device})


def _events(store: Store, device: str, span: Span) -> Iterator[list[Event]]:
    """Some at once, in the order of their onsets."""
    query = (
        "SELECT e.onset_ms, e.journal, e.id, e.body FROM events e JOIN journals j ON j.id = e.journal "
        "WHERE j.device = ? AND e.onset_ms <= ? AND (e.onset_ms, e.journal, e.id) > (?, ?, ?) "
        "ORDER BY e.onset_ms, e.journal, e.id LIMIT ?"
    )
    after = (span[0], -1, -1)
    while True:
        with store.reading() as run:
            rows = run(query, (device, span[1], *after, EVENTS_AT_ONCE)).fetchall()
        if not rows:
            return
        after = rows[-1][:3]
        yield [decode(row[3], Event) for row in rows]


_FLEET = ("anomalous", "sensor_fault", "offline", "stopped", "no_model", "warming", "unknown", "normal")


def fleet(summaries: Sequence[dict[str, Any]]) -> Table:
    """One row a device, the worst first."""
    rank = {condition: place for place, condition in enumerate(_FLEET)}
    shown = sorted(summaries, key=lambda one: (rank.get(one["condition"], len(rank)), one["id"]))
    newest = [one["newest"] or {} for one in shown]
    found = {key for one in newest for key in one.get("values", {})}
    known = [each.key for each in CHANNELS.values() if each.key in found]
    keys = known + sorted(found - set(known))[:KEYS_MOST]
    info, counts = (
        [one["info"] or {} for one in shown],
        ("received", "missing", "gone", "repeated", "malformed"),
    )
    columns = [
        *(Column("device", "text"), Column("condition", "text"), Column("sentence", "text")),
        *(Column("newest", "time"), Column("heard", "time")),
        *(Column(name, "number", _unit(key)) for name, key in zip(_names(keys), keys, strict=True)),
        *(Column("score", "number"), Column("model", "text"), Column("level", "number")),
        *(Column(name, "whole") for name in counts),
    ]
    piece: Piece = [
        *(
            [one["id"] for one in shown],
            [one["condition"] for one in shown],
            [one.get("why") for one in newest],
        ),
        *([one.get("ts_ms") for one in newest], [one["heard_ms"] for one in shown]),
        *([one.get("values", {}).get(key) for one in newest] for key in keys),
        [one.get("score") for one in newest],
        [one.get("model") or about.get("model") for one, about in zip(newest, info, strict=True)],
        [one.get("level") for one in info],
        *([one["counts"][name] for one in shown] for name in counts),
    ]
    return Table(tuple(columns), iter([piece]))
