"""A broker of MQTT 5 that says what a test wants to hear said: mosquitto knows no quota, for one.

It takes connections and messages, and passes nothing on.
"""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

PUBLISH, DISCONNECT = 3, 14
CONNACK, PUBACK, SUBACK, PINGRESP = 0x20, 0x40, 0x90, 0xD0
RECEIVE_MAXIMUM = 0x21
THINKING_S = 0.05  # a message that comes meanwhile is one too many
NOT_AUTHORIZED, QUOTA_EXCEEDED = 0x87, 0x97

Verdict = Callable[[str], int]  # topic of a message to the reason code of its PUBACK


@dataclass(frozen=True, slots=True)
class Published:
    """A message that came, and what was answered."""

    at: float  # monotonic seconds
    topic: str
    payload: bytes
    reason: int


@dataclass(slots=True)
class ScriptedBroker:
    """`verdict` may be exchanged while it runs."""

    verdict: Verdict
    port: int = 0
    largest: int | None = None  # bytes of a packet; on a larger one it hangs up without a word
    receive_maximum: int | None = None  # unanswered messages; it then takes its time with each answer
    unanswered: int = 0
    most_unanswered: int = 0
    published: list[Published] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    wires: list[socket.socket] = field(default_factory=list)

    def of(self, leaf: str) -> list[Published]:
        """The messages to topics that end so."""
        return [each for each in list(self.published) if each.topic.endswith(f"/{leaf}")]

    def wait(self, condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
        """Until that is so."""
        with self.changed:
            assert self.changed.wait_for(condition, timeout_s), [each.topic for each in self.published][-20:]

    def hang_up(self) -> None:
        """End all connections without a word."""
        for wire in self.wires:
            with suppress(OSError):  # it has ended before
                wire.shutdown(socket.SHUT_RDWR)

    def serve(self, wire: socket.socket) -> None:
        """One connection, to its end."""
        with suppress(OSError, EOFError), wire, wire.makefile("rb") as stream:
            while True:
                kind = _exactly(stream, 1)[0]
                body = _exactly(stream, _number(stream))
                if kind >> 4 == DISCONNECT or (self.largest is not None and len(body) > self.largest):
                    return
                if kind >> 4 == PUBLISH:
                    self._publish(wire, kind >> 1 & 3, body)
                else:
                    wire.sendall(self._answer(kind, body))

    def _answer(self, kind: int, body: bytes) -> bytes:
        match kind >> 4:
            case 1 if self.receive_maximum is not None:
                return bytes([CONNACK, 6, 0, 0, 3, RECEIVE_MAXIMUM, *struct.pack(">H", self.receive_maximum)])
            case 1:  # CONNECT: no session, success, no properties
                return bytes([CONNACK, 3, 0, 0, 0])
            case 8:  # SUBSCRIBE: each with QoS 1, whatever it asks for; our client asks for one at a time
                return bytes([SUBACK, 4, *body[:2], 0, 1])
            case 12:
                return bytes([PINGRESP, 0])
            case _:
                return b""

    def _publish(self, wire: socket.socket, qos: int, body: bytes) -> None:
        (length,) = struct.unpack(">H", body[:2])
        topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
        number, rest = (rest[:2], rest[2:]) if qos else (b"", rest)
        properties = rest[0]  # their length; ours are short
        reason = self.verdict(topic) if qos else 0
        if qos:
            self._acknowledge(wire, bytes([PUBACK, 3, *number, reason]))
        with self.changed:  # only now: whoever waits for it may end the connection
            self.published.append(Published(time.monotonic(), topic, rest[1 + properties :], reason))
            self.changed.notify_all()

    def _acknowledge(self, wire: socket.socket, answer: bytes) -> None:
        if self.receive_maximum is None:
            wire.sendall(answer)
            return
        self.unanswered += 1
        self.most_unanswered = max(self.most_unanswered, self.unanswered)

        def late() -> None:
            self.unanswered -= 1
            with suppress(OSError):  # the other end has gone
                wire.sendall(answer)

        threading.Timer(THINKING_S, late).start()


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _number(stream: BinaryIO) -> int:
    """MQTT's length: seven bits a byte, the lowest first."""
    value, shift = 0, 0
    while True:
        (byte,) = _exactly(stream, 1)
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value


@contextmanager
def scripted_broker(verdict: Verdict = lambda _: 0) -> Iterator[ScriptedBroker]:
    """A broker on a free port of the loopback, until the end of the block."""
    door = socket.create_server(("127.0.0.1", 0))
    made = ScriptedBroker(verdict, door.getsockname()[1])
    threads: list[threading.Thread] = []

    def welcome() -> None:
        with suppress(OSError):
            while True:
                made.wires.append(door.accept()[0])
                threads.append(threading.Thread(target=made.serve, args=(made.wires[-1],), daemon=True))
                threads[-1].start()

    threads.append(threading.Thread(target=welcome, daemon=True))
    threads[0].start()
    try:
        yield made
    finally:
        door.shutdown(socket.SHUT_RDWR)  # which ends the wait for the next one
        made.hang_up()
        for thread in threads:
            thread.join(20.0)
        door.close()
