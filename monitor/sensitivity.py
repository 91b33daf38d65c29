"""How sensitive each device was at which time, and how near its signals came to the alarm, as health tells.

Kept: the level in force from when on (what all alarm levels are multiplied by), and for each minute the
closest that a signal came to its level as calibrated, a byte a minute: half a megabyte for a device and year.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.detection.levels import LEAST_LEVEL, MOST_LEVEL
from monitor.changes import Changes

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS levels(device TEXT NOT NULL, from_ms INTEGER NOT NULL, level REAL NOT NULL, "
    "PRIMARY KEY(device, from_ms)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS nearness(device TEXT NOT NULL, hour INTEGER NOT NULL, minutes BLOB NOT NULL, "
    "PRIMARY KEY(device, hour)) WITHOUT ROWID",
)
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
FRESH_MS = 5 * MINUTE_MS  # a retained report of long ago tells nothing of now
LEVELS_MOST = 1000  # of a device
KEPT_HOURS = 400 * 24
_LEAST, _MOST = 0.05, 20.0  # strengths that a byte can tell
_STEP = math.log(_MOST / _LEAST) / 254

Run = Callable[..., Any]  # a connection's `execute`
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class _Nearest(msgspec.Struct):
    ratio: float | None = None


class _Told(msgspec.Struct):
    """Of `health` or `info`, what is of interest here."""

    level: float | None = None
    ts_ms: int | None = None
    nearest: _Nearest | None = None


_decode = msgspec.json.Decoder(_Told).decode


def prepare(run: Run) -> None:
    """Make the tables if they are not there."""
    for table in SCHEMA:
        run(table)


def note(run: Run, changes: Changes) -> None:
    """What these messages tell, within a transaction of the caller's; what is malformed tells nothing."""
    now_ms = int(time.time() * 1000)
    for device in changes.forgotten:
        run("DELETE FROM levels WHERE device = ?", (device,))
        run("DELETE FROM nearness WHERE device = ?", (device,))
    for device, parts in changes.devices.items():
        for leaf in ("info", "health"):
            if leaf in parts:
                _note(run, device, parts[leaf], now_ms)


def _note(run: Run, device: str, payload: bytes, now_ms: int) -> None:
    try:
        told = _decode(payload)
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors
        return
    if told.level is None or not LEAST_LEVEL <= told.level <= MOST_LEVEL:
        return
    if told.ts_ms is not None and abs(told.ts_ms - now_ms) > FRESH_MS:
        return
    _keep_level(run, device, told.level, now_ms)
    if told.nearest is not None and told.nearest.ratio is not None and told.ts_ms is not None:
        # the report is of the minute before it
        _keep_nearness(run, device, told.ts_ms - MINUTE_MS // 2, told.nearest.ratio * told.level)


def _keep_level(run: Run, device: str, level: float, now_ms: int) -> None:
    newest = "SELECT level FROM levels WHERE device = ? ORDER BY from_ms DESC LIMIT 1"
    row = run(newest, (device,)).fetchone()
    if row is not None and row[0] == level:
        return
    run("INSERT OR REPLACE INTO levels VALUES (?, ?, ?)", (device, now_ms, level))
    old = "SELECT from_ms FROM levels WHERE device = ? ORDER BY from_ms DESC LIMIT 1 OFFSET ?"
    if (row := run(old, (device, LEVELS_MOST)).fetchone()) is not None:
        run("DELETE FROM levels WHERE device = ? AND from_ms <= ?", (device, row[0]))


def _keep_nearness(run: Run, device: str, ts_ms: int, strength: float) -> None:
    hour, within = divmod(ts_ms, HOUR_MS)
    row = run("SELECT minutes FROM nearness WHERE device = ? AND hour = ?", (device, hour)).fetchone()
    minutes = bytearray(row[0] if row else bytes(60))
    minute = within // MINUTE_MS
    minutes[minute] = max(minutes[minute], _to_byte(strength))
    run("INSERT OR REPLACE INTO nearness VALUES (?, ?, ?)", (device, hour, bytes(minutes)))
    if row is None:
        run("DELETE FROM nearness WHERE device = ? AND hour < ?", (device, hour - KEPT_HOURS))


def _to_byte(strength: float) -> int:
    """Rounded down, so that what is below the alarm stays there; 0 is for a minute that nobody told of."""
    if not strength > _LEAST:
        return 1
    return 1 + min(254, math.floor(math.log(strength / _LEAST) / _STEP + 1e-9))


def levels(run: Run, device: str) -> list[tuple[int, float]]:
    """(from when, level), the earliest first. Before the first nobody knows; it is taken for 1."""
    query = "SELECT from_ms, level FROM levels WHERE device = ? ORDER BY from_ms"
    found: list[tuple[int, float]] = run(query, (device,)).fetchall()
    return found


def level_at(history: list[tuple[int, float]], ts_ms: Ints) -> Floats:
    """(n,) the level in force at each of these times."""
    starts = np.array([start for start, _ in history], np.int64)
    known = np.array([1.0, *(level for _, level in history)])
    return known[np.searchsorted(starts, ts_ms, side="right")]


def nearness(run: Run, device: str, from_ms: int, to_ms: int) -> tuple[Ints, Floats]:
    """The minutes that were told of (n,), by their start, and the strongest signal in each (n,).

    A strength is 1 at the level as calibrated.
    """
    query = "SELECT hour, minutes FROM nearness WHERE device = ? AND hour BETWEEN ? AND ? ORDER BY hour"
    rows = run(query, (device, from_ms // HOUR_MS, to_ms // HOUR_MS)).fetchall()
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0)
    table = np.frombuffer(b"".join(minutes for _, minutes in rows), np.uint8).reshape(len(rows), 60)
    hours = np.array([hour for hour, _ in rows], np.int64)
    ts_ms = (hours[:, None] * HOUR_MS + np.arange(60) * MINUTE_MS).ravel()
    told = table.ravel()
    known = (told > 0) & (ts_ms > from_ms - MINUTE_MS) & (ts_ms <= to_ms)
    return ts_ms[known], _LEAST * np.exp(_STEP * (told[known].astype(np.float64) - 1.0))
