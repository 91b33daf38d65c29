"""Where the broker is, and what is said of one that lets nobody in, is no broker, or is not there."""

import socket
import subprocess
import threading
from contextlib import closing

import pytest

from edge.errors import BrokerError, ConfigError
from edge.mqtt.broker import BrokerSettings, parse_broker
from edge.mqtt.connection import Connection
from tests.brokers import mosquitto
from tests.edge.connections import PATIENCE_S, Log, connection, self_signed


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
