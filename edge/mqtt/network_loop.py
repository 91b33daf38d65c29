"""paho's client under a loop of ours: one thread reads, writes and keeps alive; any thread may publish.

This is paho's documented interface for external event loops. Its own threaded loop hides why a
connection failed and lets publishers write to the socket from their own threads.
"""

import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.mqtt.broker import BrokerSettings
from edge.mqtt.wire import Deliver, Wire

CONNECT_TIMEOUT_S = 5.0
PACKETS_AT_ONCE = 64  # that paho reads in one turn
PATIENCE_MS = 1000  # between two looks at keepalive and deadlines


class Client(paho.Client):
    """paho's; for who wants messages by the hundred, with a socket that takes them out of the stream."""

    deliver: Deliver | None = None  # None: paho reads all by itself, which is quick enough for an agent

    def _create_socket(self) -> Any:
        # Not paho's public interface. In a paho without it `_read` lets paho read by itself, slowly.
        inner = super()._create_socket()
        if self.deliver is None:
            return inner
        return Wire(inner, self.protocol == MQTTProtocolVersion.MQTTv5, self.deliver)


class NetworkLoop:
    """Serves one paho client at a time, and can be woken from any thread."""

    def __init__(self) -> None:
        self._inbox, self._bell = socket.socketpair()
        self._inbox.setblocking(False)
        self._bell.setblocking(False)

    def nudge(self) -> None:
        """End the current wait, because there is something to write or to end."""
        with suppress(OSError):  # a full bell has been rung already; a closed one rings for nobody
            self._bell.send(b"\0")

    def close(self) -> None:
        """Give the sockets back. The loop must have ended."""
        self._inbox.close()
        self._bell.close()

    def new_client(
        self,
        settings: BrokerSettings,
        protocol: MQTTProtocolVersion,
        tls: ssl.SSLContext | None,
        will: tuple[str, bytes] | None,
    ) -> Client:
        """A client that is not connected yet and writes from this loop alone; its session is clean."""
        client = Client(
            CallbackAPIVersion.VERSION2,
            settings.client_id,
            protocol=protocol,
            reconnect_on_failure=False,  # which would also fall back to MQTT 3.1 without asking
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password)
        if tls is not None:
            client.tls_set_context(tls)
        if will is not None:
            client.will_set(*will, qos=1, retain=True)
        # With this set, paho leaves all writing to us and says when there is something to write.
        client.on_socket_register_write = lambda *_: self.nudge()
        return client

    def serve(self, client: paho.Client, each_turn: Callable[[], None]) -> None:
        """Run until the client's socket is gone; `each_turn` runs after every turn, no lock held."""
        while (wire := client.socket()) is not None:
            own = wire if isinstance(wire, Wire) else None
            owing = own is not None and own.wants_to_write
            ready = self._wait(wire.fileno(), client.want_write() or owing)
            if ready & select.POLLOUT:
                client.loop_write()
                if own is not None:
                    own.acknowledge()
            if ready & ~select.POLLOUT:
                own.read(lambda: _reads_one(client)) if own is not None else _read_all(client)
            client.loop_misc()
            each_turn()

    def finish(self, client: paho.Client, seconds: float = 1.0) -> None:
        """Disconnect cleanly, writing what is queued as far as the broker takes it in that time."""
        client.disconnect()
        deadline = time.monotonic() + seconds
        while (wire := client.socket()) is not None and time.monotonic() < deadline:
            if self._wait(wire.fileno(), True, patience_ms=100) & select.POLLOUT:
                client.loop_write()

    def _wait(self, wire: int, writing: bool, patience_ms: int = PATIENCE_MS) -> int:
        poll = select.poll()
        poll.register(self._inbox, select.POLLIN)
        poll.register(wire, select.POLLIN | (select.POLLOUT if writing else 0))
        events = dict(poll.poll(patience_ms))
        if self._inbox.fileno() in events:
            with suppress(BlockingIOError):
                self._inbox.recv(4096)
        return events.get(wire, 0)


def expiring(seconds: int) -> Properties:
    """The MQTT 5 properties of a message that the broker drops after that long."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = seconds
    return properties


def taking(packet_bytes: int) -> Properties:
    """The MQTT 5 properties of a client that takes no packet larger than that."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = packet_bytes
    return properties


def _reads_one(client: paho.Client) -> bool:
    client.loop_read()
    return client.socket() is not None


def _read_all(client: paho.Client) -> None:
    """Read what is there, but not for ever: others want their turn, and the broker its acknowledgements."""
    if (wire := client.socket()) is None:
        return  # a write before has found it broken
    poll = select.poll()
    poll.register(wire.fileno(), select.POLLIN)
    client.loop_read()
    left = PACKETS_AT_ONCE
    while client.socket() is wire and (_is_pending(wire) or (left > 0 and poll.poll(0))):
        client.loop_read()
        left -= 1


def _is_pending(wire: object) -> bool:
    """Whether TLS holds bytes that no poll will ever announce."""
    pending = getattr(wire, "pending", None)
    return pending is not None and pending() > 0
