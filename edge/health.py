"""What the agent says of itself: its birth certificate, and every minute how it is."""

import platform
import resource
import time
from collections import deque
from pathlib import Path
from typing import Any

from edge import __version__
from edge.agent import Agent
from edge.clock import clock_quality
from edge.detection.network import runtime_version
from edge.journal import Journal
from edge.judge import Judge
from edge.message import VERSION, finite
from edge.record import Origin
from edge.uplink.uplink import Uplink


def info(device: str, session: str, origin: Origin, period_s: float, level: float | None) -> dict[str, Any]:
    """The birth certificate, as `schema/info.json` says; `level` is what alarm levels are multiplied by."""
    return {
        "v": VERSION,
        "device": device,
        "session": session,
        "epoch": origin.epoch,
        "versions": {
            "picanary": __version__,
            "python": platform.python_version(),
            "runtime": runtime_version(),
        },
        "board": board(),
        "source": origin.source,
        "sim": origin.simulated,
        "channels": [{"name": c.name, "key": c.key, "unit": c.unit} for c in origin.channels],
        "period_s": period_s or 1.0,  # a recording without pauses has none of its own
        "model": origin.model,
        "threshold": 1.0,
        "level": level,
    }


def board() -> str:
    """The Pi's name as the device tree has it, else the machine's architecture."""
    try:
        return Path("/proc/device-tree/model").read_text().strip("\0\n ")
    except OSError:
        return platform.machine()


# Health is asked for every minute: the sensor's success rate is that of the last hour.
SUCCESS_REPORTS = 60


class Health:
    """Counts and states, as `schema/health.json` says."""

    def __init__(self, agent: Agent, journal: Journal, judge: Judge) -> None:
        self._agent, self._journal, self._judge = agent, journal, judge
        self._started = time.monotonic()
        self._readings: deque[tuple[int, int]] = deque([(0, 0)], SUCCESS_REPORTS + 1)  # good, failed so far

    def report(self, uplink: Uplink | None) -> dict[str, Any]:
        """How the agent is now."""
        sensor = self._agent.sensor
        faults = {**self._agent.faults, "model": self._judge.faults}
        if uplink is not None:
            faults.update({f"callback_{name}": count for name, count in uplink.connection.faults.items()})
            faults.update(refused=uplink.refused, publisher=uplink.faults)
        standing = {} if uplink is None else {"broker": uplink.standing()}
        nearest = self._judge.take_nearest()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "v": VERSION,
            "ts_ms": time.time_ns() // 1_000_000,
            "uptime_s": round(time.monotonic() - self._started, 1),
            "clk": clock_quality(),
            "journal": {
                "first_seq": self._journal.first_seq,
                "last_seq": self._journal.last_seq,
                "unsent": self._journal.unsent,
                "dropped": self._journal.dropped,
                "storage": self._journal.storage,
            },
            "sensor": {
                "state": "fault" if sensor.fault else "ok",
                "ok": sensor.ok,
                "failed": sensor.failed,
                "success": self._success(sensor.ok, sensor.failed),
            },
            "faults": faults,
            "model": self._judge.model.label,
            "level": self._judge.level,
            "nearest": None
            if nearest is None
            else {"signal": nearest.signal, "ratio": finite(nearest.ratio)},
            **standing,
            "host": {
                "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
                "rss_bytes": _resident_bytes(),
                "temperature_c": _processor_temperature(),
            },
        }

    def _success(self, ok: int, failed: int) -> float | None:
        """The share of good readings in the last hour; None when there was no reading at all."""
        self._readings.append((ok, failed))
        good, bad = ok - self._readings[0][0], failed - self._readings[0][1]
        return round(good / (good + bad), 4) if good + bad else None


def _resident_bytes() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * resource.getpagesize()


def _processor_temperature() -> float | None:
    """Degrees Celsius; None where the kernel does not tell."""
    try:
        return int(Path("/sys/class/thermal/thermal_zone0/temp").read_text()) / 1000.0
    except (OSError, ValueError):
        return None
