"""From a real broker to the answers of a real server."""

import json
import threading

import httpx
import pytest

from tests.brokers import mosquitto
from tests.monitor.messages import NOON, advisory, event, record, status
from tests.monitor.running import agent, monitor, until


@pytest.fixture
def broker():
    with mosquitto() as running:
        yield running


def counts(client: httpx.Client, device: str = "cellar") -> dict[str, int]:
    answer = client.get(f"/api/devices/{device}")
    return answer.json()["counts"] if answer.status_code == 200 else {}


def test_records_arrive_are_counted_and_come_back_as_columns(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        room.born()
        room.records(*[record(seq) for seq in range(1, 51)])
        room.records(record(50), *[record(seq) for seq in range(61, 71)])
        room.send("data", b"rubbish")
        until(lambda: counts(client).get("received") == 60)
        assert counts(client) == {"received": 60, "missing": 10, "gone": 0, "repeated": 1, "malformed": 1}
        (listed,) = client.get("/api/devices").json()["devices"]
        assert listed["condition"] == "normal"
        assert listed["info"]["channels"][0]["unit"] == "°C"
        series = client.get("/api/devices/cellar/series", params={"points": 600}).json()
        assert series["count"] == 60
        assert series["state"].count(None) == 1
        assert {len(series["ts_ms"])} == {
            len(series["score"]),
            len(series["channels"]["humidity_pct"]["spread"]),
        }
        part = client.get(
            "/api/devices/cellar/series", params={"from_ms": NOON + 20_000, "to_ms": NOON + 40_000}
        ).json()
        assert part["ts_ms"] == [NOON + 20_000, NOON + 30_000, NOON + 40_000]


def test_events_come_newest_first_and_say_whether_they_are_open(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        for payload in (event(3, "start", 3), event(3, "end", 6), event(9, "start", 9)):
            room.send("event", payload)

        def found():
            answer = client.get("/api/devices/cellar/events", params={"limit": 10})
            events = answer.json().get("events", [])
            return [(one["id"], one["open"]) for one in events]

        until(lambda: found() == [(9, True), (3, False)])
        assert len(client.get("/api/devices/cellar/events", params={"limit": 1}).json()["events"]) == 1


def test_an_advisory_is_open_beside_an_alarm_and_each_is_past_when_another_of_its_own_has_come(
    broker, tmp_path
):
    with monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:

        def found():
            events = client.get("/api/devices/cellar/events").json().get("events", [])
            return [(one["id"], one["state"], one["open"]) for one in events]

        room.records(record(1))
        for payload in (advisory(3, "start", 3), event(5, "start", 5), event(6, "start", 6)):
            room.send("event", payload)
        alarms = [(6, "anomalous", True), (5, "anomalous", False)]
        until(lambda: found() == [*alarms, (3, "advisory", True)])
        room.records(record(7))
        alarms[0] = (6, "anomalous", False)
        until(lambda: found() == [*alarms, (3, "advisory", True)])
        room.send("event", advisory(9, "start", 9))
        until(lambda: found() == [(9, "advisory", True), *alarms, (3, "advisory", False)])
        room.send("event", advisory(9, "end", 12))
        until(lambda: found()[0] == (9, "advisory", False))


def test_what_came_is_there_after_a_restart_and_repeats_are_still_known(broker, tmp_path):
    with agent(broker) as room:
        with monitor(broker, tmp_path / "m.db") as (_, client):
            room.born()
            room.records(record(1), record(2), record(5))
            until(lambda: counts(client).get("received") == 3)
        with monitor(broker, tmp_path / "m.db") as (_, client):
            assert counts(client)["missing"] == 2
            room.records(record(2), record(3))
            until(lambda: counts(client)["received"] == 4)
            assert counts(client) == {"received": 4, "missing": 1, "gone": 0, "repeated": 1, "malformed": 0}


def test_the_late_will_of_an_old_session_puts_nobody_offline(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        room.born("new")
        room.send("status", status("offline", "old"), retain=True)
        room.records(record(1))
        until(lambda: counts(client).get("received") == 1)
        assert client.get("/api/devices/cellar").json()["presence"] == "online"
        room.send("status", status("offline", "new"), retain=True)
        until(lambda: client.get("/api/devices/cellar").json()["condition"] == "offline")


def test_a_frame_streams_within_a_moment_of_a_record(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        with client.stream("GET", "/live", params={"device": "cellar"}) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.iter_lines()
            assert next(lines).startswith("retry: ")
            room.records(record(1, temperature_c=7.5))
            frame = json.loads(next(line for line in lines if line.startswith('data: {"'))[6:])
        assert frame["open"]["records"][0]["values"]["temperature_c"] == 7.5
        assert frame["devices"][0]["counts"]["received"] == 1


def test_a_broker_that_goes_away_is_said_and_its_return_too(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (running, client):
        assert client.get("/healthz").json()["ok"] is True
        broker.kill()
        until(lambda: client.get("/healthz").status_code == 503)
        assert "broke" in client.get("/api/devices").json()["problem"] or not running.connection.connected
        broker.start()
        until(lambda: client.get("/healthz").status_code == 200)
        with agent(broker) as room:
            room.records(record(1))
            until(lambda: counts(client).get("received") == 1)


def test_with_wait_the_page_is_there_before_the_broker(broker, tmp_path):
    broker.stop()
    with monitor(broker, tmp_path / "m.db", wait=True) as (_, client):
        assert client.get("/").status_code == 200
        until(lambda: "nobody listens" in (client.get("/api/devices").json()["problem"] or ""))
        broker.start()
        until(lambda: client.get("/healthz").status_code == 200)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("from_ms=yesterday", "from_ms must be a whole number, not 'yesterday'"),
        ("to_ms=1e99", "to_ms must be a whole number"),
        ("from_ms=5&to_ms=4", "from_ms=5 is later than to_ms=4"),
        ("points=0", "points=0 must be between 1 and 5000"),
        ("points=99999999", "must be between"),
        ("from_ms=99999999999999999999", "must be between"),
    ],
)
def test_a_wrong_question_gets_a_sentence(broker, tmp_path, query, why):
    with monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        room.records(record(1))
        until(lambda: counts(client))
        answer = client.get(f"/api/devices/cellar/series?{query}")
        assert answer.status_code == 400
        assert why in answer.json()["error"]
        assert client.get("/api/devices/cellar/events?limit=-1").status_code == 400


def test_what_does_not_exist_is_404_and_nothing_outside_static_is_served(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (_, client):
        for path in ("/api/devices/none", "/api/devices/none/series", "/api/devices/none/events", "/none"):
            assert client.get(path).status_code == 404
        assert "no device" in client.get("/api/devices/none").json()["error"]
        for path in ("/static/../web.py", "/static/%2e%2e/web.py", "/static//etc/passwd"):
            assert client.get(path).status_code == 404
        assert client.post("/api/devices", json={}).status_code == 405


def test_every_answer_forbids_foreign_code_and_frames(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (_, client):
        for path in ("/", "/static/main.js", "/api/devices", "/none", "/healthz"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy and "http" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"


def test_many_pages_read_while_records_come_in(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        room.born()
        room.records(record(1))
        until(lambda: counts(client))
        wrong: list[int] = []

        def read() -> None:
            for _ in range(10):
                for path in ("/api/devices", "/api/devices/cellar/series", "/api/devices/cellar/events"):
                    status_code = client.get(path).status_code
                    if status_code != 200:
                        wrong.append(status_code)

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        for start in range(2, 2002, 50):
            room.records(*[record(seq) for seq in range(start, start + 50)])
        for reader in readers:
            reader.join()
        until(lambda: counts(client)["received"] == 2001)
        assert not wrong
        assert counts(client) == {"received": 2001, "missing": 0, "gone": 0, "repeated": 0, "malformed": 0}


def test_text_from_mqtt_comes_back_as_data_and_never_as_a_page(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        room.records(record(1, why="<script>alert(1)</script>"))
        until(lambda: counts(client))
        answer = client.get("/api/devices/cellar")
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json()["newest"]["why"] == "<script>alert(1)</script>"
