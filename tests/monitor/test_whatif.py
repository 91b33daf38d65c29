"""The past at other alarm levels: what is kept of it, from the store, and over HTTP."""

import time

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import sensitivity, whatif
from monitor.changes import Changes
from monitor.ledger import Ledger
from monitor.message import Event, decode, decode_record
from monitor.sensitivity import HOUR_MS, MINUTE_MS
from monitor.store import Store
from monitor.whatif import LEVELS, WEEK_MS, past_of, replay
from tests.brokers import mosquitto
from tests.monitor import messages
from tests.monitor.messages import EPOCH, NOON, event, record
from tests.monitor.running import agent, monitor, until


@given(st.floats(0, 30))
def test_a_strength_is_kept_to_three_percent_and_never_rounded_up(strength: float) -> None:
    byte = sensitivity._to_byte(strength)
    assert 1 <= byte <= 255
    told = 0.05 * np.exp(sensitivity._STEP * (byte - 1))
    if 0.05 <= strength <= 20:
        assert told <= strength * (1 + 1e-6) and told >= strength * 0.97


def health(ts_ms: int, ratio: float | None, level: float | None = 1.0) -> bytes:
    nearest = None if ratio is None else {"signal": "vapour", "ratio": ratio}
    made = msgspec.json.decode(messages.health())
    return messages.valid("health", {**made, "ts_ms": ts_ms, "level": level, "nearest": nearest})


def commit(store: Store, leaf: str, payload: bytes) -> None:
    changes = Changes()
    changes.devices["cellar"] = {leaf: payload}
    store.commit(changes)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "m.db")
    yield made
    made.close()


