"""MQTT: what devices say, in the order in which it came, and what a rollout says to them."""

import queue
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from edge.errors import BrokerError
from edge.message import VERSION, decode, encode, split_topic, topic
from edge.mqtt.broker import BrokerSettings, knock
from edge.mqtt.connection import Connection

LEAVES = ("status", "info", "event", "health", "model", "res/+")
CONNECT_S = 12.0  # enough to try MQTT 5 in vain, and then 3.1.1
NO_RIGHT = "not authorized"


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of a device."""

    device: str
    leaf: str
    said: dict[str, Any]
    kept: bool  # the broker had it before we came


class Air:
    """The connection. `hear` and what sends are for one thread."""

    def __init__(self, settings: BrokerSettings) -> None:
        """No network yet. Raises ConfigError for a bad certificate."""
        client_id = settings.client_id or f"picanary-rollout-{secrets.token_hex(4)}"
        self._inbox: queue.SimpleQueue[Heard | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._sent: dict[int, str] = {}  # what the broker has not answered yet
        self._denied: deque[str] = deque()
        self.births = 0  # how often we have connected
        self._connection = Connection(
            replace(settings, client_id=client_id),
            on_message=self._heard,
            on_connect=self._connected,
            on_published=self._published,
        )
        for leaf in LEAVES:
            self._connection.subscribe(topic("+", leaf))

    @property
    def connected(self) -> bool:
        """Whether we would hear what happens."""
        return self._connection.connected

    @property
    def trouble(self) -> str:
        """Why we would not."""
        return self._connection.reason

    def start(self) -> None:
        """Connect. Raises BrokerError when nobody is there, or says no."""
        knock(self._connection.settings)
        self._connection.start()
        self._connection.wait_connected(CONNECT_S)

    def stop(self) -> None:
        """Say goodbye."""
        self._connection.stop()

    def hear(self, timeout_s: float) -> Iterator[Heard]:
        """What has come, waiting so long for the first. Raises BrokerError where we may not publish."""
        try:
            first = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            first = None
        if first is not None:
            yield first
        for _ in range(self._inbox.qsize()):
            heard = self._inbox.get()
            if heard is not None:
                yield heard
        if self._denied:
            raise BrokerError(
                f"the broker does not let us publish {self._denied[0]}: come with the certificate of "
                "python -m deploy broker DIR add-rollout NAME"
            )

    def offer(self, device: str, content: bytes) -> bool:
        """The bundle, not kept by the broker: nobody is to get it while nobody watches. False: no connection.

        One that somebody else has left there would come back with the device's next connection, so it is
        cleared first.
        """
        name = topic(device, "model/set")
        return self._say(name, b"", retain=True) and self._say(name, content)

    def withdraw(self, device: str, label: str) -> str | None:
        """Ask it to go back; the request's id, None without a connection."""
        request = f"rollout-{secrets.token_hex(8)}"
        asked = {"v": VERSION, "request": request, "model": label}
        return request if self._say(topic(device, "cmd/withdraw"), encode(asked)) else None

    def _say(self, name: str, payload: bytes, *, retain: bool = False) -> bool:
        with self._lock:
            try:
                self._sent[self._connection.publish(name, payload, retain=retain)] = name
            except BrokerError as error:
                if self.connected:  # not for want of a connection: the broker takes no such packet
                    raise
                del error
                return False
        return True

    def _heard(self, name: str, payload: bytes, kept: bool) -> None:
        split = split_topic(name)
        if split is None or not payload:
            return
        try:
            said = decode(payload)
        except ValueError:
            return  # whatever it is, it is no agent's
        self._inbox.put(Heard(*split, said, kept))

    def _connected(self, _: bool) -> None:
        self.births += 1
        self._inbox.put(None)

    def _published(self, number: int, error: str | None) -> None:
        with self._lock:
            name = self._sent.pop(number, None)
        if name is not None and error is not None and NO_RIGHT in error:
            self._denied.append(name)
            self._inbox.put(None)


@contextmanager
def on_air(settings: BrokerSettings) -> Iterator[Air]:
    """A connection that stands. Raises BrokerError or ConfigError."""
    air = Air(settings)
    try:
        air.start()
        yield air
    finally:
        air.stop()
