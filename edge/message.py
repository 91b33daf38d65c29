"""What travels over MQTT: topics, and payloads to and from JSON.

`schema/*.json` beside this file is the contract in JSON Schema; the tests hold every message
against it. A consumer ignores keys that it does not know.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from edge.errors import ConfigError

VERSION = 1
ROOT = f"picanary/v{VERSION}"
BATCH_RECORDS = 50
BATCH_BYTES = 48 * 1024

_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def check_device(device: str) -> str:
    """The device id, if it can stand in a topic. Raises ConfigError otherwise."""
    if not _DEVICE.fullmatch(device):
        raise ConfigError(
            f"device id {device!r} must be 1 to 64 letters, digits, '-' or '_', a letter or digit first"
        )
    return device


def topic(device: str, leaf: str) -> str:
    """The topic of one device's `status`, `info`, `state`, `data`, `event` or `health`."""
    return f"{ROOT}/{device}/{leaf}"


def split_topic(name: str) -> tuple[str, str] | None:
    """A topic to (device, leaf), or None when it is not one of ours."""
    head, _, rest = name.partition(f"{ROOT}/")
    device, _, leaf = rest.partition("/")
    if head or not leaf or not _DEVICE.fullmatch(device):
        return None
    return device, leaf


def finite(value: float | None) -> float | None:
    """A number for the wire: seven digits, and null instead of NaN or infinity, which JSON lacks."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.7g}")


def encode(payload: Mapping[str, Any]) -> bytes:
    """One message as compact JSON. Raises ValueError on NaN or infinity."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def data_payload(records: Iterable[bytes], *, hist: bool = False) -> bytes:
    """Records that are JSON already, as they stand in the journal, to one `data` message.

    `hist` marks what was asked for: records that have been sent before.
    """
    mark = b'"hist":true,' if hist else b""
    return b'{"v":%d,%s"records":[%s]}' % (VERSION, mark, b",".join(records))


def decode(payload: bytes) -> dict[str, Any]:
    """A message to a dict. Raises ValueError when it is not a JSON object."""
    try:
        message = json.loads(payload)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")
    return message