def test_what_health_tells_is_kept_by_the_minute_in_units_of_the_calibrated_level(store) -> None:
    now_ms = int(time.time() * 1000)
    commit(store, "health", health(now_ms, 0.5))
    commit(store, "health", health(now_ms + 1, 0.3))
    commit(store, "health", health(now_ms + 120_000, 0.4, level=2.0))
    commit(store, "health", health(now_ms - HOUR_MS, 0.9))  # kept by the broker since then
    commit(store, "health", health(now_ms, None, level=None))
    commit(store, "health", b"{")
    commit(store, "health", messages.health())
    with store.reading() as run:
        ts_ms, strength = sensitivity.nearness(run, "cellar", now_ms - HOUR_MS, now_ms + HOUR_MS)
        levels = sensitivity.levels(run, "cellar")
    assert strength == pytest.approx([0.5, 0.8], rel=0.03)
    assert ts_ms.tolist() == [(at - 30_000) // MINUTE_MS * MINUTE_MS for at in (now_ms, now_ms + 120_000)]
    assert [level for _, level in levels] == [1.0, 2.0]
    times = np.array([0, levels[0][0], levels[1][0], levels[1][0] + HOUR_MS])
    assert sensitivity.level_at(levels, times).tolist() == [1.0, 1.0, 2.0, 2.0]


def test_a_device_that_makes_way_takes_its_levels_along(store) -> None:
    commit(store, "health", health(int(time.time() * 1000), 0.5))
    changes = Changes()
    changes.forgotten.append("cellar")
    store.commit(changes)
    with store.reading() as run:
        assert sensitivity.levels(run, "cellar") == []
        assert len(sensitivity.nearness(run, "cellar", 0, 2**53)[0]) == 0


def fill(store: Store, rows: list[dict], events: list[bytes] = []) -> None:  # noqa: B006
    changes = Changes()
    changes.devices["cellar"] = {"status": messages.status("online")}
    changes.records = [("cellar", decode_record(msgspec.json.encode(row))) for row in rows]
    changes.ledgers["cellar", EPOCH] = Ledger(1, len(rows))
    for payload in events:
        told = decode(payload, Event)
        changes.events.append(("cellar", EPOCH, told.id, told.seq, told.onset_ms, msgspec.json.encode(told)))
    store.commit(changes)


def test_where_nothing_was_told_the_score_of_calm_minutes_stands_for_it(store) -> None:
    rows = [record(seq, score=0.2) for seq in range(1, 1500)]
    rows[300] |= {"score": 0.9}
    rows[900] |= {"state": "anomalous", "score": 3.0, "anomaly": True}
    # the second was told by an agent that knows no ratio: its score stands for it
    fill(store, rows, [event(901, "end", 901, ratio=1.8), event(1200, "end", 1201, score=2.5)])
    span = (NOON, NOON + 20_000_000)
    with store.reading() as run:
        past, told = past_of(run, "cellar", span)
    assert told == 0.0
    assert [one.strength for one in past.alarms] == [1.8, 2.5]
    assert past.first_ms == NOON + 10_000
    assert past.strength.tolist() == pytest.approx([0.9**whatif.SCORE_POWER], rel=1e-3)
    answer = whatif.answer(past, span, 1.0)
    counts = dict(zip(answer["levels"], answer["alarms"], strict=True))
    assert [counts[level] for level in (0.5, 1.0, 5.0)] == [3, 2, 0]
    assert answer["alarms"][np.searchsorted(LEVELS, 2.0)] == 1
    assert (
        answer["new_count"][0] == 1 and answer["new"][0][0][0] // MINUTE_MS == (NOON + 3_010_000) // MINUTE_MS
    )


def test_told_minutes_outrank_the_score_and_an_alarm_counts_at_the_level_then_in_force(store) -> None:
    start = int(time.time() * 1000) - 600_000
    rows = [record(seq, ts_ms=start + 10_000 * seq, score=0.95) for seq in range(1, 61)]
    fill(store, rows, [event(50, "end", 51, onset_ms=start + 590_000, end_ms=start + 595_000, ratio=1.5)])
    with store.writing() as run:
        run("INSERT INTO levels VALUES ('cellar', ?, 2.0)", (start - 1,))
        for minute in range(-1, 12):
            sensitivity._keep_nearness(run, "cellar", start + minute * MINUTE_MS, 0.4)
    with store.reading() as run:
        past, told = past_of(run, "cellar", (start, start + 600_000))
    assert told == 1.0
    assert [one.strength for one in past.alarms] == [3.0]
    assert past.strength == pytest.approx([0.4] * len(past.strength), rel=0.03)
    assert replay(past, 2.9).alarms == 1 and replay(past, 3.1).alarms == 0


def test_a_year_is_answered_from_quarters_of_an_hour(store) -> None:
    rows = [record(seq, ts_ms=NOON + 600_000 * seq, score=0.2) for seq in range(1, 8000)]
    rows[4000] |= {"score": 0.9}
    fill(store, rows)
    end = NOON + 600_000 * 8000
    with store.reading() as run:
        past, _ = past_of(run, "cellar", (end - 52 * WEEK_MS, end))
        shorter, _ = past_of(run, "cellar", (end - 12 * WEEK_MS, end))
    assert (past.ends_ms - past.ts_ms).tolist() == [15 * MINUTE_MS]
    assert (shorter.ends_ms - shorter.ts_ms).tolist() == [MINUTE_MS]


def test_over_http_with_labels(tmp_path) -> None:
    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        assert client.get("/api/devices/cellar/whatif").status_code == 404
        room.born(level=1.0)
        for first in range(1, 400, 50):
            room.records(*[record(seq) for seq in range(first, first + 50)])
        for number, ratio in ((100, 1.2), (300, 2.4)):
            room.send("event", event(number, "end", number + 2, ratio=ratio))
        until(lambda: len(client.get("/api/devices/cellar/events").json().get("events", [])) == 2)
        said = {"verdict": "true_alarm", "note": ""}
        where = f"/api/devices/cellar/labels/{EPOCH}/300"
        assert client.put(where, json=said).status_code == 200
        found = client.get("/api/devices/cellar/whatif?weeks=1").json()
        assert [one["verdict"] for one in found["were"]] == [None, "true_alarm"]
        at = {name: dict(zip(found["levels"], found[name], strict=True)) for name in ("alarms", "true_lost")}
        high = found["levels"][int(np.searchsorted(LEVELS, 2.5))]
        assert (at["alarms"][1.0], at["alarms"][high]) == (2, 0)
        assert (at["true_lost"][1.0], at["true_lost"][high], found["true"]) == (0, 1, 1)
        assert found["from_ms"] == NOON + 10_000
        assert client.get("/api/devices/cellar/whatif?weeks=0").status_code == 400
