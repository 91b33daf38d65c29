"""What the monitor's memory costs: taking in, bytes on disk, and how fast a day or a year comes back."""

import json
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import msgspec

from edge.message import data_payload, encode
from monitor.changes import Changes
from monitor.fleet import Fleet, News
from monitor.history.retention import used_bytes
from monitor.message import Judged, decode_record
from monitor.store import Store
from tests.bench.machine import file_system
from tests.bench.part import Part, Row, below
from tests.bench.records import a_day
from tests.bench.workplace import Workplace

DAY_MS = 86_400_000
YEAR = 365
POINTS = 1200
COMMITTED = 5000
EPOCH = "0" * 16
SECONDS = 86_400  # a day at 1 Hz
CROWD = 1158  # devices of a day at 1 Hz: 100 million records
HOUR_MS = 3_600_000


def measure(place: Workplace) -> Part:
    """Figures of issue 6 that are the store's."""
    bodies = a_day(place.bundle, EPOCH)
    day = [decode_record(body) for body in bodies]
    kind = file_system(place.folder)[0]
    rows = [*ingest(place.fresh("ingest"), bodies, kind)]
    rows += year(place.fresh("year"), day, kind)
    rows += crowd(place.fresh("crowd"), day, kind)
    return Part("The monitor's memory", rows)


