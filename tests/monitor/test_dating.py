"""Row 22, at the consumer: readings that came before the device's clock was set get their true time."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.clock import BELIEVABLE_MS
from monitor.dating import STEP_MS
from monitor.fleet import Fleet, News
from monitor.history.packing import to_json
from monitor.store import Store
from tests.brokers import mosquitto
from tests.edge.faults.agents import agent as real_agent
from tests.edge.faults.clocks import FakeClock
from tests.monitor import test_page
from tests.monitor.browser import expect
from tests.monitor.messages import EPOCH, NOON, data, event, record, valid
from tests.monitor.running import monitor, until
from tests.monitor.test_page import Scene

browser, scene = test_page.browser, test_page.scene
LONG_AGO = 946_684_800_000  # where a Pi without a network begins
PERIOD_MS = 10_000
OFFSET = NOON - 50_000  # of the true clock, in the boot that `taken` is of


def taken(seq: int, clk: str = "ntp", *, boot: str = "b", by_ms: int = 0, **other: Any) -> dict[str, Any]:
    """A record at its true time; an unsynced clock begins at 2000, and `by_ms` is how far it is off."""
    mono_ms = 50_000 + seq * PERIOD_MS
    ts_ms = LONG_AGO + mono_ms if clk == "unsynced" else OFFSET + mono_ms + by_ms
    return record(seq, clk=clk, boot=boot, mono_ms=mono_ms, ts_ms=ts_ms, **other)


def true_ms(seq: int) -> int:
    return OFFSET + 50_000 + seq * PERIOD_MS


class Bench:
    """Messages through the real fleet into a real store, which may be restarted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.store = Store(path)
        self.fleet = Fleet.load(self.store)

    def restart(self) -> None:
        self.store.close()
        self.__init__(self._path)  # type: ignore[misc]

    def take(self, *records: dict[str, Any], leaf: str = "data", payload: bytes | None = None) -> News:
        news = News()
        self.fleet.take(f"picanary/v1/cellar/{leaf}", payload or data(*records), news)
        self.store.commit(news.changes)
        return news

    def kept(self) -> dict[int, dict[str, Any]]:
        return {judged.record.seq: to_json(judged) for judged in self.store.records("cellar")}

    def times(self) -> dict[int, int]:
        return {seq: body["ts_ms"] for seq, body in self.kept().items()}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "m.db")
    yield made
    made.store.close()


def unsynced(*seqs: int, boot: str = "b") -> list[dict[str, Any]]:
    return [taken(seq, "unsynced", boot=boot) for seq in seqs]


@pytest.mark.parametrize("clk", ["ntp", "holdover"])
def test_records_of_a_boot_move_as_soon_as_one_with_a_set_clock_comes(bench: Bench, clk: str) -> None:
    bench.take(*unsynced(1, 2, 3))
    assert max(bench.times().values()) < BELIEVABLE_MS
    news = bench.take(taken(4, clk))
    assert news.dated == {"cellar"}
    assert bench.times() == {seq: true_ms(seq) for seq in range(1, 5)}
    assert [body["clk"] for body in bench.kept().values()] == ["holdover"] * 3 + [clk]
    for key in ("temperature_c", "mono_ms", "state", "expected"):
        assert all(bench.kept()[seq][key] == taken(seq)[key] for seq in range(1, 5)), "nothing else moves"
    assert bench.take(taken(5, clk)).dated == set(), "once is enough"


def test_records_of_another_boot_and_of_another_device_stay(bench: Bench) -> None:
    bench.take(*unsynced(1, 2, boot="before"), *unsynced(3))
    bench.take(leaf="data", payload=data(taken(1, boot="before", epoch="f" * 16)))
    assert bench.times()[2] == true_ms(2), "an epoch of the same boot tells of both"
    assert bench.times()[3] < BELIEVABLE_MS
    news = News()
    bench.fleet.take("picanary/v1/attic/data", data(taken(9)), news)
    bench.store.commit(news.changes)
    assert bench.times()[3] < BELIEVABLE_MS


