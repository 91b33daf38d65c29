"""The connection against real brokers: it comes back, and nothing is lost in silence."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import BrokerError, ConfigError
from edge.mqtt.backoff import Backoff
from edge.mqtt.broker import BrokerSettings, parse_broker
from edge.mqtt.connection import Connection
from tests.brokers import amqtt_broker, free_port, mosquitto

PATIENCE_S = 20.0


@dataclass
class Log:
    """What a connection called back, and a way to wait for more of it."""

    messages: list[tuple[str, bytes, bool]] = field(default_factory=list)
    connects: list[bool] = field(default_factory=list)
    disconnects: list[str] = field(default_factory=list)
    published: dict[int, str | None] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        with self.changed:
            self.messages.append((topic, payload, retained))
            self.changed.notify_all()

    def on_connect(self, session_present: bool) -> None:
        with self.changed:
            self.connects.append(session_present)
            self.changed.notify_all()

    def on_disconnect(self, sentence: str) -> None:
        with self.changed:
            self.disconnects.append(sentence)
            self.changed.notify_all()

    def on_published(self, number: int, error: str | None) -> None:
        with self.changed:
            assert number not in self.published, "answered twice"
            self.published[number] = error
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, timeout_s), f"still waiting; so far: {self}"


@contextmanager
def connection(port: int, log: Log | None = None, *, wait: bool = True, **options) -> Iterator[Connection]:
    """A started connection, stopped at the end, whose thread is gone then."""
    log = log or Log()
    will = options.pop("will", None)
    callbacks = {
        name: options.pop(name, getattr(log, name))
        for name in ("on_message", "on_connect", "on_disconnect", "on_published")
    }
    options.setdefault("host", "127.0.0.1")
    options.setdefault("client_id", f"test-{id(log)}-{free_port()}")
    made = Connection(BrokerSettings(port=port, **options), will=will, **callbacks)
    made.start()
    try:
        if wait:
            made.wait_connected(PATIENCE_S)
        yield made
    finally:
        made.stop()
        assert not [thread for thread in threading.enumerate() if thread is made._thread]


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


def test_an_exception_in_a_callback_is_counted_and_the_connection_lives_on():
    log = Log()

    def on_message(topic: str, payload: bytes, retained: bool) -> None:
        log.on_message(topic, payload, retained)
        raise KeyError("a bug of ours")

    with mosquitto() as running, connection(running.port, log, on_message=on_message) as one:
        one.subscribe("a")
        one.publish("a", b"1")
        one.publish("a", b"2")
        log.wait(lambda: len(log.messages) == 2 and len(log.published) == 2)
        assert one.connected
    assert one.faults == {"on_message": 2}
    assert len(log.connects) == 1


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


def test_a_wrong_password_is_said_at_once(tmp_path):
    passwords = tmp_path / "passwords"
    passwords.write_text("canary:right\n")
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
    with mosquitto(f"allow_anonymous false\npassword_file {passwords}") as running:
        for options in ({}, {"username": "canary", "password": "wrong"}):
            with connection(running.port, wait=False, **options) as one:
                with pytest.raises(BrokerError, match=r"refused the connection: .*(wrong|not authorized)"):
                    one.wait_connected(PATIENCE_S)
                assert "wrong" not in repr(one.settings)
        with connection(running.port, username="canary", password="right"):
            pass


def test_no_such_host_is_said_at_once():
    with (
        connection(1883, host="no-such-host.invalid", wait=False) as one,
        pytest.raises(BrokerError, match=r"(no such host|cannot look up).*no-such-host\.invalid:1883"),
    ):
        one.wait_connected(8.0)


def test_a_server_that_says_nothing_is_timed_out():
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        port = mute.getsockname()[1]
        with (
            connection(port, wait=False) as one,
            pytest.raises(BrokerError, match=f"127.0.0.1:{port} has not answered yet"),
        ):
            one.wait_connected(0.5)


def test_a_server_that_speaks_something_else_is_no_crash():
    stop = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.1)

        def chatter() -> None:
            while not stop.is_set():
                try:
                    with closing(server.accept()[0]) as visitor:
                        visitor.sendall(b"\x20\xff\xff\xff\xff\xffSSH-2.0-OpenSSH\r\n" * 20)
                except OSError:
                    continue

        thread = threading.Thread(target=chatter)
        thread.start()
        try:
            with (
                connection(server.getsockname()[1], wait=False) as one,
                pytest.raises(BrokerError, match="the broker at"),
            ):
                one.wait_connected(3.0)
                assert one._thread.is_alive()
        finally:
            stop.set()
            thread.join()


def test_tls_with_a_known_authority_works_and_an_unknown_one_is_refused(tmp_path):
    certificate, key = self_signed(tmp_path)
    listener = f"certfile {certificate}\nkeyfile {key}"
    with mosquitto(listener=listener) as running:
        log = Log()
        with connection(running.port, log, host="localhost", cafile=certificate) as one:
            one.subscribe("a")
            number = one.publish("a", b"x" * 50_000)
            log.wait(lambda: number in log.published and bool(log.messages))
        with (
            connection(running.port, host="localhost", tls=True, wait=False) as stranger,
            pytest.raises(BrokerError, match="certificate that is not trusted"),
        ):
            stranger.wait_connected(PATIENCE_S)
        with (
            connection(running.port, wait=False) as plain,
            pytest.raises(BrokerError, match="does it speak MQTT, or TLS"),
        ):
            plain.wait_connected(2.0)


def test_a_certificate_file_that_is_missing_or_no_certificate_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match=r"no such certificate or key file: .*ca\.pem"):
        Connection(BrokerSettings("localhost", cafile=tmp_path / "ca.pem"))
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="must be unencrypted PEM"):
        Connection(BrokerSettings("localhost", cafile=tmp_path / "ca.pem"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost", ("localhost", 1883)),
        ("192.168.1.5:1884", ("192.168.1.5", 1884)),
        ("[::1]", ("::1", 1883)),
        ("[fe80::1%eth0]:8883", ("fe80::1%eth0", 8883)),
        (" pi.local:65535 ", ("pi.local", 65535)),
    ],
)
def test_a_broker_is_a_host_and_maybe_a_port(text, expected):
    assert parse_broker(text) == expected
    host, port = expected
    assert parse_broker(BrokerSettings(host, port).address) == expected


@pytest.mark.parametrize(
    "text", ["", ":1883", "a:b", "host:0", "host:65536", "::1", "mqtt://host", "a b", "[x]"]
)
def test_a_broker_that_cannot_be_is_named_in_the_sentence(text):
    with pytest.raises(ConfigError) as caught:
        parse_broker(text)
    assert repr(text) in str(caught.value)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.floats(0, 1))
def test_the_wait_is_between_1_and_60_seconds_and_starts_anew_after_a_steady_connection(lasted, share):
    backoff = Backoff(lambda low, high: low + share * (high - low))
    failures = 0
    for lasted_s in lasted:
        failures = 1 if lasted_s > 10.0 else failures + 1
        wait_s = backoff.next_s(lasted_s)
        assert 1.0 <= wait_s <= 60.0
        assert wait_s == pytest.approx(1.0 + share * (min(60.0, 2.0**failures) - 1.0))


def test_two_agents_do_not_come_back_at_the_same_time():
    one, other = Backoff(), Backoff()
    assert [one.next_s(0.0) for _ in range(5)] != [other.next_s(0.0) for _ in range(5)]


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that is its own authority, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key
