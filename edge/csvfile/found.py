"""Sentences for people: what a CSV file turned out to hold."""

from datetime import UTC, datetime

import numpy as np

from edge.csvfile.roles import ChannelColumn, Roles
from edge.csvfile.table import Table
from edge.recording import Recording

# Rooms seldom pass this; a Fahrenheit column always does.
_HOT_ROOM_C = 45.0

_UNITS_S = (("day", "days", 86400.0), ("hour", "h", 3600.0), ("minute", "min", 60.0), ("second", "s", 1.0))

_OFTEN = {86400.0: "one a day", 3600.0: "one an hour", 60.0: "one a minute", 1.0: "one a second"}


def duration(seconds: float) -> str:
    """A time span in the largest unit that it fills: '4 days', '1.5 h', '90 s'."""
    for singular, plural, size in _UNITS_S:
        if seconds >= size and (seconds >= 2 * size or seconds % size == 0):
            count = f"{seconds / size:.3g}"
            return f"1 {singular}" if count == "1" else f"{count} {plural}"
    return f"{seconds:.3g} s"


def columns_found(table: Table, roles: Roles) -> list[str]:
    """What the columns are."""
    kind = "taken as UTC" if roles.wall_clock else roles.form
    found = [
        f"time column {table.header[roles.time]!r}, {kind}",
        "channels " + ", ".join(_channel(each) for each in roles.channels),
    ]
    if roles.left_out:
        reasons = (f"{table.header[column]!r} ({reason})" for column, reason in roles.left_out)
        found.append("left out: " + ", ".join(reasons))
    return found


def _channel(each: ChannelColumn) -> str:
    name, unit = each.channel.name, each.channel.unit
    if not unit:
        return f"{name} (no unit known)"
    if each.unit is None:
        # relative humidity has only one unit in use
        return f"{name} ({unit})" if unit == "%" else f"{name} ({unit}, assumed)"
    if each.unit.symbol != unit:
        return f"{name} ({unit}, converted from {each.unit.symbol})"
    return f"{name} ({unit})"


def rows_found(recording: Recording, roles: Roles) -> list[str]:
    """How many rows, how often, from when to when, with which gaps and labels."""
    often = _OFTEN.get(recording.period_s) or f"one every {duration(recording.period_s)}"
    first, last = (_day(int(ts_ms)) for ts_ms in recording.ts_ms[[0, -1]])
    found = [f"{len(recording)} rows, {often}, {first} to {last}", _gaps(recording)]
    if recording.labels is not None:
        count = int(recording.labels.sum())
        rows = "row" if count == 1 else "rows"
        found.append(f"{count} {rows} labelled as anomalies, for evaluation only")
    missing = np.isnan(recording.values).sum(axis=0)
    if missing.any():
        counts = (f"{n} of {c.name}" for n, c in zip(missing, recording.channels, strict=True) if n)
        found.append("missing values: " + ", ".join(counts))
    return found + _fahrenheit_hint(recording, roles)


def _gaps(recording: Recording) -> str:
    if not recording.gaps:
        return "no gaps"
    before, after = max(recording.gaps, key=lambda gap: gap[1] - gap[0])
    longest = f"{duration((after - before) / 1000)} from {_minute(before)}"
    if len(recording.gaps) == 1:
        return f"1 gap, {longest}"
    return f"{len(recording.gaps)} gaps, the longest {longest}"


def _fahrenheit_hint(recording: Recording, roles: Roles) -> list[str]:
    for column, each in enumerate(recording.channels):
        if each.name != "temperature":
            continue
        assumed = any(part.channel.name == each.name and part.unit is None for part in roles.channels)
        median = float(np.nanmedian(recording.values[:, column]))
        if assumed and median > _HOT_ROOM_C:
            return [f"the median temperature is {median:.3g}; if that is °F, name the column temperature_f"]
    return []


def _day(ts_ms: int) -> str:
    return datetime.fromtimestamp(ts_ms / 1000, UTC).strftime("%Y-%m-%d")


def _minute(ts_ms: int) -> str:
    return datetime.fromtimestamp(ts_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
