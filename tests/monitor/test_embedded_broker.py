"""The monitor's own broker: there, kept alive, and gone with its monitor however that ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from edge.errors import BrokerError, ConfigError
from edge.mqtt import local_broker
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from monitor.__main__ import main
from monitor.embedded_broker import EmbeddedBroker, place
from tests.brokers import Broker, is_listening, mosquitto
from tests.monitor.messages import record
from tests.monitor.running import agent, until

KINDS = ["mosquitto", "amqtt"]


@pytest.fixture
def kind(request, monkeypatch):
    """Without mosquitto on the PATH it is amqtt."""
    if request.param == "amqtt":
        monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
        pytest.importorskip("amqtt", reason="needs picanary[demo]")
    elif not shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    return request.param


def port_of(own: EmbeddedBroker) -> int:
    return int(own.address.rpartition(":")[2])


def is_alive(pid: int) -> bool:
    """Whether that process runs; one that ended and was not waited for does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def talking(own: EmbeddedBroker):
    """An agent at that broker."""
    stand_in = Broker([], port_of(own), Path())
    with agent(stand_in) as made:
        yield made


@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_it_carries_messages_and_is_gone_at_the_end(kind, tmp_path):
    with EmbeddedBroker("127.0.0.1", 0, tmp_path / "own") as own:
        with talking(own) as room:
            room.born()
        pid, port = own.pid, port_of(own)
        assert is_alive(pid)
    assert not is_alive(pid)
    assert local_broker.is_free(port)


@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_one_that_dies_is_started_again_at_the_same_place(kind, tmp_path):
    with EmbeddedBroker("127.0.0.1", 0, tmp_path / "own") as own, talking(own) as room:
        for number in (signal.SIGKILL, signal.SIGTERM):
            before = own.pid
            os.kill(before, number)
            until(lambda gone=before: own.pid != gone and is_listening(port_of(own)))
            until(lambda: room.connection.connected)
            assert not is_alive(before)


def test_what_was_retained_is_there_after_a_restart_of_the_monitor(tmp_path):
    heard: list[bytes] = []
    with EmbeddedBroker("127.0.0.1", 0, tmp_path / "own") as own:
        if not (tmp_path / "own/mosquitto.conf").exists():
            pytest.skip("mosquitto is not installed: apt-get install mosquitto")
        with talking(own) as room:
            room.send("info", b"kept", retain=True)
    with EmbeddedBroker("127.0.0.1", 0, tmp_path / "own") as own:
        listener = Connection(
            BrokerSettings("127.0.0.1", port_of(own), "listener"),
            on_message=lambda _name, payload, _retained: heard.append(payload),
        )
        listener.subscribe("picanary/v1/+/info", qos=1)
        listener.start()
        try:
            until(lambda: heard)
        finally:
            listener.stop()
    assert heard == [b"kept"]


@contextmanager
def started(tmp_path: Path, *arguments: str):
    """The command, in a process of its own, and what it said first."""
    options = ["--listen", "127.0.0.1:0", "--store", str(tmp_path / "m.db"), "--json"]
    command = [sys.executable, "-m", "monitor", *options, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate(timeout=60)


def broker_of(process: subprocess.Popen[str]) -> int:
    """The process that it started."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    (child,) = [int(each) for task in tasks for each in task.read_text().split()]
    return child


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_the_monitor_even_when_that_is_killed(tmp_path, number):
    with started(tmp_path, "--embedded-broker", "127.0.0.1:0") as (process, said):
        port = int(said["broker"].rpartition(":")[2])
        with (
            agent(Broker([], port, Path())) as room,
            httpx.Client(base_url=said["page"], timeout=60) as client,
        ):
            room.records(record(1))
            until(lambda: client.get("/api/devices").json()["devices"])
        child = broker_of(process)
        process.send_signal(number)
        process.wait(60)
        until(lambda: not is_alive(child))
        assert local_broker.is_free(port)
        if number is not signal.SIGKILL:
            assert (process.returncode, process.stderr.read()) == (0, "")
    assert (tmp_path / "m.db.broker").is_dir()


def test_the_monitor_stays_while_its_broker_dies_and_comes_back(tmp_path):
    with (
        started(tmp_path, "--embedded-broker", "127.0.0.1:0") as (process, said),
        httpx.Client(base_url=said["page"], timeout=60) as client,
    ):
        before = broker_of(process)
        os.kill(before, signal.SIGKILL)
        until(lambda: client.get("/healthz").status_code == 503)
        until(lambda: client.get("/healthz").status_code == 200)
        assert broker_of(process) != before
        with agent(Broker([], int(said["broker"].rpartition(":")[2]), Path())) as room:
            room.records(record(1))
            until(lambda: client.get("/api/devices").json()["devices"])


def test_a_place_where_something_listens_is_a_sentence(tmp_path):
    with mosquitto() as broker, pytest.raises(ConfigError, match="something listens there; use that one"):
        EmbeddedBroker("127.0.0.1", broker.port, tmp_path / "own").__enter__()
    with (
        EmbeddedBroker("127.0.0.1", 0, tmp_path / "own"),
        pytest.raises(ConfigError, match="belongs to the broker of another monitor"),
    ):
        EmbeddedBroker("127.0.0.1", 0, tmp_path / "own").__enter__()
    with EmbeddedBroker("127.0.0.1", 0, tmp_path / "own"):
        pass  # and is free again


def test_a_broker_that_cannot_start_is_a_sentence(tmp_path, monkeypatch):
    broken = [sys.executable, "-c", "raise SystemExit('no memory for that')"]
    monkeypatch.setattr(local_broker, "command", lambda *_, **__: broken)
    with pytest.raises(BrokerError, match="did not start: it ended with status 1: no memory for that"):
        EmbeddedBroker("127.0.0.1", 0, tmp_path / "own").__enter__()


def refusal(capsys, *arguments: str) -> str:
    assert main([*arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("python -m monitor: ") and said.count("\n") == 1
    return said


def test_what_cannot_be_meant_is_a_sentence(tmp_path, capsys):
    where = ["--listen", "127.0.0.1:0", "--store", str(tmp_path / "m.db")]
    neither = refusal(capsys, *where)
    assert "--broker HOST[:PORT]" in neither and "--embedded-broker [ADDRESS:PORT]" in neither
    assert "leave out one" in refusal(capsys, *where, "--broker", "x", "--embedded-broker")
    assert "an embedded one asks nobody" in refusal(capsys, *where, "--embedded-broker", "--username", "me")
    assert "must be an address" in refusal(capsys, *where, "--embedded-broker", "host.example:1883")
    assert "must be HOST or HOST:PORT" in refusal(capsys, *where, "--embedded-broker", "a:b:c")


def test_where_it_listens():
    assert place("127.0.0.1:1884") == ("127.0.0.1", 1884)
    assert place("localhost:0") == ("127.0.0.1", 0)
    assert place("[::1]") == ("::1", 1883)
    assert EmbeddedBroker("127.0.0.1", 1, Path()).warning is None
    everywhere = EmbeddedBroker("0.0.0.0", 1883, Path())
    assert everywhere.address == "127.0.0.1:1883"
    assert "everyone who reaches 0.0.0.0:1883" in everywhere.warning