def test_a_record_that_comes_late_gets_its_true_time_at_once(bench: Bench) -> None:
    bench.take(*unsynced(1), taken(5))
    news = bench.take(*unsynced(2, 3))
    assert [judged.record.ts_ms for judged in news.records["cellar"]] == [true_ms(2), true_ms(3)]
    assert bench.times() == {seq: true_ms(seq) for seq in (1, 2, 3, 5)}


def test_the_live_topic_shows_the_true_time_too(bench: Bench) -> None:
    bench.take(*unsynced(1), taken(2))
    bench.take(leaf="state", payload=valid("record", taken(3, "unsynced")))
    newest = bench.fleet.devices["cellar"].newest
    assert newest is not None and newest.record.ts_ms == true_ms(3)


def test_a_monitor_that_was_restarted_meanwhile_corrects_them_too(bench: Bench) -> None:
    bench.take(*unsynced(1, 2))
    bench.restart()
    assert bench.take(taken(3)).dated == {"cellar"}
    assert bench.times() == {seq: true_ms(seq) for seq in (1, 2, 3)}
    bench.restart()
    assert bench.take(taken(4)).dated == set()


def test_a_believable_clock_is_corrected_by_a_better_one(bench: Bench) -> None:
    wrong = -3 * 86_400_000  # the time of the last shutdown
    bench.take(*unsynced(1), taken(2, "holdover", by_ms=wrong))
    assert bench.times() == {1: true_ms(1) + wrong, 2: true_ms(2) + wrong}
    assert bench.take(taken(3)).dated == {"cellar"}
    assert bench.times() == {seq: true_ms(seq) for seq in (1, 2, 3)}


def test_a_clock_that_was_right_moves_nothing(bench: Bench) -> None:
    bench.take(taken(1, "holdover", by_ms=300))
    assert bench.take(taken(2)).dated == set()
    assert bench.times()[1] == true_ms(1) + 300


def test_a_good_clock_that_has_lost_its_source_is_believed(bench: Bench) -> None:
    bench.take(taken(1), taken(2, "holdover", by_ms=-3_600_000))  # somebody set it back
    bench.take(taken(3))
    assert bench.times()[2] == true_ms(2) - 3_600_000


def test_a_recording_keeps_its_own_times(bench: Bench) -> None:
    bench.take(*[{**each, "src": "replay"} for each in unsynced(1, 2)], taken(3, src="replay"))
    assert bench.times()[1] < BELIEVABLE_MS


def test_events_move_with_their_records_and_only_once(bench: Bench) -> None:
    old = LONG_AGO + 50_000
    told = {"ts_ms": old + 2 * PERIOD_MS, "onset_ms": old + PERIOD_MS, "end_ms": None}
    bench.take(leaf="event", payload=event(2, "start", 2, **told))
    bench.take(*unsynced(1, 2, 3))
    right = {"ts_ms": true_ms(3), "onset_ms": true_ms(3), "end_ms": None}  # told after the clock was set
    bench.take(leaf="event", payload=event(3, "start", 3, **right))
    bench.take(taken(4))
    bodies = {json.loads(body)["id"]: json.loads(body) for body in bench.store.events("cellar", 9)}
    assert (bodies[2]["ts_ms"], bodies[2]["onset_ms"], bodies[2]["end_ms"]) == (true_ms(2), true_ms(1), None)
    assert (bodies[3]["ts_ms"], bodies[3]["onset_ms"]) == (true_ms(3), true_ms(3))
    assert [json.loads(body)["id"] for body in bench.store.events("cellar", 9)] == [3, 2], "newest first"


def test_a_store_of_the_format_before_is_taken_over(tmp_path: Path) -> None:
    import sqlite3

    made = Bench(tmp_path / "m.db")
    made.take(taken(1))
    made.store.close()
    with closing(sqlite3.connect(tmp_path / "m.db")) as older:
        older.executescript("DROP TABLE doubted; PRAGMA user_version = 2")
    again = Bench(tmp_path / "m.db")
    again.take(*unsynced(2), taken(3))
    assert again.times() == {seq: true_ms(seq) for seq in (1, 2, 3)}
    again.store.close()


