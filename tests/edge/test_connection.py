"""The connection against real brokers: it comes back, and nothing is lost in silence."""

import signal
import subprocess
import sys
import threading

import pytest

from edge.errors import BrokerError
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from tests.brokers import amqtt_broker, mosquitto
from tests.edge.connections import PATIENCE_S, Log, connection


@pytest.mark.parametrize("broker", [mosquitto, amqtt_broker])
def test_a_message_goes_there_and_back(broker):
    log = Log()
    with broker() as running, connection(running.port, log) as one:
        one.subscribe("a/+")
        number = one.publish("a/b", "21.5 °C".encode(), retain=True, expiry_s=60)
        log.wait(lambda: number in log.published and log.messages)
    assert log.published == {number: None}
    assert log.messages[0][:2] == ("a/b", "21.5 °C".encode())
    assert log.connects == [False]
    assert log.disconnects == ["stopped"]
    assert not one.faults


def test_qos_0_is_published_once_it_is_written():
    log = Log()
    with mosquitto() as running, connection(running.port, log) as one:
        number = one.publish("a", b"x", qos=0)
        log.wait(lambda: number in log.published)
    assert log.published == {number: None}


@pytest.mark.parametrize("broker", [mosquitto, amqtt_broker])
def test_it_comes_back_after_the_broker_was_killed_and_subscribes_again(broker):
    log = Log()
    with broker() as running, connection(running.port, log) as one:
        one.subscribe("a")
        running.kill()
        log.wait(lambda: len(log.disconnects) == 1)
        assert not one.connected
        with pytest.raises(BrokerError, match="no connection"):
            one.publish("a", b"lost")
        running.start()
        log.wait(lambda: len(log.connects) == 2)
        one.publish("a", b"back")
        log.wait(lambda: bool(log.messages))
    assert [payload for _, payload, _ in log.messages] == [b"back"]


def test_it_starts_before_the_broker_does():
    with mosquitto() as running:
        running.stop()
        log = Log()
        with connection(running.port, log, wait=False) as one:
            with pytest.raises(BrokerError, match="nobody listens at 127"):
                one.wait_connected(0.5)
            running.start()
            one.wait_connected(PATIENCE_S)
            assert log.connects == [False] or log.wait(lambda: bool(log.connects)) is None


def test_every_message_is_answered_once_when_the_broker_is_killed_in_the_middle():
    log = Log()
    with mosquitto() as running, connection(running.port, log) as one:
        before = [one.publish("a", b"x" * 2000) for _ in range(50)]
        log.wait(lambda: len(log.published) == 50)
        running.process.send_signal(signal.SIGSTOP)
        after = [one.publish("a", b"x" * 2000) for _ in range(50)]
        running.kill()
        log.wait(lambda: len(log.published) == 100)
    assert [log.published[number] for number in before] == [None] * 50
    assert all(log.published[number].startswith("not acknowledged: the conn") for number in after)


def test_many_threads_may_publish_while_a_callback_waits_for_their_lock():
    """A lock of the caller's, held around publish and wanted by on_published, must not lock up."""
    lock = threading.Lock()
    sent: set[int] = set()
    done: set[int] = set()
    everything = threading.Event()

    def on_published(number: int, error: str | None) -> None:
        with lock:
            assert number in sent, "the answer came before the number was known"
            assert error is None
            done.add(number)
            if len(done) == 2000:
                everything.set()

    with mosquitto() as running, connection(running.port, on_published=on_published) as one:

        def publish() -> None:
            for _ in range(500):
                with lock:
                    sent.add(one.publish("a", b"x"))

        threads = [threading.Thread(target=publish) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert everything.wait(PATIENCE_S), f"{len(done)} of 2000 answered; faults {one.faults}"
        assert not one.faults


def test_a_callback_may_publish():
    log = Log()
    holder: list[Connection] = []

    def on_message(topic: str, payload: bytes, retained: bool) -> None:
        log.on_message(topic, payload, retained)
        if topic == "question":
            holder[0].publish("answer", payload)

    with mosquitto() as running, connection(running.port, log, on_message=on_message) as one:
        holder.append(one)
        one.subscribe("question")
        one.subscribe("answer")
        one.publish("question", b"?")
        log.wait(lambda: ("answer", b"?", False) in log.messages)


def test_a_denied_publish_is_an_error_and_never_success(tmp_path):
    rules = tmp_path / "acl"
    rules.write_text("topic read #\ntopic write allowed/#\n")
    log = Log()
    with (
        mosquitto(f"allow_anonymous true\nacl_file {rules}") as running,
        connection(running.port, log) as one,
    ):
        good, bad = one.publish("allowed/a", b""), one.publish("denied/a", b"")
        log.wait(lambda: len(log.published) == 2)
    assert log.published[good] is None
    assert log.published[bad] == "the broker did not take it: not authorized"


def test_the_will_is_published_when_the_client_dies_and_not_when_it_stops():
    log = Log()
    with mosquitto() as running, connection(running.port, log) as watcher:
        watcher.subscribe("will/+")
        with connection(running.port, will=("will/clean", b"offline")):
            pass
        script = (
            "import os, sys; from edge.mqtt.connection import Connection;"
            "from edge.mqtt.broker import BrokerSettings;"
            "c = Connection(BrokerSettings('127.0.0.1', int(sys.argv[1])), will=('will/died', b'offline'));"
            "c.start(); c.wait_connected(20); os._exit(0)"
        )
        subprocess.run([sys.executable, "-c", script, str(running.port)], check=True, timeout=60)
        log.wait(lambda: bool(log.messages))
        with connection(running.port, log) as late:
            late.subscribe("will/#")
            log.wait(lambda: any(retained for *_, retained in log.messages))
    assert {topic for topic, *_ in log.messages} == {"will/died"}


def test_stopping_waits_for_what_is_already_published():
    log = Log()
    with mosquitto() as running, connection(running.port, log) as one:
        numbers = [one.publish("a", b"x" * 500, retain=True) for _ in range(200)]
        one.stop()
    assert [log.published[number] for number in numbers] == [None] * 200


def test_a_connection_that_never_started_stops():
    Connection(BrokerSettings("127.0.0.1", 1)).stop()
