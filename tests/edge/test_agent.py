"""The whole agent as a user starts it, against a real broker."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import paho.mqtt.client as paho
import pytest
from referencing import Registry, Resource

from edge.csvfile import write_csv
from edge.sources.fault import Fault
from edge.sources.simulator import simulate
from tests.brokers import Broker, amqtt_broker, free_port, mosquitto

ROOT = Path(__file__).parents[2]
DEADLINE_S = 120.0


class Subscriber:
    """A consumer written with paho, as a user would write one."""

    def __init__(self, port: int, session: str | None = None) -> None:
        """With the name of a session the broker keeps what comes while nobody is there."""
        self.messages: list[tuple[str, dict[str, Any], bool]] = []
        self._changed = threading.Condition()
        kept = {"client_id": session, "clean_session": False} if session else {}
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311, **kept)
        self._client.on_connect = lambda client, *_: client.subscribe("picanary/v1/+/+", 1)
        self._client.on_message = self._received
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(DEADLINE_S)

    def _received(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.messages.append(
                (message.topic.split("/", 3)[3], json.loads(message.payload), message.retain)
            )
            self._changed.notify_all()

    def of(self, leaf: str) -> list[dict[str, Any]]:
        return [message for name, message, _ in list(self.messages) if name == leaf]

    def records(self) -> dict[int, dict[str, Any]]:
        return {record["seq"]: record for batch in self.of("data") for record in batch["records"]}

    def wait(self, condition: Callable[[], bool], timeout_s: float = DEADLINE_S) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s), [name for name, _, _ in self.messages][-20:]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def subscriber(broker: Broker, session: str | None = None) -> Iterator[Subscriber]:
    listening = Subscriber(broker.port, session)
    try:
        yield listening
    finally:
        listening.close()


@contextmanager
def agent(tmp_path: Path, *flags: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "edge", "--device", "cellar", "--journal", str(tmp_path / "journal.db")]
    process = subprocess.Popen(
        [*command, *map(str, flags)], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        _, said = process.communicate()
        sys.stderr.write(said or "")  # shown where the test fails


def fast(bundle: Path, broker: Broker | None) -> list[object]:
    where = ["--broker", f"127.0.0.1:{broker.port}"] if broker else []
    return ["--source", "simulator", "--bundle", bundle, "--speed", 600, "--commit-s", 0.2, *where]


def schema(name: str) -> jsonschema.Draft202012Validator:
    folder = ROOT / "edge/schema"
    every = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
    registry: Any = Registry().with_resources([(n, Resource.from_contents(s)) for n, s in every.items()])
    return jsonschema.Draft202012Validator(every[f"{name}.json"], registry=registry)


def test_every_message_keeps_to_the_schema(room_bundle: Path, tmp_path: Path) -> None:
    with (
        mosquitto() as broker,
        subscriber(broker) as heard,
        agent(tmp_path, *fast(room_bundle, broker), "--faults-every", 2) as process,
    ):
        heard.wait(lambda: len(heard.records()) > 300 and len(heard.of("event")) > 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
        heard.wait(lambda: heard.of("status")[-1]["state"] == "disconnected")
        leaves = {name for name, _, _ in heard.messages}
        assert leaves == {"status", "info", "state", "data", "event", "health", "model"}
        for leaf, message, _ in heard.messages:
            schema("record" if leaf == "state" else leaf).validate(message)
        assert heard.of("info")[0]["session"] == heard.of("status")[0]["session"]
        assert all(record["sim"] for record in heard.records().values())


def test_no_record_is_missing_or_twice_in_the_order_of_the_journal(room_bundle: Path, tmp_path: Path) -> None:
    with mosquitto() as broker, subscriber(broker) as heard:
        with agent(tmp_path, *fast(room_bundle, broker)) as process:
            heard.wait(lambda: len(heard.records()) > 200)
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0
        with sqlite3.connect(tmp_path / "journal.db") as database:
            kept = [seq for (seq,) in database.execute("select seq from records order by seq")]
        database.close()
        heard.wait(lambda: len(heard.records()) == len(kept))
        came = [record["seq"] for batch in heard.of("data") for record in batch["records"]]
        assert came == kept == list(range(1, len(kept) + 1))


def test_sigterm_ends_it_cleanly_within_five_seconds(room_bundle: Path, tmp_path: Path) -> None:
    with (
        mosquitto() as broker,
        subscriber(broker) as heard,
        agent(tmp_path, *fast(room_bundle, broker)) as process,
    ):
        heard.wait(lambda: bool(heard.records()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(5.0) == 0
        heard.wait(lambda: heard.of("status")[-1]["state"] == "disconnected")


def test_a_killed_agent_is_offline_by_its_will(room_bundle: Path, tmp_path: Path) -> None:
    with (
        mosquitto() as broker,
        subscriber(broker) as heard,
        agent(tmp_path, *fast(room_bundle, broker)) as process,
    ):
        heard.wait(lambda: bool(heard.records()))
        process.kill()
        heard.wait(lambda: heard.of("status")[-1]["state"] == "offline")
        assert heard.of("status")[-1]["session"] == heard.of("info")[-1]["session"]


def _count(journal: Path) -> int:
    if not journal.exists():
        return 0
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=10) as database:
        try:
            return int(database.execute("select count(*) from records").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_a_broker_killed_mid_stream_costs_nothing(room_bundle: Path, tmp_path: Path) -> None:
    with mosquitto() as broker, agent(tmp_path, *fast(room_bundle, broker)):
        with subscriber(broker) as before:
            before.wait(lambda: len(before.records()) > 100)
            broker.kill()
        broker.start()
        with subscriber(broker) as after:
            top = max(before.records())
            after.wait(lambda: max(after.records(), default=0) > top + 100)
            came = set(before.records()) | set(after.records())
            # what the agent could not know to be delivered it sends again; nothing is skipped
            missing = set(range(1, max(after.records()))) - came
            assert len(missing) <= 20 * 50, "more than was under way when the broker died"
            assert min(missing, default=top) >= min(max(before.records()) - 20 * 50, top)


def test_an_old_broker_without_mqtt_5_will_do(room_bundle: Path, tmp_path: Path) -> None:
    with amqtt_broker() as broker, subscriber(broker) as heard, agent(tmp_path, *fast(room_bundle, broker)):
        heard.wait(lambda: len(heard.records()) > 50)


def test_without_a_bundle_readings_come_without_a_verdict_and_it_says_so(tmp_path: Path) -> None:
    with (
        mosquitto() as broker,
        subscriber(broker) as heard,
        agent(
            tmp_path,
            "--source",
            "simulator",
            "--speed",
            100,
            "--bundle",
            "none",
            "--commit-s",
            0.2,
            "--broker",
            f"127.0.0.1:{broker.port}",
        ) as process,
    ):
        heard.wait(lambda: len(heard.records()) > 10)
        record = heard.records()[1]
        assert (record["state"], record["score"], record["anomaly"], record["model"]) == (
            "no_model",
            None,
            None,
            None,
        )
        assert "no model" in record["why"]
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=DEADLINE_S)
        assert "no model: readings are published without a verdict" in said


def test_replay_over_mqtt_gives_the_scores_of_the_replay_command(room_bundle: Path, tmp_path: Path) -> None:
    recording = simulate(3 * 3600.0, 10.0, 7, [Fault("spike", 7200.0, 20.0, 8.0, "temperature")])
    series, judged = tmp_path / "series.csv", tmp_path / "judged.csv"
    write_csv(recording, series)
    command = [
        sys.executable,
        "-m",
        "edge",
        "replay",
        str(series),
        "--bundle",
        str(room_bundle),
        "--out",
        str(judged),
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    header, *rows = [line.split(",") for line in judged.read_text().splitlines()]
    at = header.index("score")
    expected = [float(row[at]) if row[at] else None for row in rows]
    with mosquitto() as broker, subscriber(broker) as heard:
        flags = ["--source", "replay", "--file", series, "--bundle", room_bundle]
        with agent(tmp_path, *flags, "--broker", f"127.0.0.1:{broker.port}") as process:
            assert process.wait(DEADLINE_S) == 0
        heard.wait(lambda: len(heard.records()) == len(recording))
        scores = [heard.records()[seq]["score"] for seq in range(1, len(recording) + 1)]
    assert [score is None for score in scores] == [score is None for score in expected]
    for got, wanted in zip(scores, expected, strict=True):
        assert got is None or wanted is None or abs(got - wanted) <= 1e-4 + 1e-5 * wanted


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--broker", "127.0.0.1:{port}"], "nobody listens at 127.0.0.1:{port}"),
        (["--broker", "no/such"], "must be HOST or HOST:PORT"),
        (["--bundle", "{here}/notes.txt"], "not a bundle"),
        (["--bundle", "{here}/nowhere.canary"], "no such file"),
        (["--config", "{here}/nowhere.toml"], "nowhere.toml: no such file"),
        (["--config", "{here}/wrong.toml"], "[agent] unknown key: bundel"),
        (["--device", "a/b"], "device id 'a/b'"),
        (["--source", "iio"], "dtoverlay"),
        (["--journal", "{here}/notes.txt"], "journal cannot be opened"),
    ],
)
def test_what_a_user_can_mend_is_one_sentence_and_status_2(
    tmp_path: Path, flags: list[str], sentence: str
) -> None:
    (tmp_path / "notes.txt").write_text("neither a bundle nor a journal, and long enough to be neither " * 20)
    (tmp_path / "wrong.toml").write_text('[agent]\nbundel = "x"\n')
    about = {"here": str(tmp_path), "port": str(free_port())}
    command = [sys.executable, "-m", "edge", "--journal", str(tmp_path / "j.db"), "--source", "simulator"]
    filled = [flag.format(**about) for flag in flags]
    child = subprocess.run(
        [*command, *filled],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        env={**os.environ, "STATE_DIRECTORY": str(tmp_path)},
    )
    assert child.returncode == 2, child.stderr
    last = child.stderr.strip().splitlines()[-1]
    assert last.startswith("python -m edge: ")
    assert sentence.format(**about) in last
    assert "Traceback" not in child.stderr


def test_a_refused_topic_holds_up_no_other(room_bundle: Path, tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text(
        "topic read #\n" + "".join(f"topic write picanary/v1/cellar/{leaf}\n" for leaf in ("data", "info"))
    )
    recording = simulate(3 * 3600.0, 10.0, 7, [Fault("spike", 4000.0, 20.0, 8.0, "temperature")])
    write_csv(recording, tmp_path / "series.csv")
    with mosquitto(f"allow_anonymous true\nacl_file {acl}") as broker, subscriber(broker) as heard:
        where = ["--broker", f"127.0.0.1:{broker.port}"]
        with agent(
            tmp_path, "--source", "replay", "--file", tmp_path / "series.csv", "--bundle", room_bundle, *where
        ):
            heard.wait(lambda: len(heard.records()) == len(recording))
        assert not heard.of("event"), "the broker refuses it"
        assert sum(len(batch["records"]) for batch in heard.of("data")) == len(recording), "nothing twice"


def test_sigterm_ends_a_replay_that_is_still_being_sent(room_bundle: Path, tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read #\ntopic write picanary/v1/cellar/info\n")
    write_csv(simulate(3600.0, 10.0, 7), tmp_path / "series.csv")
    with mosquitto(f"allow_anonymous true\nacl_file {acl}") as broker, subscriber(broker) as heard:
        flags = [
            "--source",
            "replay",
            "--file",
            tmp_path / "series.csv",
            "--broker",
            f"127.0.0.1:{broker.port}",
        ]
        with agent(tmp_path, *flags) as process:
            heard.wait(lambda: bool(heard.of("info")))
            deadline = time.monotonic() + DEADLINE_S
            while _count(tmp_path / "journal.db") < 360 and time.monotonic() < deadline:
                time.sleep(0.05)
            assert process.poll() is None, "it waits for a broker that takes nothing"
            process.send_signal(signal.SIGTERM)
            assert process.wait(5.0) == 0
            assert process.stderr is not None
            assert "360 records are not sent; they stay in the journal" in process.stderr.read()


def test_a_replay_ends_the_event_that_is_open(room_bundle: Path, tmp_path: Path) -> None:
    recording = simulate(2 * 3600.0, 10.0, 7, [Fault("level_shift", 7000.0, 3600.0, 5.0, "temperature")])
    write_csv(recording, tmp_path / "series.csv")
    with mosquitto() as broker, subscriber(broker) as heard:
        flags = ["--source", "replay", "--file", tmp_path / "series.csv", "--bundle", room_bundle]
        with agent(tmp_path, *flags, "--broker", f"127.0.0.1:{broker.port}") as process:
            assert process.wait(DEADLINE_S) == 0
        heard.wait(lambda: [event["phase"] for event in heard.of("event")][-1:] == ["end"])
        assert heard.of("event")[0]["phase"] == "start"


def test_a_broker_that_refuses_is_said_at_once_whatever_the_journal_holds(tmp_path: Path) -> None:
    with agent(tmp_path, "--source", "simulator", "--speed", 100, "--commit-s", 0.2) as offline:
        deadline = time.monotonic() + DEADLINE_S
        while _count(tmp_path / "journal.db") < 20 and time.monotonic() < deadline:
            time.sleep(0.05)
        offline.send_signal(signal.SIGTERM)
        assert offline.wait(DEADLINE_S) == 0
    with mosquitto("allow_anonymous false") as broker:
        where = ["--broker", f"127.0.0.1:{broker.port}"]
        with agent(tmp_path, "--source", "simulator", *where) as refused:
            assert refused.wait(DEADLINE_S) == 2
            assert refused.stderr is not None
            last = refused.stderr.read().strip().splitlines()[-1]
            assert last.startswith("python -m edge: ") and "not authorized" in last
    assert _count(tmp_path / "journal.db") >= 20, "nothing is lost"
