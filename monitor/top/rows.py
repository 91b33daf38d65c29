"""Rooms as rows of words: how each is, worst first. The same as on the page (static/words/conditions.js)."""

from collections.abc import Iterable
from typing import NamedTuple

from edge.clock import BELIEVABLE_MS
from monitor.outline import Table

# word, mark and colour by condition, worst first
CONDITIONS = {
    "anomalous": ("anomalous", "▲", "bold red"),
    "sensor_fault": ("sensor fault", "■", "yellow"),
    "offline": ("offline", "○", "bright_black"),
    "silent": ("silent", "○", "yellow"),
    "stopped": ("stopped", "○", "bright_black"),
    "no_model": ("no model", "◌", "blue"),
    "warming": ("warming up", "◐", "blue"),
    "unknown": ("unknown", "○", "bright_black"),
    "normal": ("normal", "●", "green"),
}
_RANKS = {name: rank for rank, name in enumerate(CONDITIONS)}
SILENT_PERIODS, SILENT_LEAST_MS = 5, 15_000
_UNITS = {"temperature_c": "°C", "humidity_pct": "%", "pressure_hpa": "hPa"}


class Row(NamedTuple):
    """One room."""

    condition: str
    room: str
    values: str
    score: str
    heard: str
    missing: str
    model: str
    notes: str


def condition_of(device: Table, now_ms: int) -> str:
    """With silence noticed by the time since it was last heard."""
    condition = str(device["condition"])
    if device["presence"] == "online":
        period_s = (device["info"] or {}).get("period_s", 10)
        limit_ms = max(SILENT_LEAST_MS, SILENT_PERIODS * 1000 * period_s)
        condition = "silent" if now_ms - device["heard_ms"] > limit_ms else condition
    return condition if condition in CONDITIONS else "unknown"


def rows(devices: Iterable[Table], now_ms: int) -> list[Row]:
    """Worst first, then by name."""
    found = [_row(device, condition_of(device, now_ms), now_ms) for device in devices]
    return sorted(found, key=lambda row: (_RANKS[row.condition], row.room))


def counts(found: Iterable[Row]) -> dict[str, int]:
    """How many of each condition, worst first, but for those of none."""
    number = dict.fromkeys(CONDITIONS, 0)
    for row in found:
        number[row.condition] += 1
    return {name: count for name, count in number.items() if count}


def _row(device: Table, condition: str, now_ms: int) -> Row:
    newest, info, lost = device["newest"] or {}, device["info"] or {}, device["counts"]
    score = newest.get("score")
    notes = [
        f"{lost['gone']} gone" if lost["gone"] else "",
        "simulated" if newest.get("sim", info.get("sim")) else "",
    ]
    return Row(
        condition,
        plain(device["id"]),
        "  ".join(
            _measure(key, value) for key, value in sorted(newest.get("values", {}).items(), key=_place)
        ),
        "" if score is None else f"{score:.2f}",
        lasting(max(0, now_ms - _heard_ms(device, condition))) if newest else "",
        f"{lost['missing']:,}" if lost["missing"] else "",
        plain(newest.get("model") or info.get("model") or ""),
        ", ".join(note for note in notes if note),
    )


def _heard_ms(device: Table, condition: str) -> int:
    """A monitor that has just begun was not there when a quiet device said its last."""
    heard_ms, newest_ms = int(device["heard_ms"]), int(device["newest"]["ts_ms"])
    is_quiet = condition in ("offline", "silent", "stopped") and newest_ms > BELIEVABLE_MS
    return min(heard_ms, newest_ms) if is_quiet else heard_ms


def _place(channel: tuple[str, float | None]) -> tuple[bool, int, str]:
    known = list(_UNITS)
    return channel[0] not in known, known.index(channel[0]) if channel[0] in known else 0, channel[0]


def _measure(key: str, value: float | None) -> str:
    number = "–" if value is None else f"{value:.1f}"
    return f"{number} {_UNITS.get(key, plain(key))}"


def lasting(milliseconds: float) -> str:
    """So short that it fits a column."""
    seconds = int(milliseconds / 1000)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def plain(text: str) -> str:
    """What came by MQTT, without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)
