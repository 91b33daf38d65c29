"""A command as it came, checked against the closed list: what is unknown or out of range is refused."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge.bundle.strict_json import said, strict_json
from edge.detection.levels import LEAST_LEVEL, MOST_LEVEL
from edge.errors import PicanaryError
from edge.message import VERSION

LARGEST_BYTES = 4096
LATE_S = 300.0
LONGEST_SNOOZE_MINUTES = 7 * 24 * 60
MOST_SEQ = 2**53 - 1  # the largest whole number that every reader of JSON holds exactly

_REQUEST = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EPOCH = re.compile(r"[0-9a-f]{16}")
_LABEL = re.compile(r"[A-Za-z0-9_.-]{1,64}-[0-9]{1,10}-[0-9a-f]{8}")


class Refused(PicanaryError, ValueError):
    """A command that is not carried out. `request` is there when it can be answered."""

    def __init__(self, why: str, request: str | None = None) -> None:
        super().__init__(why)
        self.request = request


@dataclass(frozen=True, slots=True)
class Request:
    """One command: what is asked for, the id to answer with, and the command's own fields."""

    command: str
    id: str
    fields: Mapping[str, Any]


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return fits


def _level(value: Any) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and LEAST_LEVEL <= value <= MOST_LEVEL
    )


def _epoch(value: Any) -> bool:
    return isinstance(value, str) and _EPOCH.fullmatch(value) is not None


def _label(value: Any) -> bool:
    return isinstance(value, str) and _LABEL.fullmatch(value) is not None


_SEQ = (_whole(1, MOST_SEQ), f"a whole number from 1 to {MOST_SEQ}")
# The closed list: each command with its fields, what they must be, and how to say so.
COMMANDS: Mapping[str, Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "resend": {"epoch": (_epoch, "16 hexadecimal digits"), "from": _SEQ, "to": _SEQ},
    "restart": {},
    "identify": {},
    "snooze": {
        "minutes": (_whole(0, LONGEST_SNOOZE_MINUTES), f"0 to {LONGEST_SNOOZE_MINUTES}, a whole number")
    },
    "recalibrate": {"level": (_level, f"a number from {LEAST_LEVEL:g} to {MOST_LEVEL:g}")},
    "withdraw": {"model": (_label, "a model's label, as records have it")},
}
_OPTIONAL = {("recalibrate", "level")}


def parse(command: str, payload: bytes, now_ms: int | None) -> Request:
    """The request in one payload of `cmd/{command}`. Raises Refused.

    `now_ms` is our wall time, None while it is not to be trusted: then no request is too old.
    """
    if len(payload) > LARGEST_BYTES:
        raise Refused(f"{len(payload)} bytes: a command has at most {LARGEST_BYTES}")
    try:
        message = strict_json(payload)
    except ValueError as error:
        raise Refused(f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise Refused("a command is a JSON object")
    name = message.pop("request", None)
    if not isinstance(name, str) or not _REQUEST.fullmatch(name):
        raise Refused("request must be 1 to 64 letters, digits, '-' or '_'")
    try:
        _check(command, message, now_ms)
    except Refused as error:
        raise Refused(str(error), name) from error
    return Request(command, name, message)


def _check(command: str, message: dict[str, Any], now_ms: int | None) -> None:
    """Take what all commands have from `message`, and hold the rest against the list."""
    if command not in COMMANDS:
        raise Refused(f"no such command: there are {', '.join(COMMANDS)}")
    if message.pop("v", None) != VERSION:
        raise Refused(f"v must be {VERSION}")
    if "ts_ms" in message:
        _check_age(message.pop("ts_ms"), now_ms)
    fields = COMMANDS[command]
    if unknown := message.keys() - fields.keys():
        raise Refused(f"{command} has no field {said(min(unknown))}")
    for field, (fits, shape) in fields.items():
        if field not in message and (command, field) in _OPTIONAL:
            continue
        if field not in message:
            raise Refused(f"{command} needs {field}: {shape}")
        if not fits(message[field]):
            raise Refused(f"{field} must be {shape}, not {said(message[field])}")
    if command == "resend" and message["from"] > message["to"]:
        raise Refused(f"from {message['from']} is after to {message['to']}")


def _check_age(ts_ms: Any, now_ms: int | None) -> None:
    if not isinstance(ts_ms, int) or isinstance(ts_ms, bool):
        raise Refused(f"ts_ms must be milliseconds since 1970, not {said(ts_ms)}")
    if now_ms is not None and abs(now_ms - ts_ms) > 1000 * LATE_S:
        raise Refused(f"ts_ms is more than {LATE_S / 60:g} minutes away from this device's clock")
