"""Messages taken out of the stream are those that paho would have found, in the same order."""

import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from functools import partial

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.mqtt import network_loop, wire
from edge.mqtt.wire import Message, Wire
from tests.brokers import amqtt_broker, mosquitto
from tests.edge import connections
from tests.edge.connections import PATIENCE_S, Log, self_signed

# who asks for many at once gets the wire; both hear each message
connection = partial(connections.connection, on_messages=lambda _: None)

MANY = 2000
ALL_OF_IT = "allow_anonymous true\nmax_queued_messages 0"


class Line:
    """One end of a TCP connection: gives what `come` holds piece by piece, takes what `room` allows."""

    def __init__(self, come: list[bytes], room: Iterator[int] | None = None) -> None:
        self.come, self.room, self.sent = deque(come), room, bytearray()

    def recv(self, size: int) -> bytes:
        if not self.come:
            raise BlockingIOError
        found = self.come.popleft()
        if len(found) > size:
            self.come.appendleft(found[size:])
        return found[:size]

    def send(self, data: bytes) -> int:
        taken = len(data) if self.room is None else min(len(data), next(self.room))
        if taken == 0:
            raise ssl.SSLWantWriteError
        self.sent += data[:taken]
        return taken

    def fileno(self) -> int:
        return -1

    def setblocking(self, flag: bool) -> None: ...

    def close(self) -> None: ...


def packet(head: int, body: bytes) -> bytes:
    """With its length before it."""
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([head]) + bytes(digits) + body


def obvious(stream: bytes) -> list[tuple[int, bytes]]:
    """Packets as (head, body), one after the other; the last may be incomplete and is left out then."""
    found, at = [], 0
    while at < len(stream):
        head, length, shift, place = stream[at], 0, 0, at + 1
        while place < len(stream):
            length |= (stream[place] & 127) << shift
            shift += 7
            place += 1
            if stream[place - 1] < 128:
                break
        else:
            return found
        if place + length > len(stream):
            return found
        found.append((head, stream[place : place + length]))
        at = place + length
    return found


class Paho:
    """Reads a packet as paho does: a byte, its length byte by byte, and the rest."""

    def __init__(self, wire: Wire) -> None:
        self.wire, self.packets, self.ended = wire, list[tuple[int, bytes]](), False

    def __call__(self) -> bool:
        head = self._exactly(1)
        if not head:
            self.ended = True
            return False
        length = shift = 0
        while True:
            digit = self._exactly(1)[0]
            length |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
        self.packets.append((head[0], self._exactly(length)))
        with pytest.raises(BlockingIOError):  # the next packet is not its own
            self.wire.recv(1)
        return True

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            more = self.wire.recv(size - len(found))
            if not more:
                break
            found += more
        return found


def publish(qos: int, flags: int, topic: bytes, mid: int, properties: bytes | None, payload: bytes) -> bytes:
    """As a broker sends it; `properties` of MQTT 5."""
    body = len(topic).to_bytes(2, "big") + topic + (mid.to_bytes(2, "big") if qos else b"")
    if properties is not None:
        body += packet(0, properties)[1:]
    return packet(0x30 | qos << 1 | flags, body + payload)


topics = st.one_of(
    st.sampled_from([b"a", b"picanary/v1/cellar/data", "grün".encode()]), st.binary(max_size=4)
)
payloads = st.one_of(st.binary(max_size=20), st.binary(min_size=120, max_size=300))
others = st.builds(packet, st.sampled_from([0x20, 0x40, 0x90, 0xD0, 0xE0]), st.binary(max_size=5))
broken = st.builds(packet, st.sampled_from([0x30, 0x32, 0x3D]), st.binary(max_size=6))


def messages_of(modern: bool) -> st.SearchStrategy[bytes]:
    properties = st.one_of(st.just(b""), st.binary(max_size=5), st.binary(min_size=128, max_size=200))
    return st.builds(
        publish,
        *(st.sampled_from([0, 1, 1, 1, 2]), st.sampled_from([0, 1, 8]), topics, st.integers(1, 65_535)),
        properties if modern else st.none(),
        payloads,
    )


def understood(packets: list[tuple[int, bytes]], modern: bool) -> list[Message | tuple[int, bytes]]:
    """In their order, each as it must come out: a message, or a packet that is paho's."""
    return [_message(head, body, modern) or (head, body) for head, body in packets]


def _message(head: int, body: bytes, modern: bool) -> Message | None:
    if head >> 4 != 3 or head & 4 or len(body) < 3:
        return None
    topic_end = 2 + int.from_bytes(body[:2], "big")
    begin = topic_end + (2 if head & 2 else 0)
    if modern and begin < len(body):
        if body[begin] > 127:
            return None
        begin += 1 + body[begin]
    if begin > len(body) or topic_end == 2:
        return None
    try:
        return body[2:topic_end].decode(), body[begin:], bool(head & 1)
    except UnicodeDecodeError:
        return None


