"""Rows 40 and 41: what may be asked of an agent, and what it does not listen to."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.journal import Journal
from edge.message import encode
from edge.uplink.commands import BURST, RATE_PER_S
from edge.uplink.request import LATE_S, Refused, Request, parse
from edge.uplink.resend import Resend
from tests.brokers import Broker, mosquitto
from tests.edge.faults.caller import Caller, caller
from tests.edge.faults.journals import by_number
from tests.edge.test_agent import DEADLINE_S, agent, schema, subscriber

NOW_MS = 1_760_000_000_000
UNKNOWN = "0123456789abcdef"


def room(broker: Broker) -> list[object]:
    """A simulated room that makes five records a second and starts in no time."""
    where = ["--broker", f"127.0.0.1:{broker.port}", "--bundle", "none"]
    return ["--source", "simulator", "--speed", 50, "--commit-s", 0.2, *where]


def kept(path: Path) -> dict[int, str]:
    """The numbers on disk with their epochs."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
        return {seq: record["epoch"] for seq, record in by_number(database).items()}


@contextmanager
def at_work(tmp_path: Path, least: int = 20) -> Iterator[tuple[Caller, str]]:
    """An agent with at least so many records, and its epoch."""
    with mosquitto() as broker, caller(broker) as asker, agent(tmp_path, *room(broker)):
        asker.wait(lambda: asker.births > 0)
        deadline = time.monotonic() + DEADLINE_S
        while len(kept(tmp_path / "journal.db")) < least and time.monotonic() < deadline:
            time.sleep(0.1)
        yield asker, kept(tmp_path / "journal.db")[1]


