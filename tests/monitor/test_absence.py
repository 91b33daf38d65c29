"""When the monitor itself did not run, a room's page says so: a gap of that time is no device's fault."""

import os
import time
from contextlib import closing
from pathlib import Path

from monitor.absence import Absences, last_written_ms
from monitor.store import Store
from tests.brokers import mosquitto
from tests.monitor import scene as scenes
from tests.monitor.browser import expect, open_page
from tests.monitor.messages import record
from tests.monitor.running import agent, monitor, until

browser = scenes.browser
HOUR_MS = 3_600_000


def now_ms() -> int:
    return int(time.time() * 1000)


def absences(store: Path, since_ms: int | None, *, succeeds: bool = True) -> list[tuple[int, int]]:
    """After a start, when the monitor was last there."""
    with closing(Store(store)) as opened:
        kept = Absences(opened, since_ms)
        if succeeds:
            kept.end()
        return kept.known()


def test_a_first_start_and_a_short_restart_are_no_absence(tmp_path: Path) -> None:
    assert absences(tmp_path / "m.db", None) == []
    assert absences(tmp_path / "m.db", now_ms() - 5000) == []
    assert absences(tmp_path / "m.db", now_ms() + HOUR_MS) == [], "a clock that was set back"


def test_starts_that_failed_do_not_shorten_it_and_the_newest_is_first(tmp_path: Path) -> None:
    first, second = now_ms() - 9 * HOUR_MS, now_ms() - HOUR_MS
    assert absences(tmp_path / "m.db", first, succeeds=False) == []
    assert absences(tmp_path / "m.db", now_ms() - 10_000, succeeds=False) == []
    ((since, until_ms),) = absences(tmp_path / "m.db", now_ms() - 5000)
    assert since == first and abs(until_ms - now_ms()) < 60_000
    assert [start for start, _ in absences(tmp_path / "m.db", second)] == [second, first]


def test_a_store_was_last_written_when_it_or_its_log_was(tmp_path: Path) -> None:
    store = tmp_path / "m.db"
    assert last_written_ms(store) is None
    store.touch()
    os.utime(store, (1000, 1000))
    assert last_written_ms(store) == 1_000_000
    (tmp_path / "m.db-wal").touch()
    os.utime(tmp_path / "m.db-wal", (2000, 2000))
    assert last_written_ms(store) == 2_000_000


def test_the_page_of_a_room_says_when_nobody_listened(browser, tmp_path: Path) -> None:
    store, wrong = tmp_path / "m.db", []
    with mosquitto() as broker, agent(broker) as room:
        with monitor(broker, store) as (_, client):
            room.born()
            room.records(record(1), record(2))
            until(lambda: client.get("/api/devices/cellar").status_code == 200)
            assert client.get("/api/absences").json() == {"absences": []}
        left_s = time.time()
        assert abs(left_s - store.stat().st_mtime) < 60, "it was there until it ended"
        os.utime(store, (left_s - 5 * 3600, left_s - 5 * 3600))
        with monitor(broker, store) as (running, client):
            ((span),) = client.get("/api/absences").json()["absences"]
            assert abs(span["from_ms"] / 1000 - (left_s - 5 * 3600)) < 1
            assert span["from_ms"] > record(2)["ts_ms"], "the room was there before"
            page = open_page(browser, running.server.url, wrong, "#/device/cellar")
            said = page.get_by_test_id("absences")
            expect(said).to_contain_text("The monitor itself did not run from")
            expect(said).to_contain_text("for 5 h")
            page.context.close()
    assert wrong == []
