"""A reading with its verdict, as it stands in the journal and travels over MQTT."""

from dataclasses import dataclass
from typing import Any

from edge.clock import ClockQuality
from edge.detection.verdict import Verdict
from edge.event import Change
from edge.message import VERSION, finite
from edge.reading import Channel, Reading


@dataclass(frozen=True, slots=True)
class Origin:
    """What is the same for all records of one run of the agent."""

    epoch: str
    boot: str
    source: str
    simulated: bool
    channels: tuple[Channel, ...]  # the source's
    judged: tuple[Channel, ...]  # the model's
    model: str | None


def record(
    origin: Origin, seq: int, clock: ClockQuality, reading: Reading, verdict: Verdict
) -> dict[str, Any]:
    """One record, as `schema/record.json` says."""
    table: dict[str, Any] = {
        "v": VERSION,
        "epoch": origin.epoch,
        "seq": seq,
        "ts_ms": reading.ts_ms,
        "clk": clock,
        "boot": origin.boot,
        "mono_ms": reading.mono_ms,
        **{c.key: finite(reading.values.get(c.name)) for c in origin.channels},
        "q": reading.quality,
        "src": origin.source,
        "sim": origin.simulated,
        "state": verdict.state,
        "score": finite(verdict.score),
        "expected": _by_key(origin.judged, verdict.expected),
        "spread": _by_key(origin.judged, verdict.spread),
        "anomaly": verdict.anomaly,
        "why": verdict.why,
        "model": origin.model,
    }
    if origin.simulated:
        table["fault"] = reading.fault
    return table


def event_message(
    origin: Origin, seq: int, number: int, ts_ms: int, change: Change, window: list[dict[str, Any]]
) -> dict[str, Any]:
    """One phase of an event, as `schema/event.json` says; `number` names the event."""
    event = change.event
    return {
        "v": VERSION,
        "epoch": origin.epoch,
        "id": number,
        "phase": change.phase,
        "seq": seq,
        "ts_ms": ts_ms,
        "onset_ms": event.onset_ms,
        "end_ms": event.end_ms,
        "state": event.kind,
        "score": finite(event.score),
        "ratio": finite(event.ratio),
        "channel": next((c.key for c in origin.judged if c.name == event.channel), None),
        "observed": _by_key(origin.judged, event.observed),
        "expected": _by_key(origin.judged, event.expected),
        "spread": _by_key(origin.judged, event.spread),
        "share": _by_key(origin.judged, event.share),
        "why": event.why,
        "model": origin.model,
        "sim": origin.simulated,
        "window": window,
    }


def _by_key(channels: tuple[Channel, ...], values: tuple[float, ...] | None) -> dict[str, float | None]:
    return {} if values is None else {c.key: finite(x) for c, x in zip(channels, values, strict=True)}