MADE = st.tuples(
    st.sampled_from(["a", "b"]),  # boot
    st.sampled_from(["unsynced", "holdover", "ntp"]),
    st.integers(-(10**10), 10**10) | st.integers(-1500, 1500),  # ms, how far a holdover clock is off
    st.sampled_from([EPOCH, "f" * 16]),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MADE, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_whatever_the_order_all_records_of_a_boot_that_learnt_the_time_are_right(
    made: list[tuple[str, str, int, str]], chance: Any
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "m.db")
        records = [
            taken(seq, clk, boot=boot, by_ms=off if clk == "holdover" else 0, epoch=epoch)
            for seq, (boot, clk, off, epoch) in enumerate(made, 1)
        ]
        chance.shuffle(records)
        while records:
            some = chance.randint(1, len(records))
            bench.take(*records[:some])
            del records[:some]
        known = {boot: seq for seq, (boot, clk, _, _) in reversed([*enumerate(made, 1)]) if clk == "ntp"}
        times = bench.times()
        bench.store.close()
        assert len(times) == len(made)
        for seq, (boot, clk, _, _) in enumerate(made, 1):
            if clk == "ntp" or (boot in known and (clk == "unsynced" or seq < known[boot])):
                assert abs(times[seq] - true_ms(seq)) <= STEP_MS, (seq, clk)


def test_an_open_page_shows_them_where_they_belong(scene: Scene) -> None:
    scene.room.born()
    now_ms = int(time.time() * 1000)
    at = {"boot": "b", "temperature_c": 20.0}
    early = [
        record(seq, clk="unsynced", ts_ms=LONG_AGO + seq * PERIOD_MS, mono_ms=seq * PERIOD_MS, **at)
        for seq in range(1, 25)
    ]
    scene.room.records(*early)
    page = scene.open("#/device/cellar")
    expect(page.get_by_test_id("ledger")).to_contain_text("24 received")
    expect(page.locator(".about")).to_contain_text("clock unsynced")
    scene.room.records(record(25, ts_ms=now_ms, mono_ms=25 * PERIOD_MS, **at))
    expect(page.locator(".about")).not_to_contain_text("clock")
    drawn = page.wait_for_function(
        """async () => {
            const answer = await fetch("/api/devices/cellar/series?points=600");
            const { ts_ms } = await answer.json();
            return ts_ms[0] > 1e12 && ts_ms.length;
        }"""
    )
    assert drawn.json_value() == 25
    line = until(lambda: (found := test_page.blue_line(page))["left"] < 0.2 and found)
    assert line["left"] < 0.2, "the line reaches back over all of the four minutes"


def test_row_22_a_real_agents_early_records_are_corrected_at_the_monitor(tmp_path: Path) -> None:
    clock = FakeClock(tmp_path)
    clock.move(946_684_800 - time.time())
    folder = tmp_path / "disk"
    folder.mkdir()
    began_ms = time.time() * 1000.0

    def kept(store: Store) -> list[dict[str, Any]]:
        return [to_json(judged) for judged in store.records("cellar")]

    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (running, client):
        with real_agent(folder, broker, **clock.environment):
            until(lambda: len(kept(running.store)) > 30, 60)
            assert all(each["ts_ms"] < BELIEVABLE_MS for each in kept(running.store))
            clock.move(0)
            until(lambda: all(each["ts_ms"] > BELIEVABLE_MS for each in kept(running.store)), 60)
            ended_ms = time.time() * 1000.0
        records = sorted(kept(running.store), key=lambda each: each["seq"])
        series = client.get("/api/devices/cellar/series?points=5000").json()
    times = [each["ts_ms"] for each in records]
    assert times == sorted(times) and began_ms - 2000 <= times[0] <= ended_ms
    offsets = {each["ts_ms"] - each["mono_ms"] for each in records}
    assert max(offsets) - min(offsets) <= 50
    assert min(series["ts_ms"]) > BELIEVABLE_MS
