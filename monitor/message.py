"""MQTT payloads, written by anyone who may publish, to messages that are known to be well formed.

The contract is edge/schema; unknown keys are ignored, wrong ones make the message malformed.
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

PAYLOAD_BYTES = 1024 * 1024
CHANNELS_MOST = 16

Epoch = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
SEQ_MOST = 2**53 - 1  # the largest whole number that JavaScript holds exactly
Seq = Annotated[int, Meta(ge=1, le=SEQ_MOST)]
_Epochs = Annotated[list[tuple[Epoch, Seq, Seq]], Meta(max_length=1000)]
TIME_MOST = 8_640_000_000_000_000  # JavaScript's Date
Time = Annotated[int, Meta(ge=-TIME_MOST, le=TIME_MOST)]
Mono = Annotated[int, Meta(ge=0, le=2**43)]  # no boot lasts for 278 years
Text = Annotated[str, Meta(max_length=1000)]
Numbers = dict[str, float | None]
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
    records: Annotated[list[msgspec.Raw], Meta(min_length=1)]


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
    versions: dict[str, Text]
    board: Text
    source: Text
    sim: bool
    channels: Annotated[list[InfoChannel], Meta(max_length=CHANNELS_MOST)]
    period_s: Annotated[float, Meta(gt=0, le=86_400)]
    model: Text | None
    threshold: float


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


class Health(Struct, frozen=True):
    """How the agent is; shown as it came."""

    v: Literal[1]
    ts_ms: Time
    uptime_s: float
    clk: Literal["ntp", "holdover", "unsynced"]
    journal: dict[str, Any]
    sensor: dict[str, Any]
    faults: dict[str, int]
    model: Text | None
    host: Numbers
    epoch: Epoch | None = None
    snoozed_s: Annotated[int, Meta(ge=0)] = 0


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
_decoders: dict[type[Struct], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Batch, Status, Info, Event, Health, Response)
}


def decode(payload: bytes, kind: type[Kind]) -> Kind:
    """One payload as that kind of message. Raises Malformed."""
    if len(payload) > PAYLOAD_BYTES:
        raise Malformed(f"{len(payload)} bytes are more than a message may have")
    try:
        message: Kind = _decoders[kind].decode(payload)
    except (ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors
        raise Malformed(str(error)) from error
    return message


def decode_record(raw: bytes) -> Judged:
    """One record with its channels: every other key whose value is a number or null. Raises Malformed."""
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
    return Judged(record, values)