@given(st.booleans(), st.data())
def test_whatever_comes_comes_out_once_in_its_order_however_it_is_cut(modern: bool, data: st.DataObject):
    some = data.draw(st.lists(st.one_of(messages_of(modern), others, broken), max_size=12))
    stream = b"".join(some)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6).map(sorted))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) if a < b]
    line, came = Line(pieces), list[Message | tuple[int, bytes]]()
    made = Wire(line, modern, came.extend)
    made._paho_reads_at = float("inf")
    paho_reads = Paho(made)

    def read() -> bool:
        alive = paho_reads()
        came.extend(paho_reads.packets)
        paho_reads.packets.clear()
        return alive

    while line.come:
        made.read(read)
    expected = understood(obvious(stream), modern)
    assert came == expected
    owed = [body for head, body in obvious(stream) if _message(head, body, modern) and head & 2]
    ends = [2 + int.from_bytes(body[:2], "big") for body in owed]
    assert line.sent == b"".join(
        b"\x40\x02" + body[end : end + 2] for body, end in zip(owed, ends, strict=True)
    )


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 6), st.integers(1, 6))
def test_no_acknowledgement_stands_in_a_packet_of_pahos(room: list[int], blocks: int, each: int):
    """However little the socket takes: TLS gets the very same bytes again, and packets stay whole."""

    def taken() -> Iterator[int]:
        yield from room
        while True:
            yield 1000

    line = Line([], taken())
    made = Wire(line, False, lambda _: None)
    made._paho_reads_at = float("inf")
    waiting = deque(packet(0x32, bytes([number]) * 20) for number in range(blocks))
    mid = 0
    for _ in range(blocks * 30):
        if mid < blocks * each:
            line.come.append(b"".join(publish(1, 0, b"a", mid + n + 1, None, b"x") for n in range(each)))
            mid += each
        made.read(lambda: True)
        if waiting:
            try:
                sent = made.send(waiting[0])
            except (BlockingIOError, ssl.SSLWantWriteError):
                continue
            waiting[0] = waiting[0][sent:]
            if not waiting[0]:
                waiting.popleft()
        made.acknowledge()
    assert not waiting and not made.wants_to_write
    packets = obvious(bytes(line.sent))
    assert sum(len(packet(*each)) for each in packets) == len(line.sent)
    assert [body for head, body in packets if head == 0x32] == [bytes([n]) * 20 for n in range(blocks)]
    assert [int.from_bytes(body, "big") for head, body in packets if head == 0x40] == [*range(1, mid + 1)]
    assert mid == blocks * each


def test_paho_reads_a_message_now_and_then_lest_it_take_the_line_for_dead():
    line, came = Line([publish(1, 0, b"a", 1, None, b"first") * 3]), list[Message]()
    made = Wire(line, False, came.extend)
    paho_reads = Paho(made)
    made.read(paho_reads)
    assert len(paho_reads.packets) == 1 and len(came) == 2


@pytest.mark.parametrize("ending", ["hung up", "broken"])
def test_paho_is_told_how_the_line_ended(ending: str):
    class Ended(Line):
        def recv(self, size: int) -> bytes:
            if self.come:
                return super().recv(size)
            if ending == "broken":
                raise ConnectionResetError
            return b""

    came = list[Message]()
    made = Wire(Ended([publish(0, 0, b"a", 0, None, b"last")]), False, came.extend)
    made._paho_reads_at = float("inf")
    if ending == "hung up":
        paho_reads = Paho(made)
        made.read(paho_reads)
        assert paho_reads.ended
    else:
        with pytest.raises(ConnectionResetError):
            made.read(Paho(made))
    assert came == [("a", b"last", False)]


def test_a_large_packet_is_put_together_once():
    """Joined at each piece that comes, it would cost the square of its length."""
    large = publish(1, 0, b"a", 7, None, b"x" * 10_000_000)
    pieces = [large[at : at + wire.BLOCK_BYTES] for at in range(0, len(large), wire.BLOCK_BYTES)]
    line, came = Line(pieces), list[Message]()
    made = Wire(line, False, came.extend)
    made._paho_reads_at = float("inf")
    most = 0
    while line.come:
        made.read(lambda: True)
        most = max(most, len(made._later))
    assert [len(payload) for _, payload, _ in came] == [10_000_000]
    assert most > 100, "it was joined piece by piece"


def test_the_installed_paho_lets_who_wants_many_have_its_socket_and_nobody_else():
    """Should this fail with a new paho: all works, and the monitor takes in a third as much."""
    with (
        mosquitto() as running,
        connection(running.port) as one,
        connections.connection(running.port) as agent,
    ):
        for_many, for_each = one._up, agent._up
        assert for_many is not None and isinstance(for_many.client.socket(), Wire)
        assert for_each is not None and not isinstance(for_each.client.socket(), Wire)


@pytest.fixture(params=["wire", "paho alone"])
def reading(request, monkeypatch):
    """Both ways of reading: the second is that of a paho which would not let us have its socket."""
    if request.param == "paho alone":
        monkeypatch.setattr(network_loop.Client, "_create_socket", paho.Client._create_socket)
    return request.param


