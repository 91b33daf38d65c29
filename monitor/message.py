"""MQTT payloads, written by anyone who may publish, to messages that are known to be well formed.

The contract is edge/schema; unknown keys are ignored, wrong ones make the message malformed.
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

PAYLOAD_BYTES = 1024 * 1024
SMALL_BYTES = 64 * 1024  # of a message that is kept as it came, and of one record
PRUNED_MOST = 100  # entries of a list or table of a health report
BATCH_MOST = 1000  # records; agents send 50
CHANNELS_MOST = 16

Epoch = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
SEQ_MOST = 2**53 - 1  # the largest whole number that JavaScript holds exactly
Seq = Annotated[int, Meta(ge=1, le=SEQ_MOST)]
_Epochs = Annotated[list[tuple[Epoch, Seq, Seq]], Meta(max_length=1000)]
# 1900 to 9999: what everybody's calendar can show, in any zone of time.
TIME_LEAST, TIME_MOST = -2_208_900_000_000, 253_370_000_000_000
Time = Annotated[int, Meta(ge=TIME_LEAST, le=TIME_MOST)]
Mono = Annotated[int, Meta(ge=0, le=2**43)]  # no boot lasts for 278 years
Text = Annotated[str, Meta(max_length=1000)]
KEY_MOST = 64
Key = Annotated[str, Meta(max_length=KEY_MOST)]
Numbers = Annotated[dict[Key, float | None], Meta(max_length=CHANNELS_MOST)]
Quality = Literal["ok", "retried", "rejected", "missing"]
State = Literal["no_model", "warming", "normal", "anomalous", "sensor_fault"]
Kind = TypeVar("Kind", bound=Struct)
Presence = Literal["online", "offline", "disconnected"]


class Malformed(ValueError):
    """A payload that breaks the contract; its text says where."""


class Record(Struct, frozen=True, gc=False):
    """One reading with its verdict: the keys that are not channels."""

    v: Literal[1]
    epoch: Epoch
    seq: Seq
    ts_ms: Time
    clk: Literal["ntp", "holdover", "unsynced"]
    boot: Text
    mono_ms: Mono
    q: Quality
    src: Text
    sim: bool
    state: State
    score: float | None
    expected: Numbers
    spread: Numbers
    anomaly: bool | None
    why: Text | None
    model: Text | None
    fault: Text | None = None


class Judged(Struct, frozen=True, gc=False):
    """A record with its channels by key."""

    record: Record
    values: Numbers

    def to_page(self) -> dict[str, Any]:
        """What a chart and a row of the list need of it."""
        record = self.record
        return {
            "epoch": record.epoch,
            "seq": record.seq,
            "ts_ms": record.ts_ms,
            "state": record.state,
            "score": record.score,
            "values": self.values,
            "expected": record.expected,
            "spread": record.spread,
            "why": record.why,
            "q": record.q,
            "sim": record.sim,
            "clk": record.clk,
            "model": record.model,
        }


class Batch(Struct, frozen=True):
    """A `data` message."""

    v: Literal[1]
    records: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=BATCH_MOST)]


class Status(Struct, frozen=True):
    """Presence, birth or will."""

    v: Literal[1]
    state: Presence
    session: Text


class InfoChannel(Struct, frozen=True):
    """A channel as the birth certificate names it."""

    name: Text
    key: Text
    unit: Text


class Info(Struct, frozen=True):
    """Birth certificate."""

    v: Literal[1]
    device: Text
    session: Text
    epoch: Epoch
    versions: Annotated[dict[Key, Text], Meta(max_length=64)]
    board: Text
    source: Text
    sim: bool
    channels: Annotated[list[InfoChannel], Meta(max_length=CHANNELS_MOST)]
    period_s: Annotated[float, Meta(gt=0, le=86_400)]
    model: Text | None
    threshold: float
    level: float | None = None  # what all alarm levels are multiplied by


class Event(Struct, frozen=True):
    """An anomaly, a sensor fault or an advisory, as far as it is known."""

    v: Literal[1]
    epoch: Epoch
    id: Seq
    phase: Literal["start", "update", "end"]
    seq: Seq
    ts_ms: Time
    onset_ms: Time
    end_ms: Time | None
    state: Literal["anomalous", "sensor_fault", "advisory", "namesake"]
    score: float | None
    channel: Text | None
    observed: Numbers
    expected: Numbers
    spread: Numbers
    share: Numbers
    why: Text | None
    model: Text | None
    sim: bool
    snoozed: bool = False  # a person has asked for quiet
    ratio: float | None = None  # of an anomaly: the strongest signal over its level in force


class Health(Struct, frozen=True):
    """How the agent is; shown as it came."""

    v: Literal[1]
    ts_ms: Time
    uptime_s: float
    clk: Literal["ntp", "holdover", "unsynced"]
    journal: dict[str, Any]
    sensor: dict[str, Any]
    faults: Annotated[dict[Key, int], Meta(max_length=256)]
    model: Text | None
    host: Annotated[dict[Key, float | None], Meta(max_length=64)]
    epoch: Epoch | None = None
    snoozed_s: Annotated[int, Meta(ge=0)] = 0


def in_time(milliseconds: int) -> bool:
    """Whether that is a Time."""
    return TIME_LEAST <= milliseconds <= TIME_MOST


def pruned(value: Any, depth: int = 3) -> Any:
    """JSON of any shape as a page may show it, without what is deeper or longer than anybody would read."""
    if isinstance(value, dict):
        some = [] if depth == 0 else list(value.items())[:PRUNED_MOST]
        return {key[:KEY_MOST]: pruned(each, depth - 1) for key, each in some}
    if isinstance(value, list):
        return [] if depth == 0 else [pruned(each, depth - 1) for each in value[:PRUNED_MOST]]
    return value[:1000] if isinstance(value, str) else value


def epochs_told(health: Health) -> list[tuple[str, int, int]]:
    """The epochs of its journal, oldest first: id, first number, last number sent. Raises Malformed."""
    try:
        return msgspec.convert(health.journal.get("epochs", []), _Epochs)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from error


class Response(Struct, frozen=True):
    """What became of a command: of `resend`, how much was sent and what nobody has any more."""

    v: Literal[1]
    request: Text
    ok: bool
    why: Text | None
    sent: Annotated[int, Meta(ge=0)] = 0
    gone: Annotated[list[tuple[Seq, Seq]], Meta(max_length=2000)] = []
    causes: Annotated[list[Text], Meta(max_length=2000)] = []


_KEYS = {*Record.__struct_fields__, "hist"}
_record = msgspec.json.Decoder(Record)
_anything = msgspec.json.Decoder()
_BYTES: dict[type[Struct], int] = {Batch: PAYLOAD_BYTES, Event: PAYLOAD_BYTES, Response: PAYLOAD_BYTES}
_decoders: dict[type[Struct], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Batch, Status, Info, Event, Health, Response)
}


def decode(payload: bytes, kind: type[Kind]) -> Kind:
    """One payload as that kind of message. Raises Malformed."""
    if len(payload) > _BYTES.get(kind, SMALL_BYTES):
        raise Malformed(f"{len(payload)} bytes are more than a message may have")
    try:
        message: Kind = _decoders[kind].decode(payload)
    except (ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors
        raise Malformed(str(error)) from error
    return message


def decode_record(raw: bytes) -> Judged:
    """One record with its channels: every other key whose value is a number or null. Raises Malformed."""
    if len(raw) > SMALL_BYTES:
        raise Malformed(f"{len(raw)} bytes are more than a record may have")
    try:
        record = _record.decode(raw)
        everything = _anything.decode(raw)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error
    try:
        values = {
            key: None if value is None else float(value)
            for key, value in everything.items()
            if key not in _KEYS
            and (value is None or (isinstance(value, int | float) and not isinstance(value, bool)))
        }
    except OverflowError as error:
        raise Malformed("a number is larger than any sensor's") from error
    if len(values) > CHANNELS_MOST:
        raise Malformed(f"{len(values)} channels are more than a record may have")
    if any(len(key) > KEY_MOST for key in values):
        raise Malformed(f"a channel's name has more than {KEY_MOST} letters")
    return Judged(record, values)