def ingest(folder: Path, bodies: list[bytes], kind: str) -> list[Row]:
    """Messages through the fleet into a store on a disk, as the ingest thread does it."""
    rows = []
    for devices, each, total in ((1, 50, 100_000), (100, 50, 100_000), (1000, 1, 1_000_000)):
        payloads = _payloads(bodies, total // devices, each)
        topics = [f"picanary/v1/room-{device}/data" for device in range(devices)]
        messages = ((topic, payload) for payload in payloads for topic in topics)
        cpu, wall, grown = _take_in(folder / f"{devices}.db", messages, COMMITTED // each)
        how = f"{devices} devices, {each} records a message, {COMMITTED:,} a commit, {kind}; "
        how += f"{total / wall:,.0f} of wall"
        target = {"target": "above 20,000", "met": total / cpu > 20_000}
        rows.append(Row("records taken in a second of CPU, storage on", f"{total / cpu:,.0f}", how, **target))
    memory = "the fleet, its store and the newest message of each; what this process grew by"
    rows.append(Row(f"memory for {devices:,} devices", f"{grown:.0f} MB", memory, **below(grown, 100, "MB")))
    return rows


def _take_in(path: Path, messages: Iterator[tuple[str, bytes]], together: int) -> tuple[float, float, float]:
    """Seconds of CPU and of wall, and megabytes that the process has grown by."""
    before = _rss()
    with closing(Store(path)) as store:
        fleet = Fleet()
        cpu, wall = time.process_time(), time.perf_counter()
        while some := list(islice(messages, together)):
            news = News()
            for topic, payload in some:
                fleet.take(topic, payload, news)
            store.commit(news.changes)
        spent = time.process_time() - cpu, time.perf_counter() - wall
        return *spent, _rss() - before


def _payloads(bodies: list[bytes], count: int, each: int) -> Iterator[bytes]:
    """What every device tells of the same days."""
    tables = [json.loads(body) for body in bodies]
    records = []
    for index in range(count):
        table = tables[index % len(tables)]
        ts_ms = table["ts_ms"] + index // len(tables) * DAY_MS
        records.append(encode(table | {"seq": index + 1, "ts_ms": ts_ms, "mono_ms": 10_000 * index}))
        if len(records) == each:
            yield data_payload(records)
            records = []


def year(folder: Path, day: list[Judged], kind: str) -> list[Row]:
    """One device for a year at 0.1 Hz: 3 million records."""
    with closing(Store(folder / "m.db")) as store:
        start = time.process_time()
        for number in range(YEAR):
            store.commit(Changes(records=[("room", one) for one in _later(day, number, 10_000)]))
        spent = time.process_time() - start
        total = YEAR * len(day)
        with closing(sqlite3.connect(store.path)) as file:
            size = used_bytes(file.execute) / total
        first_ms = day[0].record.ts_ms
        last_ms = first_ms + YEAR * DAY_MS
        rows = [
            Row(
                "bytes a record on disk",
                f"{size:.1f}",
                f"{total:,} records as the model judged them, two channels, summaries and all",
                **below(size, 10, "bytes"),
            ),
            Row("to pack them, days at a time", f"{1e6 * spent / total:.1f} µs CPU a record", kind),
        ]
        for name, span_ms in SPANS.items():
            found = [_series(store, "room", last_ms - span_ms - back, span_ms) for back in _BACK]
            rows.append(_answer(f"{name} of one device at 0.1 Hz, out of a year", found, 30))
    return rows


SPANS = {
    "the last hour": HOUR_MS,
    "a day": DAY_MS,
    "a week": 7 * DAY_MS,
    "a month": 30 * DAY_MS,
    "a quarter": 91 * DAY_MS,
    "a year": 365 * DAY_MS,
}
_BACK = (0, HOUR_MS, 5 * HOUR_MS, 50 * HOUR_MS, 51 * HOUR_MS)


def _later(day: list[Judged], number: int, step_ms: int) -> list[Judged]:
    """That day as the number-th of a series that goes on."""
    first, start_ms = number * len(day), day[0].record.ts_ms
    found = []
    for index, one in enumerate(day, first):
        times = {"ts_ms": start_ms + step_ms * index, "mono_ms": step_ms * index}
        record = msgspec.structs.replace(one.record, seq=index + 1, **times)
        found.append(Judged(record, one.values))
    return found


def _series(store: Store, device: str, from_ms: int, span_ms: int) -> tuple[float, float, int]:
    """Milliseconds to the columns and to their JSON, and rows."""
    start = time.perf_counter()
    columns = store.series(device, from_ms, from_ms + span_ms, POINTS, None)
    made = time.perf_counter()
    msgspec.json.encode(columns)
    return 1e3 * (made - start), 1e3 * (time.perf_counter() - made), len(columns["ts_ms"])


def _answer(what: str, found: list[tuple[float, float, int]], limit_ms: float) -> Row:
    took = statistics.median(each[0] for each in found)
    how = f"median of {len(found)}, slowest {max(each[0] for each in found):.0f} ms; {found[0][2]:,} rows, "
    how += f"{statistics.median(each[1] for each in found):.1f} ms more for the JSON"
    return Row(what, f"{took:.0f} ms", how, **below(took, limit_ms, "ms"))


def crowd(folder: Path, day: list[Judged], kind: str) -> list[Row]:
    """A day at 1 Hz of many devices: 100 million records, packed once and copied by SQLite."""
    path = folder / "m.db"
    with closing(Store(path)) as store:
        times = -(-SECONDS // len(day))
        records = [one for number in range(times) for one in _later(day, number, 1000)][:SECONDS]
        store.commit(Changes(records=[("room-0", one) for one in records]))
        for _ in range(3):
            store.tidy(records[-1].record.ts_ms)
    with closing(sqlite3.connect(path)) as file:
        copied(file)
        total = file.execute("SELECT sum(count) FROM chunks").fetchone()[0]
        size = used_bytes(file.execute) / total
    first_ms = records[0].record.ts_ms
    with closing(Store(path)) as store:
        loaded = time.perf_counter()
        Fleet.load(store)
        loaded = time.perf_counter() - loaded
        rooms = [f"room-{number}" for number in (7, 300, 555, 801, 1100)]
        found = [_series(store, room, first_ms, DAY_MS) for room in rooms]
        fine = [_series(store, room, first_ms + 9 * HOUR_MS, 8 * HOUR_MS) for room in rooms]
    how = (
        f"{total / 1e6:.0f} million records, {CROWD} devices, {size:.1f} bytes each, {kind}; cold for SQLite"
    )
    return [
        _answer(f"a day at 1 Hz ({how})", found, 50),
        _answer("8 hours at 1 Hz, from the records themselves", fine, 50),
        Row("the monitor's start on that store", f"{loaded:.2f} s", f"{CROWD} journals"),
    ]


def copied(file: sqlite3.Connection) -> None:
    """The first journal as that of every other device too."""
    many = range(2, CROWD + 1)
    file.executemany(
        "INSERT INTO journals(id, device, epoch, first, last, gaps) VALUES (?, ?, ?, 1, ?, '[]')",
        [(each, f"room-{each - 1}", EPOCH, SECONDS) for each in many],
    )
    for table in ("chunks", "summaries"):
        names = [row[1] for row in file.execute(f"PRAGMA table_info({table})")][2:]
        columns = ", ".join(names)
        copy = f"INSERT INTO {table}(journal, {columns}) SELECT ?, {columns} FROM {table} WHERE journal = 1"
        file.executemany(copy, [(each,) for each in many])
    file.execute("UPDATE journals SET first = 1, last = ? WHERE id = 1", (SECONDS,))
    file.commit()


def _rss() -> float:
    """Megabytes that this process has in memory now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024
