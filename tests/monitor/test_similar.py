"""Similar events: the same channel and direction, the nearest in size; and events page by page."""

import math
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.message import Event
from monitor.similar import FAR, SHOWN_MOST, distance, similar
from tests.brokers import mosquitto
from tests.monitor import messages
from tests.monitor.messages import EPOCH, NOON, record
from tests.monitor.running import Agent, agent, monitor, until

HOUR_MS = 3_600_000


def made(number: int = 1, *, length_s: float = 600, score: float | None = 4.0, **other: Any) -> Event:
    """An event; its temperature was 4.4 °C below what was expected unless `observed` says otherwise."""
    onset_ms = NOON + number * HOUR_MS
    times = {"onset_ms": onset_ms, "end_ms": onset_ms + round(1000 * length_s)}
    payload = messages.event(number, "end", number + 1, **{"score": score, **times, **other})
    return msgspec.json.decode(payload, type=Event)


def test_an_event_is_no_distance_from_itself_and_one_twice_as_bad_and_four_times_as_long_is_three_away():
    assert distance(made(), made()) == 0.0
    assert distance(made(), made(score=8.0, length_s=2400)) == pytest.approx(3.0)


def test_only_events_of_the_same_kind_channel_and_direction_are_similar():
    above = {"observed": {"temperature_c": 26.0}}
    damp = {"channel": "humidity_pct", "observed": {"humidity_pct": 20.0}, "expected": {"humidity_pct": 45.0}}
    earlier = [made(1), made(2, **above), made(3, **damp), made(4, state="sensor_fault"), made(5)]
    assert [event.id for event, _ in similar(made(9), earlier)] == [5, 1]


def test_the_nearest_comes_first_and_what_is_far_away_does_not_come():
    earlier = [
        made(1, score=64.1, length_s=1200),
        made(2, score=5.0),
        made(3, length_s=60),
        made(4, score=4.1),
    ]
    assert [event.id for event, _ in similar(made(9), earlier)] == [4, 2, 3]


def test_events_without_a_score_are_compared_by_their_length():
    fault = {"state": "sensor_fault", "score": None, "channel": None, "observed": {}, "expected": {}}
    (found,) = similar(made(9, **fault), [made(1, **fault, length_s=1200), made(2)])
    assert found[0].id == 1
    assert found[1] == pytest.approx(1.0)


def test_an_event_whose_end_was_never_told_is_as_long_as_it_is_known_to_be():
    open_one = made(1, end_ms=None, ts_ms=NOON + HOUR_MS + 600_000)
    assert distance(open_one, made(2)) == 0.0


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1e6)), max_size=30),
    st.floats(0, 100),
    st.floats(0, 1e6),
)
def test_the_similar_ones_are_those_of_an_obvious_search(sizes: Any, score: float, length_s: float) -> None:
    event = made(100, score=score, length_s=length_s)
    earlier = [made(i + 1, score=size, length_s=length) for i, (size, length) in enumerate(sizes)]

    def apart(other: Event) -> float:
        lengths = [max((one.end_ms - one.onset_ms) / 1000, 1.0) for one in (event, other) if one.end_ms]
        scores = [max(one.score or 0.0, 0.01) for one in (event, other)]
        return abs(math.log2(lengths[0] / lengths[1])) + abs(math.log2(scores[0] / scores[1]))

    found = similar(event, earlier)
    kept = sorted(apart(other) for other in earlier if apart(other) <= FAR)[:SHOWN_MOST]
    assert [one for _, one in found] == pytest.approx(kept)
    assert [one for _, one in found] == sorted(one for _, one in found)


@pytest.fixture
def served(tmp_path):
    with (
        mosquitto() as broker,
        monitor(broker, tmp_path / "m.db") as (_, client),
        agent(broker) as room,
    ):
        yield client, room


def ids(client: httpx.Client, path: str = "/api/devices/cellar/events", **wanted: Any) -> list[int]:
    return [one["id"] for one in client.get(path, params=wanted).json().get("events", [])]


def send(room: Agent, number: int, **other: Any) -> None:
    room.send("event", messages.event(number, "end", number + 2, **other))


def test_events_come_page_by_page_by_kind_and_by_time(served):
    client, room = served
    room.records(record(1))
    for number in range(10, 60, 10):
        send(room, number, state="sensor_fault" if number == 30 else "anomalous")
    until(lambda: len(ids(client)) == 5)
    assert ids(client, limit=2) == [50, 40]
    assert ids(client, limit=2, before_ms=NOON + 400_000) == [30, 20]
    assert ids(client, kind="sensor_fault") == [30]
    # the one that began before the stretch and ended in it belongs to it
    assert ids(client, from_ms=NOON + 210_000, to_ms=NOON + 400_000) == [40, 30, 20]
    answer = client.get("/api/devices/cellar/events", params={"kind": "earthquake"})
    assert answer.status_code == 400
    assert "kind must be one of anomalous" in answer.json()["error"]


def test_the_events_of_all_rooms_come_in_one_list_newest_first(served):
    client, room = served
    for device, number in (("attic", 10), ("cellar", 20), ("attic", 30)):
        room.device = device
        room.records(record(number))
        send(room, number)
    until(lambda: ids(client, "/api/events") == [30, 20, 10])
    found = client.get("/api/events", params={"limit": 2}).json()["events"]
    assert [(one["device"], one["id"]) for one in found] == [("attic", 30), ("cellar", 20)]


def test_an_event_on_an_older_page_is_not_open_when_a_newer_one_has_begun(served):
    client, room = served
    room.records(record(1))
    room.send("event", messages.event(10, "start", 10))
    room.send("event", messages.advisory(5, "start", 5))
    until(lambda: len(ids(client)) == 2)

    def is_open() -> dict[int, bool]:
        older = client.get("/api/devices/cellar/events", params={"before_ms": NOON + 110_000}).json()[
            "events"
        ]
        return {one["id"]: one["open"] for one in older}

    assert is_open() == {10: True, 5: True}
    room.send("event", messages.event(20, "start", 20))
    until(lambda: len(ids(client)) == 3)
    assert is_open() == {10: False, 5: True}


def test_one_event_comes_with_similar_ones_and_its_neighbours(served):
    client, room = served
    room.records(record(1))
    for number in (10, 20, 30):
        send(room, number, state="sensor_fault" if number == 20 else "anomalous")
    until(lambda: len(ids(client)) == 3)
    told = client.get(f"/api/devices/cellar/events/{EPOCH}/30").json()
    assert told["event"]["why"] == "temperature 4.4 °C below what was expected"
    assert told["event"]["direction"] == -1
    assert [(one["id"], one["distance"]) for one in told["similar"]] == [(10, 0.0)]
    assert told["older"]["id"] == 20
    assert told["newer"] is None
    assert client.get(f"/api/devices/cellar/events/{EPOCH}/10").json()["newer"]["id"] == 20


@pytest.mark.parametrize(
    "path", ["cellar/events/0/10", f"cellar/events/{EPOCH}/{10**30}", "attic/events/0/1"]
)
def test_an_event_that_nobody_has_heard_of_is_not_found(served, path):
    client, room = served
    room.records(record(1))
    until(lambda: client.get("/api/devices/cellar").status_code == 200)
    answer = client.get(f"/api/devices/{path}")
    assert answer.status_code == 404
    assert "no " in answer.json()["error"]