@pytest.mark.parametrize("broker", [mosquitto, amqtt_broker])
def test_thousands_come_in_their_order_and_are_acknowledged(reading, broker):
    """The broker has but 20 messages under way: it would stop without acknowledgements."""
    log, count = Log(), MANY if broker is mosquitto else MANY // 10
    started = mosquitto(ALL_OF_IT) if broker is mosquitto else broker()
    with started as running, connection(running.port, log) as ear, connection(running.port) as mouth:
        ear.subscribe("a/#")
        ear.publish("a/ready", b"")
        log.wait(lambda: log.messages)
        for number in range(count):
            mouth.publish(f"a/{number % 7}", b"%d" % number)
        log.wait(lambda: len(log.messages) > count)
        assert not ear.faults
    assert [int(payload) for _, payload, _ in log.messages[1:]] == [*range(count)]


def test_it_reads_over_tls_and_comes_back(reading, tmp_path):
    certificate, key = self_signed(tmp_path)
    log = Log()
    tls = f"allow_anonymous true\ncertfile {certificate}\nkeyfile {key}"
    options = {"host": "localhost", "cafile": certificate}
    with (
        mosquitto(tls) as running,
        connection(running.port, log, **options) as ear,
        connection(running.port, **options) as mouth,
    ):
        ear.subscribe("a")
        ear.publish("a", b"ready")
        log.wait(lambda: log.messages)
        large = b"x" * 300_000  # many records of TLS
        for each in (b"1", large, b"2"):
            mouth.publish("a", each)
        log.wait(lambda: len(log.messages) == 4)
        assert [payload for _, payload, _ in log.messages[1:]] == [b"1", large, b"2"]
        running.kill()
        log.wait(lambda: log.disconnects)
        running.start()
        log.wait(lambda: len(log.connects) == 2)
        ear.publish("a", b"back")
        log.wait(lambda: log.messages[-1][1] == b"back")
        assert not ear.faults


@pytest.mark.parametrize("at_once", [True, False])
def test_a_callback_that_breaks_costs_nobody_else_a_message(reading, at_once):
    """An exception is counted; neither the thread nor the messages after it go."""
    heard = {b"bad": threading.Event(), b"last": threading.Event()}

    def hear(payload: bytes) -> None:
        heard[payload].set()
        if payload == b"bad":
            raise ValueError("on purpose")

    options = (
        {"on_message": lambda _, payload, __: hear(payload)}
        if not at_once
        else {"on_message": None, "on_messages": lambda many: [hear(payload) for _, payload, _ in many]}
    )
    with mosquitto() as running, connection(running.port, **options) as one:
        one.subscribe("a")
        for payload, event in heard.items():
            one.publish("a", payload)
            assert event.wait(60)
        assert sum(one.faults.values()) == 1


def test_the_callback_may_wait_and_the_broker_waits_with_it(reading):
    """Back pressure: nothing is taken from the broker while nobody has room for it."""
    begun, room, log = threading.Event(), threading.Event(), Log()

    def hear(topic: str, payload: bytes, retained: bool) -> None:
        begun.set()
        room.wait(60)
        log.on_message(topic, payload, retained)

    with (
        mosquitto(ALL_OF_IT) as running,
        connection(running.port, on_message=hear) as ear,
        connection(running.port, log, on_message=None) as mouth,
    ):
        ear.subscribe("a")
        ear.publish("a", b"0")
        assert begun.wait(60)
        numbers = [mouth.publish("a", b"%d" % number) for number in range(1, 200)]
        log.wait(lambda: all(number in log.published for number in numbers))
        assert not log.messages
        room.set()
        log.wait(lambda: len(log.messages) == 200)
    assert {int(payload) for _, payload, _ in log.messages} == {*range(200)}


def test_a_packet_that_is_none_is_paho_s_to_refuse(reading):
    """A length without end: the connection breaks and is tried again, and no thread dies of it."""
    greeting = {5: b"\x20\x03\x00\x00\x00", 4: b"\x20\x02\x00\x00"}
    log = Log()
    with socket.create_server(("127.0.0.1", 0)) as server:
        served = threading.Event()

        def serve() -> None:
            while not served.is_set():
                caller = server.accept()[0]
                with caller:
                    caller.settimeout(60)
                    hello = caller.recv(1024)
                    if hello:
                        caller.sendall(greeting[hello[8]] + b"\x30\xff\xff\xff\xff\xff")
                        caller.recv(1024)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with connection(server.getsockname()[1], log, wait=False) as one:
            log.wait(lambda: log.disconnects)
            assert one._thread.is_alive()
            served.set()
            thread.join(PATIENCE_S)  # it may wait for the next try
            assert not thread.is_alive()


def test_blocks_are_small_enough_for_a_pi():
    assert wire.BLOCK_BYTES <= 64 * 1024
