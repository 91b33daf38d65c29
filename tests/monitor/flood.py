"""A monitor as its users start it, and somebody who may publish anything, as fast as the broker takes it."""

import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.brokers import Broker, mosquitto
from tests.monitor import messages

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
LISTENING = "listening"
# so that the broker drops nothing of a flood: what arrives is to be counted
ALL_OF_IT = "allow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\nmax_packet_size 67108864"


@dataclass
class Running:
    """A monitor in a process of its own."""

    process: "subprocess.Popen[str]"
    url: str
    pages: httpx.Client

    def health(self) -> dict[str, Any]:
        """What /healthz says."""
        found: dict[str, Any] = self.pages.get("/healthz").json()
        return found

    def listens(self, anybody: "Publisher") -> bool:
        """Whether the broker has its subscriptions by now: then it knows one device, LISTENING."""
        anybody.publish(f"picanary/v1/{LISTENING}/status", messages.status("online"))
        anybody.settle()
        time.sleep(0.2)
        return LISTENING in self.devices()

    def devices(self) -> dict[str, dict[str, Any]]:
        """All devices, by id."""
        return {one["id"]: one for one in self.pages.get("/api/devices").json()["devices"]}

    def device(self, device: str) -> dict[str, Any]:
        """All that the page can know of one."""
        found: dict[str, Any] = self.pages.get(f"/api/devices/{device}").json()
        return found

    @property
    def resident_mb(self) -> float:
        """Memory of the process, now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def command(port: int, store: Path, *more: str, listen: str = "127.0.0.1:0") -> list[str]:
    """Of a monitor."""
    where = ["--broker", f"127.0.0.1:{port}", "--listen", listen, "--store", str(store)]
    return [sys.executable, "-m", "monitor", *where, "--json", *more]


@contextmanager
def running(broker: Broker, store: Path, *more: str) -> Iterator[Running]:
    """One that ends with the block, and was alive until then."""
    line = command(broker.port, store, *more)
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["page"]
            with httpx.Client(base_url=url, timeout=PATIENCE_S) as pages:
                yield Running(process, url, pages)
            assert process.poll() is None, "it has ended"
        finally:
            process.terminate()
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


class Publisher:
    """MQTT 3.1.1 by hand: any bytes as a payload, a hundred thousand messages a second."""

    def __init__(self, port: int) -> None:
        """Connect. Raises OSError."""
        self._wire = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self._waiting = bytearray()
        self._number = 0
        name = f"flood-{os.getpid()}-{id(self)}".encode()
        self._send(0x10, b"\0\x04MQTT\x04\x02\0\0" + struct.pack(">H", len(name)) + name)
        self._flush()
        self._read(4)

    def publish(self, topic: str, payload: bytes) -> None:
        """QoS 1, so that the broker drops none; acknowledgements are read in `settle`."""
        self._number = self._number % 60_000 + 1
        name = topic.encode()
        self._send(0x32, struct.pack(">H", len(name)) + name + struct.pack(">H", self._number) + payload)
        self._unread += 4
        if len(self._waiting) > 65_536:
            self._flush()
        if self._unread > 40_000:
            self._acknowledged()

    _unread = 0

    def settle(self) -> None:
        """Until the broker has all of it."""
        self._flush()
        self._acknowledged()

    def close(self) -> None:
        """Hang up."""
        self._wire.close()

    def _acknowledged(self) -> None:
        self._flush()
        self._read(self._unread)
        self._unread = 0

    def _send(self, kind: int, body: bytes) -> None:
        length = len(body)
        self._waiting.append(kind)
        while True:
            length, digit = divmod(length, 128)
            self._waiting.append(digit | (0x80 if length else 0))
            if not length:
                break
        self._waiting += body

    def _flush(self) -> None:
        self._wire.sendall(self._waiting)
        self._waiting.clear()

    def _read(self, count: int) -> None:
        while count:
            found = self._wire.recv(min(count, 65_536))
            if not found:
                raise ConnectionError("the broker hung up")
            count -= len(found)


@contextmanager
def publisher(port: int) -> Iterator[Publisher]:
    """Connected; ends with the block."""
    made = Publisher(port)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def heard(store: Path) -> Iterator[tuple[Running, Publisher]]:
    """A monitor with a broker of its own, and a publisher to which it listens by now."""
    with mosquitto(ALL_OF_IT) as broker, running(broker, store) as monitor, publisher(broker.port) as anybody:
        while not monitor.listens(anybody):
            pass
        yield monitor, anybody