def test_row_40_what_is_no_command_is_ignored_and_counted(tmp_path: Path) -> None:
    old = json.dumps({"v": 1, "request": "old"}).encode()
    with mosquitto() as broker, caller(broker) as asker:
        asker.raw("restart", old, retain=True)
        with agent(tmp_path, *room(broker)) as process:
            asker.wait(lambda: asker.births > 0)
            late_ms = (time.time_ns() - 3600 * 10**9) // 10**6
            asker.raw("identify", b"x" * 1_000_000)
            asker.raw("identify", b"[" * 4000)
            asker.raw("identify", b"{")
            asker.call("identify", "has a space")
            asker.call("identify", "expired", ts_ms=late_ms)
            asker.call("identify", "unknown-field", path="/etc/passwd")
            asker.call("reboot", "unknown-command")
            asker.call("snooze", "too-long", minutes=10**9)
            assert asker.ask("identify", "good", ts_ms=time.time_ns() // 10**6)["ok"]
            asker.call("identify", "good")  # replayed: answered once
            assert asker.ask("identify", "last")["ok"]
            refused = {one["request"]: one["why"] for one in asker.answers if not one["ok"]}
            assert refused.keys() == {"expired", "unknown-field", "unknown-command", "too-long"}
            assert "5 minutes" in refused["expired"]
            assert 'no field "path"' in refused["unknown-field"]
            assert "resend, restart, identify" in refused["unknown-command"]
            assert len(asker.answers_to("good")) == 1
            broker.stop()
            broker.start()
            with caller(broker) as back:  # health comes with each connection
                back.wait(lambda: bool(back.health) and back.health[-1]["faults"]["commands_refused"] >= 10)
                assert back.health[-1]["faults"]["commands_refused"] <= 11, "the kept one may come twice"
            assert process.poll() is None, "the kept command to restart was not carried out"


def test_restart_ends_in_order_with_status_75_once(tmp_path: Path) -> None:
    with mosquitto() as broker, caller(broker) as asker, agent(tmp_path, *room(broker)) as process:
        asker.wait(lambda: asker.births > 0)
        assert asker.ask("restart", "r1") == {"v": 1, "request": "r1", "ok": True, "why": None}
        assert process.wait(DEADLINE_S) == 75
    with sqlite3.connect(tmp_path / "journal.db") as database:
        assert database.execute("select value from facts where name = 'closed'").fetchone() == (1,)
    database.close()


def test_identify_says_who_it_is_snooze_shows_in_health_and_what_cannot_be_done_is_said(
    tmp_path: Path,
) -> None:
    with at_work(tmp_path, least=1) as (asker, _):
        births = asker.births
        assert asker.ask("identify", "i1")["ok"]
        asker.wait(lambda: asker.births > births)
        assert asker.ask("snooze", "s1", minutes=30)["ok"]
        asker.wait(lambda: any(1700 < one["snoozed_s"] <= 1800 for one in asker.health))
        answer = asker.ask("recalibrate", "c1")
        assert (answer["ok"], answer["why"]) == (False, "this agent has nothing to recalibrate")


def test_events_of_a_snoozed_agent_are_sent_and_say_so(tmp_path: Path) -> None:
    with mosquitto() as broker, caller(broker) as asker, subscriber(broker) as heard:
        fast = ["--source", "simulator", "--speed", 600, "--commit-s", 0.2, "--faults-every", 2]
        with agent(tmp_path, *fast, "--broker", f"127.0.0.1:{broker.port}"):
            asker.wait(lambda: asker.births > 0)
            assert asker.ask("snooze", "s1", minutes=30)["ok"]
            heard.wait(lambda: any(event.get("snoozed") for event in heard.of("event")))
            assert asker.ask("snooze", "s2", minutes=0)["ok"]
            heard.wait(lambda: not heard.of("event")[-1].get("snoozed"))
            for event in heard.of("event"):
                schema("event").validate(event)


def test_row_41_a_resend_is_answered_with_what_there_is_and_nothing_is_deleted(tmp_path: Path) -> None:
    with at_work(tmp_path) as (asker, epoch):
        before = kept(tmp_path / "journal.db")
        found = asker.ask("resend", "some", epoch=epoch, **{"from": 3, "to": 12})
        assert (found["ok"], found["sent"], found["gone"], found["why"]) == (True, 10, [], None)
        assert [r["seq"] for batch in asker.again for r in batch["records"]] == list(range(3, 13))
        beyond = asker.ask("resend", "beyond", epoch=epoch, **{"from": 10**6, "to": 2**53 - 1})
        assert (beyond["ok"], beyond["sent"], beyond["gone"]) == (False, 0, [])
        other = asker.ask("resend", "other", epoch=UNKNOWN, **{"from": 1, "to": 2**53 - 1})
        assert (other["ok"], other["sent"], other["gone"]) == (True, 0, [[1, 2**53 - 1]])
        assert "no such number of that epoch" in other["why"]
        asker.call("resend", "negative", epoch=epoch, **{"from": -5, "to": 3})
        assert not asker.answer("negative")["ok"]
        asker.call("resend", "reversed", epoch=epoch, **{"from": 9, "to": 3})
        assert asker.answer("reversed")["why"] == "from 9 is after to 3"
        all_of_it = asker.ask("resend", "all", epoch=epoch, **{"from": 1, "to": 2**53 - 1})
        assert all_of_it["ok"] and all_of_it["sent"] >= 20 and "the newest record is" in all_of_it["why"]
        after = kept(tmp_path / "journal.db")
        assert before.items() <= after.items()


def test_row_41_thousands_of_requests_are_answered_at_the_rate_and_the_records_go_on(tmp_path: Path) -> None:
    with at_work(tmp_path) as (asker, epoch):
        before, began = kept(tmp_path / "journal.db"), time.monotonic()
        for number in range(2000):
            asker.call("resend", f"n{number}", epoch=epoch, **{"from": 1, "to": 20})
        asker.wait(lambda: len(asker.answers) >= 10)
        time.sleep(1.0)  # a while in which too many answers would show
        lasted_s = time.monotonic() - began
        assert len(asker.answers) <= BURST + RATE_PER_S * lasted_s + 1
        assert len({one["request"] for one in asker.answers}) == len(asker.answers)
        assert all(one["ok"] or one["why"].startswith("busy") for one in asker.answers)
        count = len(kept(tmp_path / "journal.db"))
        deadline = time.monotonic() + DEADLINE_S
        while (after := kept(tmp_path / "journal.db")).keys() <= before.keys() or len(after) < count + 5:
            assert time.monotonic() < deadline, "the agent has stopped recording"
            time.sleep(0.1)
        assert before.items() <= after.items()


@given(st.binary(max_size=5000), st.sampled_from(["resend", "snooze", "restart", "format"]))
def test_any_bytes_are_a_request_or_refused_with_a_sentence(payload: bytes, command: str) -> None:
    try:
        request = parse(command, payload, NOW_MS)
    except Refused as error:
        assert str(error)
    else:
        assert request.command == command


JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.none())


