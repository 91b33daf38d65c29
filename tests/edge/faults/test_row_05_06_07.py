"""Rows 5, 6 and 7 of the faults: the agent is killed, or asked to end."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from edge.journal import COMMIT_RECORDS, COMMIT_S
from tests.brokers import Broker, mosquitto
from tests.edge.faults.journals import by_number
from tests.edge.test_agent import DEADLINE_S, ROOT, agent, subscriber

# A soak asks for 200.
KILLS = int(os.environ.get("PICANARY_KILLS", "12"))
AGENT_KILLS = max(2, KILLS // 6)

Name = tuple[str, int]  # epoch and number of a record


def flags(broker: Broker, speed: int = 2000) -> list[object]:
    where = ["--broker", f"127.0.0.1:{broker.port}", "--wait"]
    return ["--source", "simulator", "--bundle", "none", "--speed", speed, *where]


def kept(journal: Path) -> dict[int, int]:
    """Wall time in milliseconds by number, of a sound journal."""
    if not journal.exists():
        return {}
    with closing(sqlite3.connect(journal, timeout=10)) as database:
        try:
            assert database.execute("pragma integrity_check").fetchone() == ("ok",)
            return {seq: record["ts_ms"] for seq, record in by_number(database).items()}
        except sqlite3.OperationalError as error:
            assert "no such table" in str(error), error
            return {}


def count(journal: Path) -> int:
    if not journal.exists():
        return 0
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        try:
            return int(database.execute("select count(*) from records").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_row_05_a_kill_with_1500_records_waiting_costs_at_most_the_commit_interval(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    with mosquitto() as broker:
        broker.stop()
        with agent(tmp_path, *flags(broker)) as process:
            deadline = time.monotonic() + DEADLINE_S
            while count(journal) < 1500 and time.monotonic() < deadline:
                time.sleep(0.05)
            killed_ms = time.time() * 1000.0
            process.kill()
            process.wait(DEADLINE_S)
        held = kept(journal)
        assert len(held) >= 1500
        assert sorted(held) == list(range(1, len(held) + 1))
        assert killed_ms - max(held.values()) <= 1000.0 * COMMIT_S
        broker.start()
        with subscriber(broker) as heard, agent(tmp_path, *flags(broker, 600)):
            heard.wait(lambda: len(heard.records()) > len(held) and held.keys() <= heard.records().keys())
            came = {(r["epoch"], r["seq"]) for batch in heard.of("data") for r in batch["records"]}
            before = {epoch for epoch, seq in came if seq in held}
            after = {epoch for epoch, seq in came if seq not in held}
            assert len(before) == len(after) == 1
            assert before != after, "numbers may have been given that were not kept"


WRITER = """
import random, sys, time
from pathlib import Path
from edge.journal import Journal
from edge.message import encode
journal = Journal(Path(sys.argv[1]), commit_s=0.05, most_records=400)
chance = random.Random()
print(journal.epoch, flush=True)
while True:
    events = (b'{}',) if chance.random() < 0.05 else ()
    at, body = time.monotonic(), encode({'n': journal.next_seq})
    seq = journal.append(body, strange=bool(events), events=events)
    print(seq, at, int(bool(events)), flush=True)
    if chance.random() < 0.1:
        journal.mark_sent(journal.last_seq)
        for number, _ in journal.events_after(0, 1):
            journal.remove_event(number)
    time.sleep(chance.choice((0, 0, 0, 0.003, 0.02)))
"""


def test_row_06_kills_at_random_points_corrupt_nothing_and_no_number_is_used_twice(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    chance = random.Random(6)
    given: set[Name] = set()
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(journal)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert child.stdout is not None
        epoch = child.stdout.readline().strip()
        time.sleep(chance.uniform(0.0, 0.4))
        child.kill()
        said = [line.split() for line in child.communicate()[0].splitlines(keepends=True) if line[-1] == "\n"]
        appended = {int(seq): (float(at), event == "1") for seq, at, event in said}
        names = {(epoch, seq) for seq in appended}
        assert not names & given
        given |= names
        with closing(sqlite3.connect(journal)) as database:
            assert database.execute("pragma integrity_check").fetchone() == ("ok",)
            last = int(database.execute("select coalesce(max(seq), 0) from records").fetchone()[0])
            assert all(record["n"] == seq for seq, record in by_number(database).items())
        lost = {seq: about for seq, about in appended.items() if seq > last}
        assert len(lost) < COMMIT_RECORDS
        assert not any(event for _, event in lost.values()), "an event is on disk at once"
        if lost:
            # the interval, and a pause of a busy machine between reading the clock and appending
            assert max(at for at, _ in lost.values()) - min(at for at, _ in lost.values()) <= 0.05 + 0.5


def test_row_06_a_killed_agent_loses_at_most_its_interval_and_gives_no_number_twice(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    chance = random.Random(60)
    with mosquitto() as broker, subscriber(broker) as heard:
        for _ in range(AGENT_KILLS):
            epochs = {message["epoch"] for message in heard.of("info")}
            with agent(tmp_path, *flags(broker, 600)) as process:
                heard.wait(lambda: any(r["epoch"] not in epochs for r in heard.of("state")))  # noqa: B023
                time.sleep(chance.uniform(0.0, 0.8))
                process.kill()
                process.wait(DEADLINE_S)
            held = kept(journal)
            seen = {r["seq"]: r["ts_ms"] for r in heard.of("state") if r["epoch"] not in epochs}
            lost = {ts_ms for seq, ts_ms in seen.items() if seq not in held}
            assert len(lost) <= COMMIT_RECORDS
            assert not lost or max(seen.values()) - min(lost) <= 1000.0 * COMMIT_S
        bodies: dict[Name, object] = {}
        for batch in heard.of("data"):
            for record in batch["records"]:
                assert bodies.setdefault((record["epoch"], record["seq"]), record) == record
        # one that was killed before its first commit leaves nothing
        assert AGENT_KILLS // 2 < len({epoch for epoch, _ in bodies}) <= AGENT_KILLS


def test_row_07_sigterm_says_goodbye_flushes_the_journal_and_ends_within_five_seconds(tmp_path: Path) -> None:
    with mosquitto() as broker:
        with subscriber(broker) as heard, agent(tmp_path, *flags(broker, 600)) as process:
            heard.wait(lambda: len(heard.of("state")) > 5)
            process.send_signal(signal.SIGTERM)
            assert process.wait(5.0) == 0
            newest = max(record["seq"] for record in heard.of("state"))
        assert max(kept(tmp_path / "journal.db")) >= newest
        with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
            assert database.execute("select value from facts where name = 'closed'").fetchone() == (1,)
        with subscriber(broker) as late:
            late.wait(lambda: bool(late.of("status")))
            ((status, retained),) = [(m, r) for name, m, r in late.messages if name == "status"]
            assert (status["state"], retained) == ("disconnected", True)


def test_row_07_sigterm_ends_it_within_five_seconds_when_the_broker_hangs(tmp_path: Path) -> None:
    with mosquitto() as broker:
        with subscriber(broker) as heard, agent(tmp_path, *flags(broker, 600)) as process:
            heard.wait(lambda: len(heard.of("state")) > 5)
            assert broker.process is not None
            broker.process.send_signal(signal.SIGSTOP)
            try:
                process.send_signal(signal.SIGTERM)
                assert process.wait(5.0) == 0
            finally:
                broker.process.send_signal(signal.SIGCONT)
        with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
            assert database.execute("select value from facts where name = 'closed'").fetchone() == (1,)
