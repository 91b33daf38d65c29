"""The past at other alarm levels: against a slow oracle, from the store, and over HTTP."""

import time
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import sensitivity, whatif
from monitor.changes import Changes
from monitor.ledger import Ledger
from monitor.message import Event, decode, decode_record
from monitor.orders import PATIENCE_S, Busy, Orders
from monitor.sensitivity import HOUR_MS, MINUTE_MS
from monitor.store import Store
from monitor.whatif import CALM_MS, LEVELS, RELEASE, SHOWN, WEEK_MS, Alarm, Past, past_of, replay
from tests.brokers import mosquitto
from tests.monitor import messages
from tests.monitor.messages import EPOCH, NOON, event, record
from tests.monitor.running import agent, monitor, until


def alarm(number: int, onset_ms: int, end_ms: int, strength: float, level: float = 1.0) -> Alarm:
    return Alarm(EPOCH, number, onset_ms, end_ms, strength, level, "cold", None)


@dataclass
class Open:
    """An alarm of the oracle's, minute by minute."""

    old: bool
    apart: int
    onset_ms: int | None
    strength: float
    end_ms: int


def slow(past: Past, level: float) -> tuple[int, list[tuple[int, int, float]]]:
    """How many alarms, and those that are new: one thing after the other, as a person would count."""
    things = [
        (one.onset_ms, 0, one.end_ms, one.strength, one) for one in past.alarms if one.strength >= level
    ]
    minutes = zip(past.ts_ms.tolist(), past.ends_ms.tolist(), past.strength.tolist(), strict=True)
    things += [(ts, 1, end, x, None) for ts, end, x in minutes if x >= RELEASE * level]
    groups: list[Open] = []
    reach = None
    for onset, _, end, strength, one in sorted(things, key=lambda thing: thing[:2]):
        if reach is None or onset - reach >= CALM_MS:
            groups.append(Open(False, 0, None, 0.0, 0))
            reach = end
        reach = max(reach, end)
        group = groups[-1]
        if one is not None:
            group.old = True
            group.apart += one.level <= level
        elif strength >= level or group.onset_ms is not None:
            group.onset_ms = onset if group.onset_ms is None else group.onset_ms
            group.strength, group.end_ms = max(group.strength, strength), max(group.end_ms, end)
    count = sum(max(group.apart, group.old or group.onset_ms is not None) for group in groups)
    new = [
        (group.onset_ms, group.end_ms, group.strength)
        for group in groups
        if not group.old and group.onset_ms is not None
    ]
    return count, new


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    """Calm minutes at two levels in force, and alarms above them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, alarms = draw(st.integers(0, 60)), draw(st.integers(0, 8))
    at = np.sort(rng.choice(600, count, replace=False)).astype(np.int64) * MINUTE_MS
    width = draw(st.sampled_from([MINUTE_MS, 15 * MINUTE_MS]))
    strength = np.minimum(np.round(rng.uniform(0.3, 1.0, count), draw(st.sampled_from([1, 6]))), 0.999)
    onsets = np.sort(rng.integers(0, 600, alarms)) * MINUTE_MS
    return Past(
        tuple(
            alarm(n, onset, onset + int(rng.integers(0, 60)) * MINUTE_MS, float(rng.uniform(1, 4)), level)
            for n, (onset, level) in enumerate(
                zip(onsets.tolist(), rng.choice([0.6, 1.0, 2.0], alarms).tolist(), strict=True)
            )
        ),
        at,
        at + width,
        strength,
    )


@given(pasts(), st.sampled_from([*LEVELS.tolist()[::4], 0.6, 1.0, 2.0]))
@settings(max_examples=300, deadline=None)
def test_a_replay_is_what_counting_by_hand_gives(past: Past, level: float) -> None:
    found = replay(past, level)
    count, new = slow(past, level)
    assert (found.alarms, found.fresh) == (count, len(new))
    assert [(one.onset_ms, one.end_ms, one.strength) for one in found.new] == new[-SHOWN:]
    assert found.kept.tolist() == [one.strength >= level for one in past.alarms]


@given(pasts())
def test_at_the_level_in_force_all_is_as_it_was(past: Past) -> None:
    as_it_was = Past(
        tuple(alarm(one.id, one.onset_ms, one.end_ms, one.strength) for one in past.alarms),
        past.ts_ms,
        past.ends_ms,
        past.strength,
    )
    found = replay(as_it_was, 1.0)
    assert (found.alarms, found.new, found.kept.all()) == (len(past.alarms), (), True)


def test_minutes_that_lead_up_to_an_alarm_are_part_of_it() -> None:
    minutes = np.array([0, 10, 20, 95, 100], np.int64) * MINUTE_MS
    past = Past(
        (alarm(1, 30 * MINUTE_MS, 40 * MINUTE_MS, 1.5),),
        minutes,
        minutes + MINUTE_MS,
        np.array([0.8, 0.5, 0.5, 0.85, 0.5]),
    )
    assert replay(past, 1.0).alarms == 1
    lower = replay(past, 0.8)
    assert (lower.alarms, lower.fresh) == (2, 1)
    [new] = lower.new
    assert (new.onset_ms, new.end_ms, new.strength) == (95 * MINUTE_MS, 101 * MINUTE_MS, 0.85)
    assert replay(past, 1.6).alarms == 0


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


class Wire:
    """Keeps what is published, and a clock to be moved."""

    def __init__(self) -> None:
        self.now_s, self.up = 0.0, True
        self.sent: list[tuple[str, dict]] = []
        self.orders = Orders(self.ask, lambda: self.now_s)

    def ask(self, name: str, payload: bytes, expiry_s: int) -> bool:
        assert expiry_s == PATIENCE_S
        if self.up:
            self.sent.append((name, msgspec.json.decode(payload)))
        return self.up

    def answer(self, request: str, ok: bool, why: str | None, device: str = "cellar") -> None:
        message = {"v": 1, "request": request, "ok": ok, "why": why}
        self.orders.hear(f"picanary/v1/{device}/res/{request}", msgspec.json.encode(message))


def test_an_order_is_pending_until_it_is_answered_and_silent_after_half_a_minute() -> None:
    wire = Wire()
    order = wire.orders.give("cellar", "recalibrate", {"level": 2.0})
    assert wire.sent == [
        ("picanary/v1/cellar/cmd/recalibrate", {"v": 1, "request": order.request, "level": 2.0})
    ]
    messages.valid("command", wire.sent[0][1])
    with pytest.raises(Busy, match="cellar has not answered"):
        wire.orders.give("cellar", "recalibrate", {"level": 3.0})
    wire.answer(order.request, ok=False, why="from elsewhere", device="attic")
    wire.orders.hear(f"picanary/v1/cellar/res/{order.request}", b"{")
    assert wire.orders.look("cellar", order.request).state == "pending"
    assert wire.orders.look("attic", order.request) is None
    wire.now_s = PATIENCE_S
    silent = wire.orders.look("cellar", order.request)
    assert silent.state == "silent" and "30 seconds" in silent.why
    again = wire.orders.give("cellar", "recalibrate", {"level": 3.0})
    wire.answer(again.request, ok=False, why="not so fast")
    refused = wire.orders.look("cellar", again.request)
    assert (refused.state, refused.why) == ("refused", "not so fast")
    wire.answer(order.request, ok=True, why=None)  # late, but true
    assert wire.orders.look("cellar", order.request).state == "done"
    wire.up = False
    with pytest.raises(Exception, match="nothing was sent"):
        wire.orders.give("cellar", "recalibrate", {})
    wire.up = True
    wire.orders.give("cellar", "recalibrate", {})


def test_a_level_out_of_range_is_not_sent(tmp_path) -> None:
    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        where = "/api/devices/cellar/recalibrate"
        assert client.post(where, json={"level": 2}).status_code == 404
        room.born()
        until(lambda: client.get("/api/devices/cellar").status_code == 200)
        for body in ({"level": 0.1}, {"level": 11}, {"level": "2"}, {}, {"level": 2, "x": 1}, [2]):
            refused = client.post(where, json=body)
            assert refused.status_code == 400 and "not of the expected form" in refused.json()["error"]
        taken = client.post(where, json={"level": 2})
        assert (taken.status_code, taken.json()["state"]) == (202, "pending")
        assert client.get(f"{where}/{taken.json()['request']}").json()["state"] == "pending"
        assert client.get(f"{where}/page-0").status_code == 404
        assert client.post(where, json={"level": 2}).status_code == 409
