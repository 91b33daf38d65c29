"""A name server that answers what a test tells it to, or nothing: a few packets of DNS by hand."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PORT = 53  # the only one that a resolv.conf can name: for a network of the test's own
ADDRESS_RECORD = 1
NO_SUCH_NAME = 3
ANSWER = 0x8180  # a response, recursion desired and available


class NameServer:
    """`address`: that of every name; empty: there is no such name; None: no answer at all."""

    def __init__(self, address: str | None) -> None:
        self.address = address
        self.asked: list[float] = []  # the monotonic time of each look-up, of an IPv4 address
        self._door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._door.bind(("127.0.0.1", PORT))
        self._door.settimeout(0.1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="names", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                query, client = self._door.recvfrom(512)
            except TimeoutError:
                continue
            (kind,) = struct.unpack(">H", query[query.index(b"\0", 12) + 1 :][:2])
            if kind == ADDRESS_RECORD:
                self.asked.append(time.monotonic())
            if self.address is not None:
                self._door.sendto(self._answer(query, kind), client)

    def _answer(self, query: bytes, kind: int) -> bytes:
        question = query[12 : query.index(b"\0", 12) + 5]
        found = bool(self.address) and kind == ADDRESS_RECORD
        code = ANSWER if self.address else ANSWER | NO_SUCH_NAME
        head = query[:2] + struct.pack(">5H", code, 1, int(found), 0, 0)
        if not found:
            return head + question
        # the name of the question once more, by its place; to be forgotten at once
        record = struct.pack(">3HIH", 0xC00C, kind, 1, 0, 4) + socket.inet_aton(self.address or "")
        return head + question + record

    def close(self) -> None:
        """Answer nobody any more."""
        self._stopping.set()
        self._thread.join()
        self._door.close()


@contextmanager
def name_server(address: str | None) -> Iterator[NameServer]:
    """A name server at the loopback's port 53, until the end of the block."""
    made = NameServer(address)
    try:
        yield made
    finally:
        made.close()
