"""What is committed is there after a restart, and a file that is something else is left alone."""

import json
import sqlite3

import pytest

from edge.errors import ConfigError
from monitor.fleet import Fleet, News
from monitor.message import decode_record
from monitor.store import Changes, Store
from tests.monitor.messages import EPOCH, advisory, data, event, info, record, status


def filled(store: Store) -> News:
    fleet, news = Fleet(), News()
    for leaf, payload in (
        ("status", status("online")),
        ("info", info()),
        ("data", data(record(3), record(4), record(7))),
        ("event", event(4, "end", 7)),
        ("event", event(4, "start", 4)),
    ):
        fleet.take(f"picanary/v1/cellar/{leaf}", payload, news)
    store.commit(news.changes)
    return news


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "monitor.db")
    yield opened
    opened.close()


def test_a_fleet_is_the_same_after_a_restart(store):
    filled(store)
    fleet = Fleet.load(store)
    device = fleet.devices["cellar"]
    assert (device.presence, device.info.period_s, device.newest.record.seq) == ("online", 10.0, 7)
    counts = {"received": 3, "missing": 2, "gone": 0, "repeated": 0, "malformed": 0}
    assert device.summary()["counts"] == counts
    news = News()
    fleet.take("picanary/v1/cellar/data", data(record(5), record(7)), news)
    assert [judged.record.seq for _, judged in news.changes.records] == [5]
    assert device.repeated == 1


def test_records_come_back_in_the_order_of_time_and_between_two_times(store):
    filled(store)
    times = [judged.record.ts_ms for judged in store.records("cellar")]
    assert times == sorted(times)
    assert [one.record.ts_ms for one in store.records("cellar", times[1], times[1])] == [times[1]]
    assert list(store.records("attic")) == []


def test_the_last_phase_of_an_event_stays(store):
    filled(store)
    (body,) = store.events("cellar", 10)
    assert b'"phase":"end"' in body
    assert b"window" not in body


def test_events_that_overlap_are_kept_apart(store):
    fleet, news = Fleet(), News()
    for payload in (advisory(4, "start", 4), event(5, "start", 5), event(5, "end", 7), advisory(4, "end", 9)):
        fleet.take("picanary/v1/cellar/event", payload, news)
    store.commit(news.changes)
    kept = [json.loads(body) for body in store.events("cellar", 10)]
    assert [(one["id"], one["state"], one["seq"]) for one in kept] == [
        (5, "anomalous", 7),
        (4, "advisory", 9),
    ]


def test_a_commit_is_all_or_nothing(store):
    filled(store)
    first = decode_record(json.dumps(record(1)).encode())
    broken = Changes(records=[("attic", first)], events=[("attic", EPOCH, None, 1, 1, b"{}")])
    with pytest.raises(sqlite3.IntegrityError):
        store.commit(broken)
    assert "attic" not in dict(store.newest_records())
    store.commit(Changes(records=[("attic", first)]))
    assert dict(store.newest_records())["attic"] == first


def test_a_commit_is_seen_by_another_process_at_once(store):
    filled(store)
    with sqlite3.connect(store.path) as other:
        assert other.execute("SELECT count(*) FROM tail").fetchone() == (3,)
    other.close()


@pytest.mark.parametrize("content", [b"no database at all, but longer than a header" * 9, None, "version"])
def test_a_file_that_is_something_else_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "other.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE mine(a)")
            if content == "version":
                other.execute("PRAGMA application_id = 1885556079")
                other.execute("PRAGMA user_version = 99")
        other.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"other\.db"):
        Store(path)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="cannot open the store"):
        Store(tmp_path / "nowhere" / "monitor.db")
