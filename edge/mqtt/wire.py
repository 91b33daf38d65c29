"""The socket that paho gets, which takes published messages out of the stream by the hundred.

paho reads a packet with three calls of the system, and costs as much a message as all that the monitor
does with it. Here a block is read at once; PUBLISH of QoS 0 and 1 is understood and acknowledged here.
Whatever else comes, and whatever is odd, is paho's to read, in its order: one packet at a time.
"""

import ssl
import time
from collections.abc import Callable
from typing import Protocol

BLOCK_BYTES = 64 * 1024
BLOCKS_AT_ONCE = 8  # before others get their turn
# paho counts a line as dead on which it has read nothing: one message now and then is read by it.
PAHO_READS_EVERY_S = 1.0

_PUBLISH, _KIND_AND_QOS_2, _QOS_1, _RETAIN = 0x30, 0xF4, 0x02, 0x01
_PUBACK = b"\x40\x02"  # says the same in MQTT 5, where it may be longer
_LENGTH_BYTES = 4

Message = tuple[str, bytes, bool]  # topic, payload, whether it was retained
Deliver = Callable[[list[Message]], None]
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Socket(Protocol):
    """What is used of a socket, TLS or not."""

    def recv(self, size: int, /) -> bytes: ...
    def send(self, data: bytes, /) -> int: ...
    def fileno(self) -> int: ...
    def setblocking(self, flag: bool, /) -> None: ...
    def close(self) -> None: ...


class Odd(Exception):
    """Not a message as they all are: paho shall judge it."""


class Wire:
    """A socket to paho, and a source of messages to the loop. Belongs to the loop's thread."""

    def __init__(self, inner: Socket, modern: bool, deliver: Deliver) -> None:
        """`modern`: MQTT 5 is spoken on it. `deliver` gets the messages of a block, and may wait."""
        self._inner = inner
        self._modern = modern
        self._deliver = deliver
        self._bytes = b""
        self._at = 0  # what is before it has been read
        self._later: list[bytes] = []  # comes behind `_bytes`, which is no whole packet without it
        self._later_bytes = 0
        self._needed = 2  # bytes from `_at` on, without which there is nothing to do
        self._free_until = 0  # paho may read so far
        self._owed = b""  # acknowledgements
        self._within = False  # paho has written half a packet
        self._end: Exception | None = None
        self._ended = False
        self._paho_reads_at = 0.0

    def fileno(self) -> int:
        """Of the socket."""
        return self._inner.fileno()

    def setblocking(self, flag: bool) -> None:
        """Of the socket."""
        self._inner.setblocking(flag)

    def close(self) -> None:
        """Close the socket."""
        self._inner.close()

    def recv(self, size: int) -> bytes:
        """For paho: of the packet that is its turn. Raises BlockingIOError when there is none."""
        if self._at < self._free_until:
            found = self._bytes[self._at : min(self._at + size, self._free_until)]
            self._at += len(found)
            return found
        if self._end is not None:
            raise self._end
        if self._ended:
            return b""
        raise BlockingIOError

    def send(self, data: bytes) -> int:
        """For paho: one packet or the rest of one; never into the middle of an acknowledgement."""
        if not self._within:
            self.acknowledge()
            if self._owed:
                raise BlockingIOError
        try:
            sent = self._inner.send(data)
        except _WOULD_BLOCK:
            self._within = True  # TLS wants the very same bytes next
            raise
        self._within = sent < len(data)
        return sent

    @property
    def wants_to_write(self) -> bool:
        """Whether there are acknowledgements that the socket has not taken."""
        return bool(self._owed)

    def acknowledge(self) -> None:
        """Send what is owed, as far as the socket takes it, between two packets of paho's."""
        if not self._owed or self._within:
            return
        try:
            self._owed = self._owed[self._inner.send(self._owed) :]
        except _WOULD_BLOCK:
            return
        except OSError as error:
            self._owed, self._end = b"", error

    def read(self, paho_reads: Callable[[], bool]) -> None:
        """Take in what has come. `paho_reads` lets paho read one packet; False when it has hung up."""
        for _ in range(BLOCKS_AT_ONCE):
            more = self._fill()
            while self._peel():
                if not paho_reads():
                    return
            self.acknowledge()
            if not more:
                break
        if self._ended or self._end is not None:
            paho_reads()  # to find that out

    def _fill(self) -> bool:
        """Read a block; whether there may be more."""
        try:
            found = self._inner.recv(BLOCK_BYTES)
        except _WOULD_BLOCK:
            return False
        except OSError as error:
            self._end = error
            return False
        self._ended = not found
        self._later.append(found)
        self._later_bytes += len(found)
        return not self._ended

    def _peel(self) -> bool:
        """Deliver the messages that are next; whether what comes then is for paho."""
        if len(self._bytes) - self._at + self._later_bytes < self._needed:
            return False
        if self._later:
            self._bytes = b"".join((self._bytes[self._at :], *self._later))
            self._at, self._later, self._later_bytes = 0, [], 0
        messages: list[Message] = []
        owed: list[bytes] = []
        try:
            self._at, self._needed = self._take(messages, owed)
            self._free_until = self._at
        except Odd as odd:
            self._at, self._free_until = odd.args
            self._needed = 2
        if messages:
            self._deliver(messages)
        self._owed += b"".join(owed)
        return self._free_until > self._at

    def _take(self, messages: list[Message], owed: list[bytes]) -> tuple[int, int]:
        """Messages from `_at` on: where the next packet begins, and how many bytes it needs to be whole.

        Raises Odd with begin and end of a packet that is for paho. One loop without calls: it runs for
        every message that a fleet sends.
        """
        data, at, last, modern = self._bytes, self._at, len(self._bytes), self._modern
        pahos = self._is_pahos_turn()
        while last - at >= 2:
            head, length, body = data[at], data[at + 1], at + 2
            if length > 127:
                length, body = _length(data, at, last)
                if not body:
                    return at, length
            end = body + length
            if end > last:
                return at, end - at
            if pahos or head & _KIND_AND_QOS_2 != _PUBLISH or length < 3:
                raise Odd(at, end)
            topic_end = body + 2 + (data[body] << 8 | data[body + 1])
            begin = topic_end + (head & _QOS_1)  # two bytes of message id
            if (
                modern and begin < end
            ):  # behind its properties; so many that their length has two bytes are odd
                begin += 1 + data[begin] if data[begin] < 128 else end
            if begin > end or topic_end == body + 2:
                raise Odd(at, end)
            try:
                topic = str(data[body + 2 : topic_end], "utf-8")
            except UnicodeDecodeError:
                raise Odd(at, end) from None
            messages.append((topic, data[begin:end], bool(head & _RETAIN)))
            if head & _QOS_1:
                owed.append(_PUBACK + data[topic_end : topic_end + 2])
            at = end
        return at, 2

    def _is_pahos_turn(self) -> bool:
        now = time.monotonic()
        if now < self._paho_reads_at:
            return False
        self._paho_reads_at = now + PAHO_READS_EVERY_S
        return True


def _length(data: bytes, at: int, last: int) -> tuple[int, int]:
    """A length of several bytes, and where the body begins; (bytes needed, 0) before it is there.

    Raises Odd when that is no length: paho shall say so.
    """
    length = 0
    for place in range(_LENGTH_BYTES):
        here = at + 1 + place
        if here == last:
            return here + 1 - at, 0
        length |= (data[here] & 127) << (7 * place)
        if data[here] < 128:
            return length, here + 1
    raise Odd(at, last)
