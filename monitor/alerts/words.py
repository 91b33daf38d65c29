"""The sentences of alerts, as a person would say them; text that came by MQTT is cleaned and cut."""

import time
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

TEXT_MOST = 300
NAMES_MOST = 5
DAY_S = 86_400

# What one device, and what several, have or are.
TROUBLE = {
    "anomaly": ("anomaly", "behave unlike themselves"),
    "sensor_fault": ("sensor fault", "have a sensor that cannot be trusted"),
    "offline": ("offline", "are offline"),
    "silent": ("silent", "are connected, but send nothing"),
    "namesake": ("two devices, one name", "share their names with others"),
    "missing": ("records missing", "have records missing"),
    "advisory": ("long shift", "have shifted for long"),
    "broker": ("no connection to the broker", ""),
    "store": ("the store cannot be written", ""),
}
RECOVERY = {
    "anomaly": ("behaves as expected again", "behave as expected again"),
    "sensor_fault": ("has a sensor that works again", "have sensors that work again"),
    "offline": ("is online again", "are online again"),
    "silent": ("sends readings again", "send readings again"),
    "namesake": ("has its name to itself again", "have their names to themselves again"),
    "missing": (
        "has all its records again, or knows why not",
        "have all their records again, or know why not",
    ),
    "advisory": ("is no longer shifted", "are no longer shifted"),
    "broker": ("the broker is back", ""),
    "store": ("the store can be written again", ""),
}


def clean(text: str) -> str:
    """On one line, without control characters, of a bounded length."""
    kept = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text[: 4 * TEXT_MOST])
    line = " ".join(kept.split())
    return line if len(line) <= TEXT_MOST else line[: TEXT_MOST - 1] + "…"


def clock(at_ms: int, now_ms: int) -> str:
    """A wall time in the monitor's zone: `14:02`, with its date when that is another day."""
    at, now = time.localtime(at_ms / 1000), time.localtime(now_ms / 1000)
    return time.strftime("%H:%M" if at[:3] == now[:3] else "%Y-%m-%d %H:%M", at)


def duration(seconds: float) -> str:
    """`40 seconds`, `23 minutes`, `3 hours`, `2 days`."""
    for size, word in ((DAY_S, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size * (2 if size > 60 else 1):
            return _many(int(seconds // size), word)
    return _many(max(0, int(seconds)), "second")


def names(devices: Sequence[str]) -> str:
    """`attic, cellar and 15 more`."""
    if len(devices) <= NAMES_MOST:
        return ", ".join(devices)
    return f"{', '.join(devices[: NAMES_MOST - 1])} and {len(devices) - NAMES_MOST + 1} more"


def anomaly(
    info: Mapping[str, Any] | None,
    channel: str | None,
    numbers: tuple[float | None, float | None, float | None],
    why: str | None,
) -> str:
    """`humidity 81 %, expected 52 ± 4`, when the value tells; else what the agent says.

    `numbers` are observed, expected and spread. A value may be strange by how it moves.
    """
    observed, expected, spread = numbers
    if channel is None or observed is None or expected is None or abs(observed - expected) <= (spread or 0.0):
        return clean(why or "behaves unlike itself")
    known = [each for each in (info or {}).get("channels", []) if each["key"] == channel]
    name, unit = (known[0]["name"], known[0]["unit"]) if known else (channel, "")
    digits = 0 if abs(observed - expected) >= 5 else 1
    band = "" if spread is None else f" ± {max(spread, 10**-digits):.{digits}f}"
    return clean(
        f"{name} {observed:.{digits}f} {unit}, expected {expected:.{digits}f}{band}".replace(" ,", ",")
    )


def worst_channel(
    values: Mapping[str, Any], expected: Mapping[str, Any], spread: Mapping[str, Any]
) -> str | None:
    """The channel that is farthest from what was expected, in its own spreads."""
    distances = {
        key: abs(values[key] - mean) / (spread.get(key) or 1e-9)
        for key, mean in expected.items()
        if mean is not None and values.get(key) is not None
    }
    return max(distances, key=lambda key: distances[key], default=None)


def _many(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")
