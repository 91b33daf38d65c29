"""The records of a `data` message: decoded in one go where all of it is as agents send it.

That costs half of what record by record does. One that is odd (a channel that nobody has heard of, a
broken record) is looked at record by record, and answers the same.
"""

from collections.abc import Iterator
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from edge.reading import CHANNELS
from monitor.message import BATCH_MOST, SMALL_BYTES, Batch, Judged, Malformed, Record, decode, decode_record

_KEYS = tuple(one.key for one in CHANNELS.values())
# A record whose channels are all known. Anything else in it is an error, and then the slow way is gone.
_Plain = msgspec.defstruct(
    "_Plain",
    [*((key, float | None | UnsetType, UNSET) for key in _KEYS), ("hist", Any, None)],
    bases=(Record,),
    forbid_unknown_fields=True,
    frozen=True,
    gc=False,
)


class _PlainBatch(Struct, gc=False):
    v: Literal[1]
    records: Annotated[list[_Plain], Meta(min_length=1, max_length=BATCH_MOST)]  # type: ignore[valid-type]


_decode = msgspec.json.Decoder(_PlainBatch).decode
_fields = attrgetter(*Record.__struct_fields__)
_channels = attrgetter(*_KEYS)


def records_of(payload: bytes) -> Iterator[Judged | None]:
    """The records of one message; None for each that is malformed. Raises Malformed when all of it is."""
    plain = _plain(payload)
    if plain is not None:
        for one in plain:
            values = {
                key: value for key, value in zip(_KEYS, _channels(one), strict=True) if value is not UNSET
            }
            yield Judged(Record(*_fields(one)), values)
        return
    for raw in decode(payload, Batch).records:
        try:
            yield decode_record(bytes(raw))
        except Malformed:
            yield None


def _plain(payload: bytes) -> list[Any] | None:
    """The records, if each of them is plain; a message as small as that has none that is too large."""
    if len(payload) > SMALL_BYTES:
        return None
    try:
        return _decode(payload).records
    except (ValueError, RecursionError):
        return None
