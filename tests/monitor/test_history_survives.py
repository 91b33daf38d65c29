"""What was committed outlives `kill -9`, an older format, and what makes way when there is too much of it."""

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from monitor.changes import Changes
from monitor.fleet import Fleet
from monitor.history import migration, packing
from monitor.history.limits import Limits
from monitor.history.packing import CHUNK_RECORDS, to_json
from monitor.history.retention import used_bytes
from monitor.ingest import Ingest
from monitor.ledger import Ledger
from monitor.live import Live
from monitor.message import Judged
from monitor.store import Store
from tests.monitor.history import commit, lively, same, totals
from tests.monitor.messages import EPOCH, NOON
from tests.monitor.running import until
from tests.monitor.writing import DEVICES, RECORDS, payload

ROOT = Path(__file__).parents[2]
DAY_MS = 86_400_000


def check(path: Path, committed: int) -> None:
    """What is there is right, whole and known; what was told to be on the disk is there."""
    with closing(Store(path)) as store:
        fleet = Fleet.load(store)
        for device in DEVICES:
            kept = list(store.records(device))
            seqs = [one.record.seq for one in kept]
            assert len(seqs) == len(set(seqs)) and set(range(1, committed + 1)) <= set(seqs)
            assert all(same(one, lively(one.record.seq)) for one in kept)
            if kept:
                ledger = fleet.devices[device].ledgers[EPOCH]
                missing = {seq for low, high in ledger.gaps for seq in range(low, high + 1)}
                assert set(range(ledger.first, ledger.last + 1)) - missing == set(seqs)
                drawn = store.series(device, None, None, 10, 10.0)
                assert abs(drawn["count"] - len(kept)) == 0


