"""What agents publish, made for tests and held against the contract in edge/schema."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

import edge

EPOCH = "0123456789abcdef"
SCHEMAS = Path(edge.__file__).parent / "schema"
NOON = 1_760_000_000_000


@cache
def validator(leaf: str) -> Draft202012Validator:
    """The JSON Schema of one kind of message."""
    schemas = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
    registry = Registry().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    return Draft202012Validator(schemas[f"{leaf}.json"], registry=registry)


def valid(leaf: str, message: dict[str, Any]) -> bytes:
    """The message as bytes, once it has passed its schema."""
    validator(leaf).validate(message)
    return json.dumps(message).encode()


def record(seq: int, *, epoch: str = EPOCH, state: str = "normal", **other: Any) -> dict[str, Any]:
    """One record, ten seconds after the one before."""
    made = {
        "v": 1,
        "epoch": epoch,
        "seq": seq,
        "ts_ms": NOON + 10_000 * seq,
        "clk": "ntp",
        "boot": "b",
        "mono_ms": 10_000 * seq,
        "temperature_c": 21.5,
        "humidity_pct": 45.0,
        "q": "ok",
        "src": "simulator",
        "sim": True,
        "state": state,
        "score": 0.3,
        "expected": {"temperature_c": 21.4, "humidity_pct": 45.2},
        "spread": {"temperature_c": 0.2, "humidity_pct": 1.0},
        "anomaly": state == "anomalous",
        "why": "as expected",
        "model": "room 1",
    }
    return made | other


def data(*records: dict[str, Any]) -> bytes:
    """A `data` message."""
    return valid("data", {"v": 1, "records": list(records)})


def status(state: str, session: str = "s1") -> bytes:
    """A `status` message."""
    return valid("status", {"v": 1, "state": state, "session": session})


def info(session: str = "s1", *, device: str = "cellar", period_s: float = 10.0, **other: Any) -> bytes:
    """A birth certificate."""
    made = {
        "v": 1,
        "device": device,
        "session": session,
        "epoch": EPOCH,
        "versions": {"edge": "0.1.0"},
        "board": "a laptop",
        "source": "simulator",
        "sim": True,
        "channels": [
            {"name": "temperature", "key": "temperature_c", "unit": "°C"},
            {"name": "humidity", "key": "humidity_pct", "unit": "%"},
        ],
        "period_s": period_s,
        "model": "room 1",
        "threshold": 1.0,
    }
    return valid("info", made | other)


def health() -> bytes:
    """A `health` message."""
    made = {
        "v": 1,
        "ts_ms": NOON,
        "uptime_s": 61.5,
        "clk": "ntp",
        "journal": {"first_seq": 1, "last_seq": 9, "unsent": 0},
        "sensor": {"state": "ok", "ok": 9, "failed": 0},
        "faults": {},
        "model": "room 1",
        "host": {"cpu_s": 1.0, "rss_bytes": 5e7, "temperature_c": None},
    }
    return valid("health", made)


def advisory(event_id: int, phase: str, seq: int, **other: Any) -> bytes:
    """An `event` message of a long shift that was noticed with record `event_id`."""
    nothing: dict[str, Any] = {"observed": {}, "expected": {}, "spread": {}, "share": {}}
    why = "temperature has been about 24.1 °C for hours; in the last weeks it was mostly about 20.2 °C"
    return event(event_id, phase, seq, **{"state": "advisory", "score": 1.1, "why": why, **nothing, **other})


def event(event_id: int, phase: str, seq: int, **other: Any) -> bytes:
    """An `event` message of an anomaly that began with record `event_id`."""
    made = {
        "v": 1,
        "epoch": EPOCH,
        "id": event_id,
        "phase": phase,
        "seq": seq,
        "ts_ms": NOON + 10_000 * seq,
        "onset_ms": NOON + 10_000 * event_id,
        "end_ms": NOON + 10_000 * seq if phase == "end" else None,
        "state": "anomalous",
        "score": 4.2,
        "channel": "temperature_c",
        "observed": {"temperature_c": 17.0},
        "expected": {"temperature_c": 21.4},
        "spread": {"temperature_c": 0.2},
        "share": {"temperature_c": 1.0},
        "why": "temperature 4.4 °C below what was expected",
        "model": "room 1",
        "sim": True,
        "window": [{"ts_ms": NOON, "temperature_c": 21.4}],
    }
    return valid("event", made | other)