@given(st.dictionaries(st.sampled_from(["v", "request", "ts_ms", "epoch", "from", "to", "also"]), JUNK))
def test_only_what_keeps_to_the_list_is_a_request(changed: dict[str, object]) -> None:
    good = {"v": 1, "request": "a", "ts_ms": NOW_MS, "epoch": UNKNOWN, "from": 3, "to": 4}
    message = {**good, **changed}
    try:
        request = parse("resend", json.dumps(message).encode(), NOW_MS)
    except Refused:
        return
    assert message.keys() == good.keys()
    assert message["v"] == 1 and abs(int(message["ts_ms"]) - NOW_MS) <= 1000 * LATE_S  # type: ignore[call-overload]
    assert request.fields == {name: message[name] for name in ("epoch", "from", "to")}
    assert 1 <= request.fields["from"] <= request.fields["to"]


def test_without_a_clock_that_is_set_no_request_is_too_old() -> None:
    old = json.dumps({"v": 1, "request": "a", "ts_ms": NOW_MS - 10**9}).encode()
    assert parse("identify", old, None).id == "a"
    with pytest.raises(Refused, match="5 minutes"):
        parse("identify", old, NOW_MS)


def asked_of(journal: Journal, epoch: str, first: int, last: int) -> tuple[list[int], dict[str, object]]:
    """What one request brings: the numbers that are sent, and the answer."""
    sent: list[bytes] = []
    ticks = iter(range(10**6))

    def send(_leaf: str, payload: bytes, told: object) -> bool:
        sent.append(payload)
        told(None)  # type: ignore[operator]
        return True

    desk = Resend(journal, send, lambda: None, clock=lambda: float(next(ticks)))
    desk.take(Request("resend", "a", {"epoch": epoch, "from": first, "to": last}))
    while desk.wait_s is not None:
        desk.step()
    *batches, answer = [json.loads(payload) for payload in sent]
    return [one["seq"] for batch in batches for one in batch["records"]], answer


@settings(deadline=None)
@given(
    epochs=st.lists(st.integers(1, 70), min_size=1, max_size=5),
    most=st.integers(20, 200),
    data=st.data(),
)
def test_each_number_asked_for_is_sent_or_gone_or_not_there_yet(
    tmp_path_factory: pytest.TempPathFactory, epochs: list[int], most: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    truth: dict[int, str] = {}
    for place, count in enumerate(epochs):
        journal = Journal(path, commit_s=1e9, commit_records=25, most_records=most)
        for _ in range(count):
            made = {"v": 1, "epoch": journal.epoch, "seq": journal.next_seq}
            journal.append(encode(made), strange=made["seq"] % 7 == 0)
            truth[made["seq"]] = journal.epoch
        journal.commit()
        if place < len(epochs) - 1:
            _abandon(journal)
    try:  # a draw may end the test
        epoch = data.draw(st.sampled_from(sorted(set(truth.values()) | {UNKNOWN})))
        first = data.draw(st.integers(1, 400))
        last = data.draw(st.integers(first, 500))
        sent, answer = asked_of(journal, epoch, first, last)
        current, newest, there = journal.epoch, journal.last_seq, kept(path)
    finally:
        journal.close()
    asked = set(range(first, last + 1))
    assert sent == sorted(seq for seq in asked if there.get(seq) == epoch)
    assert answer["sent"] == len(sent)
    gone = {seq for one in answer["gone"] for seq in range(one[0], one[1] + 1)}  # type: ignore[attr-defined]
    later = {seq for seq in asked if seq > newest and epoch == current}
    assert gone == asked - set(sent) - later
    assert answer["ok"] == (later != asked)


def _abandon(journal: Journal) -> None:
    """As a power cut leaves it: all is committed, nothing is closed in order."""
    journal._disk.close()
