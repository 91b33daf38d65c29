"""How fast a whole monitor takes records in, and its memory with a thousand devices: a real process."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from edge.message import data_payload, encode
from monitor.history.packing import to_json
from tests.bench.machine import file_system
from tests.bench.part import Part, Row, below
from tests.bench.processes import usage
from tests.bench.workplace import Workplace
from tests.monitor import messages
from tests.monitor.flood import Running, heard
from tests.monitor.history import lively
from tests.monitor.messages import NOON

DEVICES = 1000
DEADLINE_S = 300.0
RESIDENT_MB = 150.0


def measure(place: Workplace) -> Part:
    """Figures of issue 6 that are the ingest's."""
    kind = file_system(place.folder)[0]
    rows = [_taken(place.fresh("ingest"), *each, kind) for each in ((50, 200_000), (1, 60_000))]
    return Part("The monitor takes in", [*rows, *crowded(place.fresh("crowd"))])


def payloads(each: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Topics and `data` messages of a thousand devices in turn, so many records in all."""
    some = [to_json(lively(seq)) for seq in range(1, 1001)]
    for first in range(1, count // DEVICES + 1, each):
        records = []
        for seq in range(first, first + each):
            own = {"seq": seq, "ts_ms": NOON + 10_000 * seq, "mono_ms": 10_000 * seq}
            records.append(encode(some[seq % 1000] | own))
        payload = data_payload(records)
        for device in range(DEVICES):
            yield f"picanary/v1/room-{device}/data", payload


def _taken(folder: Path, each: int, count: int, kind: str) -> Row:
    with heard(folder / "m.db") as (monitor, rooms):
        before, start = usage(monitor.process.pid).cpu_s, time.perf_counter()
        for topic, payload in payloads(each, count):
            rooms.publish(topic, payload)
        rooms.settle()
        _wait(monitor, count)
        cpu, wall = usage(monitor.process.pid).cpu_s - before, time.perf_counter() - start
    how = f"{count:,} records of {DEVICES:,} devices, {each} a message, QoS 1, through a mosquitto "
    how += f"into a whole monitor with its store on {kind}; {count / wall:,.0f} of wall"
    bar = 35_000 if each > 1 else 20_000  # a message costs more than a record
    target = {"target": f"above {bar:,}", "met": count / cpu > bar}
    return Row("records taken in a second of CPU", f"{count / cpu:,.0f}", how, **target)


def _wait(monitor: Running, count: int) -> None:
    """Until it has committed so many records; asked seldom, since the answer costs it time."""
    deadline = time.monotonic() + DEADLINE_S
    while sum(one["counts"]["received"] for one in monitor.devices().values()) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all {count} records came")
        time.sleep(1.0)


def crowded(folder: Path) -> list[Row]:
    """Memory with a thousand devices that have all said what agents say."""
    with heard(folder / "m.db") as (monitor, rooms):
        empty = monitor.resident_mb
        health = json.loads(messages.health())
        for number in range(DEVICES):
            topic = f"picanary/v1/room-{number}/"
            rooms.publish(topic + "status", messages.status("online"))
            rooms.publish(topic + "info", messages.info(device=f"room-{number}"))
            rooms.publish(topic + "health", json.dumps(health | {"uptime_s": number}).encode())
            rooms.publish(topic + "event", messages.event(1, "end", 2))
        for topic, payload in payloads(50, 100_000):
            rooms.publish(topic, payload)
        rooms.settle()
        _wait(monitor, 100_000)
        found = monitor.resident_mb
    how = f"the whole process, resident, after 100 records each; {empty:.0f} MB when nobody has said a word"
    return [Row(f"memory at {DEVICES:,} devices", f"{found:.0f} MB", how, **below(found, RESIDENT_MB, "MB"))]
