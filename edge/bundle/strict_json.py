"""JSON as a bundle may hold it: what readers disagree about, or choke on, is refused.

Python's own reader takes NaN, turns 1e400 into infinity, lets the second of two equal keys win,
and passes on halves of characters that cannot be written again.
"""

import json
import math
from typing import Any

_LONGEST_INTEGER = 19  # digits; more than any of our numbers has


def strict_json(content: bytes) -> Any:
    """The value that stands in UTF-8 `content`. Raises ValueError with a sentence."""
    try:
        value = json.loads(
            content.decode(),
            parse_float=_finite,
            parse_int=_integer,
            parse_constant=_refused,
            object_pairs_hook=_table,
        )
        canonical(value)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except UnicodeError as error:
        raise ValueError("it is not text in UTF-8") from error
    return value


def canonical(value: Any) -> bytes:
    """The one way in which we write a value. Raises ValueError for NaN and infinity."""
    return json.dumps(
        value, separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False
    ).encode()


def said(value: Any) -> str:
    """A value of any kind in a sentence: one line, and short."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 40 else text[:37] + "..."


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _LONGEST_INTEGER:
        raise ValueError(f"the number {text[:20]}... is too large")
    return int(text)


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, value in pairs:
        if name in table:
            raise ValueError(f"{said(name)} stands in it twice")
        table[name] = value
    return table