def test_a_monitor_that_is_killed_again_and_again_keeps_what_it_committed(tmp_path: Path) -> None:
    path, chance, most = tmp_path / "m.db", random.Random(6), 0
    for number in range(5):
        command = [sys.executable, "-m", "tests.monitor.writing", str(path), str(number)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            lines = chance.randint(1, 12)
            told = [int(line) for line, _ in zip(writer.stdout, range(lines), strict=False)]
            writer.kill()
            told += [int(line) for line in writer.stdout.read().split()]
        most = max(most, *told)
        check(path, most)
    subprocess.run([sys.executable, "-m", "tests.monitor.writing", str(path), "8"], cwd=ROOT, check=True)
    check(path, RECORDS)


def old_store(path: Path, records: list[Judged]) -> None:
    """As the monitor before wrote it: format 3, a row of JSON a record."""
    with closing(Store(path)) as store:
        store.commit(Changes(ledgers={("cellar", EPOCH): Ledger(1, len(records))}))
    with closing(sqlite3.connect(path)) as file:
        for table in ("tail", "chunks", "summaries", "retired"):
            file.execute(f"DROP TABLE {table}")
        file.execute(
            "CREATE TABLE records(journal INTEGER NOT NULL, seq INTEGER NOT NULL, ts_ms INTEGER NOT NULL, "
            "body BLOB NOT NULL, PRIMARY KEY(journal, seq)) WITHOUT ROWID"
        )
        file.execute("CREATE INDEX records_by_time ON records(journal, ts_ms)")
        rows = [
            (1, one.record.seq, one.record.ts_ms, msgspec.json.encode(to_json(one))) for one in records
        ] + [(1, 10**6, NOON, b'{"v":2}')]
        file.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
        file.execute("PRAGMA user_version = 3")
        file.commit()


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_store_of_before_is_taken_over_also_when_that_is_interrupted(
    tmp_path: Path, interrupted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.db"
    records = [lively(seq) for seq in range(1, 3001)]
    old_store(path, records)
    before = path.stat().st_size
    monkeypatch.setattr(migration, "AT_ONCE", 1000)
    if interrupted:
        with monkeypatch.context() as patch:
            calls: list[int] = []

            def pack(*given: object) -> bytes:
                calls.append(1)
                if len(calls) == 4:
                    raise KeyboardInterrupt
                return real(*given)  # type: ignore[arg-type]

            real = packing.pack
            patch.setattr("monitor.history.chunks.pack", pack)
            with pytest.raises(KeyboardInterrupt):
                Store(path)
    with closing(Store(path)) as store:
        assert all(same(a, b) for a, b in zip(store.records("cellar"), records, strict=True))
        assert store.series("cellar", None, None, 10, 10.0)["count"] == 3000
        assert Fleet.load(store).devices["cellar"].summary()["counts"]["received"] == 3000
    assert path.stat().st_size < before / 5


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "m.db"


def tidied(store: Store, now_ms: int) -> None:
    while store.tidy(now_ms):
        pass


def test_records_that_are_too_old_make_way_and_their_summaries_stay(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed_ms = NOON
    monkeypatch.setattr("monitor.history.history.time.time", lambda: packed_ms / 1000)
    total = 20 * CHUNK_RECORDS
    made = [lively(seq, step_ms=60_000) for seq in range(1, total + 1)]  # ten days
    limits = Limits(records_days=3.0, summaries_days=(6.0, 1000.0, 1000.0))
    with closing(Store(small, limits)) as store:
        commit(store, made)
        end_ms = made[-1].record.ts_ms
        packed_ms = end_ms
        whole = store.series("cellar", None, None, 10, 60.0)["channels"]["temperature_c"]
        tidied(store, NOON + DAY_MS)
        assert totals(store)["records"] == total, "nothing was packed so long ago"
        tidied(store, end_ms)
        kept = [one.record.ts_ms for one in store.records("cellar")]
        assert 0 < end_ms - 3 * DAY_MS - kept[0] < CHUNK_RECORDS * 60_000
        got = store.series("cellar", None, None, 10, 60.0)["channels"]["temperature_c"]
        assert (min(got["value"]), max(got["value"])) == (min(whole["value"]), max(whole["value"]))
        old = store.series("cellar", NOON, NOON + 6 * 3_600_000, 5000, 60.0)
        assert old["step_ms"] == 900_000 and old["count"] > 300, "neither records nor minutes are left there"
        later = store.series("cellar", end_ms - 3_600_000, None, 5000, 60.0)
        assert later["step_ms"] == 0 and later["count"] == 61


def test_a_file_that_is_full_lets_the_first_records_go_and_stays_within_its_size(small: Path) -> None:
    limits = Limits(size_bytes=300_000)
    with closing(Store(small, limits)) as store:
        for at in range(0, 60_000, 600):
            commit(store, [lively(seq) for seq in range(at + 1, at + 601)])
            tidied(store, 0)
        kept = [one.record.seq for one in store.records("cellar")]
        assert kept == list(range(kept[0], 60_001)) and 1 < kept[0] < 55_000
        assert store.series("cellar", None, None, 600, 10.0)["count"] == 60_000
        with closing(sqlite3.connect(small)) as file:
            assert used_bytes(file.execute) <= limits.size_bytes
    assert small.stat().st_size < 2 * limits.size_bytes


def test_a_file_without_room_for_records_lets_summaries_go_too(small: Path) -> None:
    with closing(Store(small, Limits(size_bytes=1))) as store:
        commit(store, [lively(seq) for seq in range(1, 3 * CHUNK_RECORDS + 10)])
        for _ in range(100):
            if not store.tidy(0):
                break
        assert len(list(store.records("cellar"))) == 9, "what is not packed yet stays"
        assert store.series("cellar", None, None, 600, 10.0)["count"] == 9


def test_the_ingest_thread_lets_the_oldest_go_by_itself(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.ingest.TIDY_EVERY_S", 0.1)
    with closing(Store(small, Limits(size_bytes=1))) as store:
        ingest = Ingest(store, Live())
        ingest.start()
        for at in range(1, 2 * CHUNK_RECORDS, 50):
            ingest.take([("picanary/v1/cellar/data", payload(list(range(at, at + 50))))])
        until(
            lambda: (
                ingest.summaries.get("cellar", {}).get("counts", {}).get("received", 0) > 2 * CHUNK_RECORDS
            )
        )
        until(lambda: totals(store)["records"] < CHUNK_RECORDS)
        ingest.stop()
        assert ingest.summaries["cellar"]["counts"]["missing"] == 0, "what has made way was had"


def test_a_store_is_copied_by_copying_its_file(small: Path) -> None:
    with closing(Store(small)) as store:
        commit(store, [lively(seq) for seq in range(1, 2000)])
    shutil.copy(small, small.with_name("copy.db"))
    with closing(Store(small.with_name("copy.db"))) as copy:
        assert totals(copy) == {"records": 1999, "events": 0}
