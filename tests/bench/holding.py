"""2,000 devices at one record in two seconds, held for ten minutes: none may be missing.

`PICANARY_HOLD_S` is how long.
"""

import os
import time
from pathlib import Path

from edge.message import data_payload, encode
from monitor.history.packing import to_json
from tests.bench.machine import file_system
from tests.bench.part import Part, Row
from tests.bench.processes import usage
from tests.bench.workplace import Workplace
from tests.monitor import messages
from tests.monitor.flood import Publisher, Running, heard
from tests.monitor.history import lively

DEVICES, PERIOD_S = 2000, 2.0
SECONDS = float(os.environ.get("PICANARY_HOLD_S", 600.0))
TEN_MINUTES_S = 600.0
SLICES = 20  # of a period: how evenly the devices send


def measure(place: Workplace) -> Part:
    """Hold it, and count."""
    folder = place.fresh("hold")
    with heard(folder / "m.db") as (monitor, rooms):
        return Part("The monitor holds a fleet", hold(folder, monitor, rooms))


def hold(folder: Path, monitor: Running, rooms: Publisher) -> list[Row]:
    """Send as those devices would, then see what came."""
    for number in range(DEVICES):
        rooms.publish(f"picanary/v1/room-{number}/status", messages.status("online"))
        rooms.publish(f"picanary/v1/room-{number}/info", messages.info(device=f"room-{number}", period_s=2.0))
    rooms.settle()
    before, start = usage(monitor.process.pid).cpu_s, time.monotonic()
    seq, late = 0, 0.0
    while time.monotonic() - start < SECONDS:
        seq += 1
        late = max(late, _round(rooms, seq, start + (seq - 1) * PERIOD_S))
    cpu = usage(monitor.process.pid).cpu_s - before
    wall = time.monotonic() - start
    behind = _wait(monitor, seq)
    counts = [one["counts"] for one in monitor.devices().values()]
    received, missing = (sum(each[name] for each in counts) for name in ("received", "missing"))
    whole = received == seq * DEVICES and missing == 0
    how = f"{seq * DEVICES:,} records in {wall:.0f} s, one a message, on {file_system(folder)[0]}; "
    how += f"all committed {behind:.1f} s after the last, at most {late:.1f} s late when sent"
    long = wall > TEN_MINUTES_S - PERIOD_S - 1.0
    met = whole if long or not whole else None
    lost = f"{seq * DEVICES - received} missing"
    return [
        Row(f"{DEVICES:,} devices, a record in {PERIOD_S:g} s", lost, how, "none missing for 600 s", met),
        Row("of which the monitor's CPU", f"{100 * cpu / wall:.0f} % of a core", "user and system"),
        Row("and memory", f"{monitor.resident_mb:.0f} MB", "resident, at the end"),
    ]


def _round(rooms: Publisher, seq: int, due: float) -> float:
    """One record of each, spread over the period; how late the last of them was."""
    table = to_json(lively(seq, step_ms=2000))
    now_ms = int(time.time() * 1000)
    payload = data_payload([encode(table | {"ts_ms": now_ms, "mono_ms": int(seq * 1000 * PERIOD_S)})])
    each = DEVICES // SLICES
    for part in range(SLICES):
        wait = due + part * PERIOD_S / SLICES - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        for number in range(part * each, (part + 1) * each):
            rooms.publish(f"picanary/v1/room-{number}/data", payload)
        rooms.settle()
    return max(0.0, time.monotonic() - due - PERIOD_S)


def _wait(monitor: Running, seq: int) -> float:
    """Seconds until all is there, or a minute."""
    start = time.monotonic()
    while time.monotonic() - start < 60.0:
        if sum(one["counts"]["received"] for one in monitor.devices().values()) >= seq * DEVICES:
            break
        time.sleep(0.2)
    return time.monotonic() - start
