"""A store with many devices and a day of each, as the ingest would have left it."""

import random
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from monitor.changes import Changes
from monitor.ledger import Ledger
from monitor.message import Judged
from monitor.store import Store
from tests.monitor.history import judged
from tests.monitor.messages import EPOCH, info, status

PERIOD_S = 900
A_DAY = 96  # records
ONE = judged(1)


def name_of(number: int) -> str:
    return f"room-{number:04d}"


def verdict(number: int, seq: int, chance: random.Random) -> dict[str, Any]:
    """What a device's record says: most are calm, a few have their hours."""
    score = round(chance.betavariate(2, 6), 3)
    if number % 17 == 3 and seq > A_DAY - 12 + number % 9:
        return {"state": "anomalous", "score": round(1.1 + chance.expovariate(0.5), 2), "anomaly": True}
    if number % 29 == 5 and (seq // 8 + number) % 7 > 4:
        return {"state": "anomalous", "score": round(1.0 + chance.expovariate(1), 2), "anomaly": True}
    if number % 41 == 7 and seq > A_DAY // 2:
        return {"state": "sensor_fault", "score": None, "anomaly": None}
    if number % 53 == 9:
        return {"state": "no_model", "score": None, "anomaly": None, "model": None}
    if seq < 4 or (number % 61 == 11 and seq > A_DAY - 5):
        return {"state": "warming", "score": None, "anomaly": None}
    return {"state": "normal", "score": score, "anomaly": False}


def fill(path: Path, devices: int, now_ms: int | None = None, records: int = A_DAY) -> None:
    """The last record of each is of now; some are offline, stopped, of an older model, or miss records."""
    now_ms = int(time.time() * 1000) if now_ms is None else now_ms
    chance = random.Random(1)
    store = Store(path)
    changes = Changes()
    for number in range(devices):
        enter(changes, number, now_ms, records, chance)
        if number % 100 == 99 or number == devices - 1:
            store.commit(changes)
            changes = Changes()
    store.close()


def enter(changes: Changes, number: int, now_ms: int, records: int, chance: random.Random) -> None:
    """One device with all that it has sent."""
    device, model = name_of(number), "cellar 7" if number % 5 else "cellar 6"
    state = "offline" if number % 37 == 2 else "disconnected" if number % 71 == 4 else "online"
    last_ms = now_ms - (3_600_000 if state != "online" else 0)
    changes.devices[device] = {
        "status": status(state),
        "info": info(device=device, period_s=PERIOD_S, model=model),
    }
    ledger = changes.ledgers[device, EPOCH] = Ledger()
    for seq in range(1, records + 1):
        if number % 23 == 6 and seq in (20, 21):
            continue
        ledger.enter(seq)
        told = {"seq": seq, "ts_ms": last_ms - (records - seq) * PERIOD_S * 1000, "model": model}
        values = {
            "temperature_c": round(18 + number % 7 + 2 * chance.random(), 1),
            "humidity_pct": round(40 + number % 20 + 5 * chance.random(), 1),
        }
        record = replace(ONE.record, **told | verdict(number, seq, chance))
        changes.records.append((device, Judged(record, values)))
