"""A real mosquitto with what `python -m deploy broker` made, and guests of all sorts that come to it."""

import getpass
import os
import shutil
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from deploy.__main__ import main
from tests.brokers import Broker, free_port

PATIENCE_S = 60.0


def until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def deploy(*words: object) -> int:
    """`python -m deploy broker ...`, in this process."""
    return main(["broker", *map(str, words)])


@dataclass(slots=True)
class Provisioned:
    """A folder of the command's, and the mosquitto that runs with it."""

    folder: Path
    port: int
    broker: Broker

    def let_in(self, *words: object) -> Path:
        """The folder that somebody is handed; mosquitto hears of it."""
        assert deploy(self.folder, *words) == 0
        self.reload()
        return self.folder / "handout" / str(words[1])

    def reload(self) -> None:
        """As `systemctl reload mosquitto` does."""
        before = self.log().count("Reloading config")
        assert self.broker.process is not None
        os.kill(self.broker.process.pid, signal.SIGHUP)
        until(lambda: self.log().count("Reloading config") > before, "mosquitto reloads")

    def log(self) -> str:
        return self.broker.log.read_text()

    def guest(self, name: str, client_id: str = "", **more: Any) -> "Guest":
        """Somebody with the certificate that was handed to that name."""
        more.setdefault("pair", lambda suffix: self.folder / "handout" / name / f"{name}{suffix}")
        return Guest(self, client_id or name, **more)


@contextmanager
def provisioned(folder: Path, *words: object) -> Iterator[Provisioned]:
    """Skips the test, with a sentence, when mosquitto is not installed."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    port = free_port()
    assert deploy(folder, "--host", "localhost", "--port", port, "--bind", "127.0.0.1", *words) == 0
    settings = folder / "as-a-test.conf"
    # as root it would become a user who may not look below the folder of a test
    ours = (folder / "mosquitto/mosquitto.conf").read_text()
    settings.write_text(f"user {getpass.getuser()}\nlog_type all\n{ours}")
    broker = Broker([program, "-c", str(settings)], port, folder / "broker.log")
    broker.start()
    try:
        yield Provisioned(folder, port, broker)
    finally:
        broker.stop()


class Guest:
    """One connection to it; tells what came of everything."""

    def __init__(
        self,
        place: Provisioned,
        client_id: str,
        *,
        pair: Callable[[str], Path] | None,
        will: str = "",
        username: str = "",
        protocol: int = mqtt.MQTTv5,
    ) -> None:
        """`pair` gives the certificate for `.crt` and the key for `.key`."""
        self._place = place
        self.heard: list[tuple[str, bytes]] = []
        self.let_in = False
        self.gone = False
        self._answers: dict[int, int] = {}
        self._subscribed: set[int] = set()
        kept = {} if protocol == mqtt.MQTTv5 else {"clean_session": True}
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id,
            protocol=mqtt.MQTTProtocolVersion(protocol),
            reconnect_on_failure=False,
            **kept,
        )
        context = ssl.create_default_context(cafile=str(place.folder / "mosquitto/ca.crt"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 does
        if pair is not None:
            context.load_cert_chain(pair(".crt"), pair(".key"))
        self.client.tls_set_context(context)
        if will:
            self.client.will_set(will, b"will", 1, retain=True)
        if username:
            self.client.username_pw_set(username, "password")
        self.client.on_connect = self._connected
        self.client.on_disconnect = self._lost
        self.client.on_message = lambda _, __, message: self.heard.append((message.topic, message.payload))
        self.client.on_publish = self._published
        self.client.on_subscribe = lambda _, __, mid, ___, ____: self._subscribed.add(mid)

    def _connected(self, _: Any, __: Any, ___: Any, code: ReasonCode, ____: Properties | None) -> None:
        self.let_in, self.gone = not code.is_failure, code.is_failure

    def _lost(self, *_: Any) -> None:
        self.gone = True

    def _published(self, _: Any, __: Any, mid: int, code: ReasonCode, ___: Properties | None) -> None:
        self._answers[mid] = code.value

    def __enter__(self) -> "Guest":
        try:
            self.client.connect("localhost", self._place.port)
        except OSError:
            self.gone = True
            return self
        self.client.loop_start()
        until(lambda: self.let_in or self.gone, "an answer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def drop(self) -> None:
        """Vanish without a word, so that the will is said."""
        self.client.loop_stop()
        socket = self.client.socket()
        assert socket is not None
        socket.close()

    def say(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> bool:
        """Whether mosquitto took it; one of MQTT 3.1.1 is always told so."""
        mid = self.client.publish(topic, payload, 1, retain).mid
        until(lambda: mid in self._answers or self.gone, f"an answer to {topic}")
        return self._answers.get(mid, 0x80) < 0x80

    def listen(self, *topics: str) -> None:
        """Subscribe; mosquitto takes every subscription, and then keeps back what may not be read."""
        for topic in topics:
            mid = self.client.subscribe(topic, 1)[1]
            assert mid is not None
            until(lambda mid=mid: mid in self._subscribed, f"a subscription to {topic}")  # type: ignore[misc]

    def hears(self, topic: str, payload: bytes = b"{}") -> None:
        """Wait for that message."""
        until(lambda: (topic, payload) in self.heard, f"{topic} is heard")

    def topics(self) -> set[str]:
        return {topic for topic, _ in self.heard}
