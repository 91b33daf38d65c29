"""What did not come is asked for, what nobody has any more is declared, and no agent is pestered."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from monitor.ledger import Ledger
from monitor.repair import ANSWER_S, GRACE_S, LONGEST_PAUSE_S, MOST_RECORDS
from monitor.store import Changes, Store
from tests.brokers import mosquitto
from tests.monitor.messages import EPOCH, record, status, valid
from tests.monitor.repair_bench import Bench
from tests.monitor.running import agent, monitor, until

LATER = "fedcba9876543210"


@given(
    came=st.lists(st.integers(1, 40), min_size=1, max_size=60),
    steps=st.lists(
        st.tuples(st.sampled_from(["declare", "enter", "promise", "cover"]), st.integers(1, 60)), max_size=30
    ),
)
def test_a_seq_is_had_or_missing_or_gone_and_never_two_of_them(came, steps):
    ledger, had, gone = Ledger(), set(), set()
    for seq in came:
        ledger.enter(seq)
        had.add(seq)
    known, least = max(had), min(had)
    for act, seq in steps:
        if act == "enter":
            assert ledger.enter(seq) == (seq not in had)
            had.add(seq)
            gone.discard(seq)
            known, least = max(known, seq), min(least, seq)
        elif act == "promise":
            assert ledger.promise(seq) == (seq > known)
            known = max(known, seq)
        elif act == "cover":
            assert ledger.cover(seq, seq + 4) == (seq < least or seq + 4 > known)
            known, least = max(known, seq + 4), min(least, seq)
        else:
            lost = set(range(seq, seq + 7)) & set(range(least, known + 1)) - had - gone
            assert ledger.declare(seq, seq + 6, f"cause {seq % 2}") == len(lost)
            gone |= lost
        everything = set(range(least, known + 1))
        assert {s for low, high, _ in ledger.declared for s in range(low, high + 1)} == gone
        assert {s for low, high in ledger.gaps for s in range(low, high + 1)} == everything - had - gone
        assert (ledger.had, ledger.missing, ledger.gone) == (
            len(had),
            len(everything - had - gone),
            len(gone),
        )
        assert ledger.gaps == sorted(ledger.gaps) and ledger.declared == sorted(ledger.declared)


def test_a_gap_is_asked_for_after_a_grace_and_only_once_at_a_time():
    bench = Bench()
    bench.records(1, 2, 6)
    assert bench.wait(0.1) == 0
    assert bench.wait(GRACE_S) == 1
    assert {name: bench.asked[0][name] for name in ("epoch", "from", "to")} == {
        "epoch": EPOCH,
        "from": 3,
        "to": 5,
    }
    assert bench.wait(GRACE_S) == 1, "the first has not been answered"
    bench.records(3, 4, 5)
    bench.answer(sent=3)
    assert bench.wait(100.0) == 1
    assert bench.counts == (6, 0, 0)


def test_what_is_on_its_way_is_not_asked_for():
    bench = Bench()
    bench.records(1, 3)
    bench.wait(GRACE_S / 2)
    bench.records(2)
    assert bench.wait(GRACE_S) == 0


def test_what_is_gone_is_declared_with_its_cause_and_comes_back_if_it_comes():
    bench = Bench()
    bench.records(1, 9)
    bench.wait(0.0)
    bench.wait(GRACE_S)
    bench.records(8)
    news = bench.answer(sent=1, gone=([2, 7],))
    assert (EPOCH in {epoch for _, epoch in news.changes.ledgers}) and bench.counts == (3, 0, 6)
    journal = bench.fleet.devices["cellar"].summary()["journals"][EPOCH]
    assert journal["gone"] == [(2, 7, "the journal was full: old records made way")]
    assert bench.wait(1000.0) == 1
    bench.records(5)
    assert bench.counts == (4, 0, 5)


def test_an_agent_that_does_not_answer_is_asked_ever_less_often_until_it_is_born_again():
    bench = Bench()
    bench.records(1, 3)
    for _ in range(4 * 3600):
        bench.wait(1.0)
    most = 4 * 3600 / (LONGEST_PAUSE_S + ANSWER_S) + 9
    assert 5 < len(bench.asked) <= most
    assert len({one["request"] for one in bench.asked}) == len(bench.asked)
    before = len(bench.asked)
    bench.take("status", status("online", "s2"))
    bench.wait(1.0)
    assert bench.wait(1.0) == before + 1


def test_a_broker_that_was_away_may_have_lost_what_was_asked():
    bench = Bench()
    bench.records(1, 3)
    bench.wait(0.0)
    assert bench.wait(GRACE_S) == 1
    bench.repair.begin_again()
    bench.wait(0.0)
    assert bench.wait(GRACE_S) == 2


def test_an_answer_without_progress_is_no_reason_to_hurry():
    bench = Bench()
    bench.records(1, 3)
    bench.wait(0.0)
    for _ in range(60):
        count = len(bench.asked)
        if bench.wait(1.0) > count:
            bench.answer(sent=1)  # that never comes
    assert len(bench.asked) <= 5


def test_after_a_refusal_the_next_gap_has_its_turn():
    bench = Bench()
    bench.records(1, 3, 5)
    bench.wait(0.0)
    bench.wait(GRACE_S)
    bench.answer(ok=False)
    bench.wait(60.0)
    assert [one["from"] for one in bench.asked] == [2, 4]


def test_an_agent_that_is_away_is_not_asked_and_a_long_gap_is_asked_for_in_parts():
    bench = Bench()
    bench.take("status", status("offline"))
    bench.records(1, 20_000)
    bench.wait(0.0)
    assert bench.wait(60.0) == 0
    bench.take("status", status("online", "s2"))
    bench.connected = False
    assert bench.wait(60.0) == 0
    bench.connected = True
    assert bench.wait(1.0) == 1
    assert (bench.asked[0]["from"], bench.asked[0]["to"]) == (2, MOST_RECORDS + 1)


def test_somebody_elses_answer_declares_nothing():
    bench = Bench()
    bench.records(1, 3)
    told = {"v": 1, "request": "theirs", "ok": True, "sent": 0, "gone": [[2, 2]], "why": "no"}
    bench.take("res/theirs", valid("response", told))
    assert bench.counts == (2, 1, 0)


def test_what_was_declared_is_there_after_a_restart_and_an_older_store_is_taken_over(tmp_path):
    path = tmp_path / "monitor.db"
    with opened(path) as store:
        ledger = Ledger(1, 9, [(2, 3)], [(5, 6, "cap")])
        store.commit(Changes(ledgers={("cellar", EPOCH): ledger}))
    with opened(path) as store:
        assert store.ledgers() == {("cellar", EPOCH): ledger}
    with closing(sqlite3.connect(path)) as older:
        older.executescript("ALTER TABLE journals DROP COLUMN declared; PRAGMA user_version = 1")
    with opened(path) as store:
        assert store.ledgers() == {("cellar", EPOCH): Ledger(1, 9, [(2, 3)], [])}


@contextmanager
def opened(path: Any) -> Iterator[Store]:
    store = Store(path)
    try:
        yield store
    finally:
        store.close()


def test_over_a_real_broker_it_asks_and_shows_what_is_gone(tmp_path):
    asked: list[dict[str, Any]] = []
    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as cellar:
        settings = BrokerSettings("127.0.0.1", broker.port, "ear")
        ear = Connection(settings, on_message=lambda _, payload, __: asked.append(json.loads(payload)))
        ear.subscribe("picanary/v1/cellar/cmd/resend")
        ear.start()
        ear.wait_connected(10.0)
        cellar.born()
        cellar.records(record(1), record(2), record(6))
        until(lambda: asked)
        assert (asked[0]["from"], asked[0]["to"]) == (3, 5)
        cellar.records(record(3))
        told = {
            "v": 1,
            "request": asked[0]["request"],
            "ok": True,
            "sent": 1,
            "gone": [[4, 5]],
            "why": "full",
        }
        cellar.send(f"res/{asked[0]['request']}", valid("response", {**told, "causes": ["cap"]}))

        def counts() -> dict[str, int]:
            return client.get("/api/devices/cellar").json()["counts"]

        until(lambda: counts()["gone"] == 2)
        assert (counts()["received"], counts()["missing"]) == (4, 0)
        ear.stop()
