"""What messages do to the fleet: well formed, repeated, late, and anything else that may come."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.fleet import Fleet, News
from monitor.shown_event import event_to_page
from tests.monitor import messages
from tests.monitor.messages import EPOCH, advisory, data, event, info, record, status

TOPIC = "picanary/v1/cellar/"
LEAVES = ("status", "info", "state", "data", "event", "health")


def fed(*arrivals: tuple[str, bytes]) -> tuple[Fleet, News]:
    """A fleet that has taken these messages of the device `cellar`."""
    fleet, news = Fleet(), News()
    for leaf, payload in arrivals:
        fleet.take(TOPIC + leaf, payload, news)
    return fleet, news


def cellar(*arrivals: tuple[str, bytes]):
    """That device."""
    return fed(*arrivals)[0].devices["cellar"]


def test_every_message_of_the_contract_is_taken():
    device = cellar(
        ("status", status("online")),
        ("info", info()),
        ("health", messages.health()),
        ("data", data(record(1), record(2, state="anomalous", pressure_hpa=1013.2))),
        ("event", event(2, "start", 2)),
    )
    assert device.malformed == 0
    assert device.condition == "anomalous"
    assert device.newest.values == {"temperature_c": 21.5, "humidity_pct": 45.0, "pressure_hpa": 1013.2}
    assert device.summary()["counts"] == {
        "received": 2,
        "missing": 0,
        "gone": 0,
        "repeated": 0,
        "malformed": 0,
    }


def test_a_repeat_is_counted_and_not_stored_again():
    fleet, news = fed(("data", data(record(1), record(2))), ("data", data(record(2), record(3))))
    assert fleet.devices["cellar"].repeated == 1
    assert [judged.record.seq for _, judged in news.changes.records] == [1, 2, 3]


def test_the_same_seq_of_another_journal_is_no_repeat():
    other = "f" * 16
    device = cellar(("data", data(record(1), record(1, epoch=other))))
    assert device.repeated == 0
    assert set(device.ledgers) == {EPOCH, other}


def test_missing_records_are_known_by_their_numbers():
    summary = cellar(("data", data(record(3), record(4), record(9)))).summary()
    assert summary["counts"]["missing"] == 4
    assert summary["journals"][EPOCH]["missing"] == [(5, 8)]


def test_a_backlog_does_not_become_the_newest_reading():
    device = cellar(("data", data(record(9))), ("data", data(record(4, temperature_c=99.0))))
    assert device.newest.record.seq == 9


def test_a_hint_on_state_is_shown_but_not_counted():
    fleet, news = fed(("state", messages.valid("record", record(5, temperature_c=18.0))))
    device = fleet.devices["cellar"]
    assert device.newest.values["temperature_c"] == 18.0
    assert device.summary()["counts"]["received"] == 0
    assert not news.changes.records


@pytest.mark.parametrize(
    ("arrivals", "presence"),
    [
        ([("status", status("online"))], "online"),
        ([("status", status("online")), ("status", status("offline"))], "offline"),
        ([("status", status("online")), ("status", status("disconnected"))], "disconnected"),
        # the old session's will comes after the new session's birth
        ([("status", status("online", "new")), ("status", status("offline", "old"))], "online"),
        # as it looks to a monitor that starts late, in both orders of retained messages
        ([("status", status("offline", "old")), ("info", info("new"))], "online"),
        ([("info", info("new")), ("status", status("offline", "old"))], "online"),
        ([("info", info("new")), ("status", status("offline", "new"))], "offline"),
        ([("data", data(record(1)))], "online"),
    ],
)
def test_only_a_will_of_the_living_session_puts_a_device_offline(arrivals, presence):
    assert cellar(*arrivals).presence == presence


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"[]",
        b"{}",
        b'{"v":2,"records":[]}',
        b'{"v":1,"records":[]}',
        b'{"v":1,"records":7}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"v":1,"records":[' + b"9" * 2_000_000 + b"]}",
    ],
)
def test_a_malformed_message_is_counted_and_dropped(broken):
    fleet, news = fed(("data", data(record(1))), ("data", broken))
    assert fleet.devices["cellar"].malformed == (0 if broken == b"" else 1)
    assert len(news.changes.records) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"seq": 0},
        {"seq": 2**63},
        {"seq": "1"},
        {"ts_ms": 10**30},
        {"epoch": "no hex"},
        {"epoch": EPOCH + "\n"},
        {"state": "happy"},
        {"score": "high"},
        {"expected": {"temperature_c": "warm"}},
        {"v": 2},
        {"why": "x" * 5000},
        {f"channel_{number}": 1.0 for number in range(40)},
    ],
)
def test_one_bad_record_does_not_cost_its_neighbours(wrong):
    batch = {"v": 1, "records": [record(1), record(2) | wrong, record(3)]}
    fleet, news = fed(("data", json.dumps(batch).encode()))
    assert [judged.record.seq for _, judged in news.changes.records] == [1, 3]
    assert fleet.malformed == 1


def test_unknown_keys_are_ignored():
    extended = record(1) | {"weather": "fine", "flag": True, "nested": {"a": 1}, "hist": True}
    fleet, _ = fed(("data", json.dumps({"v": 1, "records": [extended], "more": 1}).encode()))
    assert fleet.malformed == 0
    assert set(fleet.devices["cellar"].newest.values) == {"temperature_c", "humidity_pct"}


def test_a_topic_that_names_no_device_is_counted():
    fleet, news = Fleet(), News()
    for topic in ("picanary/v1/<b>/data", "picanary/v1//data", "picanary/v1/cellar/else", "other", ""):
        fleet.take(topic, data(record(1)), news)
    assert fleet.malformed == 5
    assert not fleet.devices


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.tuples(st.sampled_from(LEAVES), st.binary(max_size=200)), max_size=5))
def test_arbitrary_bytes_raise_nothing(arrivals):
    fleet, _ = fed(*arrivals)
    assert fleet.malformed == sum(1 for _, payload in arrivals if payload)


@given(st.sampled_from(sorted(record(1))), anything)
def test_a_record_with_anything_in_any_key_is_taken_or_counted(key, value):
    batch = {"v": 1, "records": [record(1) | {key: value}]}
    fleet, news = fed(("data", json.dumps(batch).encode()))
    assert len(news.changes.records) + fleet.malformed == 1
    for device in fleet.devices.values():
        msgspec.json.encode(device.summary())
        assert all(
            math.isfinite(each or 0.0) for each in (device.newest.values if device.newest else {}).values()
        )


@given(st.sampled_from(LEAVES), anything, st.text(max_size=30))
def test_arbitrary_json_on_any_topic_raises_nothing(leaf, value, text):
    fleet, _ = fed((leaf, json.dumps(value).encode()), (leaf, json.dumps({"v": 1, text: value}).encode()))
    assert fleet.malformed == 2


def test_an_end_that_was_overtaken_by_its_start_stays_an_end():
    fleet, news = fed(("event", event(2, "end", 9)), ("event", event(2, "start", 2)))
    assert [row[3] for row in news.changes.events] == [9, 2]  # the store keeps the higher
    assert fleet.malformed == 0


@pytest.mark.parametrize(
    ("newest", "is_open"),
    [
        (record(5, state="anomalous"), True),
        (record(9, state="normal"), False),
        (record(3), True),
        (record(1, state="anomalous", epoch="f" * 16), False),
    ],
)
def test_an_event_whose_agent_died_is_not_open_for_ever(newest, is_open):
    fleet, news = fed(("event", event(2, "update", 4)), ("data", data(newest)))
    (started,) = news.events["cellar"]
    assert event_to_page(started, fleet.devices["cellar"].summary())["open"] is is_open


@pytest.mark.parametrize(
    ("newest", "is_open"),
    [
        (record(9, state="normal"), True),
        (record(9, state="anomalous"), True),
        (record(9, state="warming"), True),
        (record(1, epoch="f" * 16), False),
    ],
)
def test_an_advisory_is_open_whatever_the_records_say_until_its_journal_is_past(newest, is_open):
    fleet, news = fed(("event", advisory(2, "start", 2)), ("data", data(newest)))
    (started,) = news.events["cellar"]
    assert event_to_page(started, fleet.devices["cellar"].summary())["open"] is is_open
