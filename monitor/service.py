"""The monitor as a process: broker, ingest, store and page put together, ended by a signal."""

import json
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import BrokerError
from edge.message import ROOT
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from monitor.history.limits import Limits
from monitor.ingest import Ingest
from monitor.live import Live
from monitor.server import Server
from monitor.store import Store
from monitor.web.app import Web
from monitor.web.devices import Devices

LEAVES = ("status", "info", "state", "data", "event", "health", "res/+")
START_WAIT_S = 10.0
GOODBYE_S = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a monitor is started with. `wait`: a broker that is away at the start is no error."""

    broker: BrokerSettings
    listener: socket.socket
    store: Path
    wait: bool = False
    limits: Limits = field(default_factory=Limits)


class Monitor:
    """All parts, from `start` to `stop`."""

    def __init__(self, settings: Settings) -> None:
        """Open the store; no network yet. Raises ConfigError."""
        self._settings = settings
        self._live = Live()
        self.store = Store(settings.store, settings.limits)
        self.ingest = Ingest(self.store, self._live, self._ask)
        self.connection = Connection(
            settings.broker,
            on_message=self.ingest.take,
            on_connect=self._connected,
            on_disconnect=self._tell,
        )
        for leaf in LEAVES:
            self.connection.subscribe(f"{ROOT}/+/{leaf}", qos=1)
        rooms = Devices(self.store, self.ingest, self._broker_reason).routes()
        web = Web(self.ingest, self._live, self._broker_reason)
        self.server = Server(web.app(rooms), settings.listener, self._live)

    def start(self) -> None:
        """Connect, then serve. Raises BrokerError when the broker refuses, unless told to wait."""
        self.ingest.start()
        self.connection.start()
        if not self._settings.wait:
            self.connection.wait_connected(START_WAIT_S)
        self.server.start()

    def stop(self) -> None:
        """Say goodbye to pages and broker, commit what came; also after a start that failed."""
        self.server.stop()
        self.connection.stop(GOODBYE_S)
        self.ingest.stop()
        self.store.close()

    def _ask(self, name: str, payload: bytes, expiry_s: int) -> bool:
        try:
            self.connection.publish(name, payload, qos=1, expiry_s=expiry_s)
        except BrokerError:
            return False
        return True

    def _connected(self, _: bool) -> None:
        self.ingest.reconnected()
        self._tell(None)

    def _tell(self, problem: str | None) -> None:
        self._live.publish(json.dumps({"problem": problem}).encode())

    def _broker_reason(self) -> str | None:
        return None if self.connection.connected else self.connection.reason


def serve(settings: Settings, say: Callable[[dict[str, Any]], None]) -> int:
    """Run until SIGTERM or SIGINT; the exit status. Raises PicanaryError when it cannot begin."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    monitor = Monitor(settings)
    try:
        monitor.start()
        say({"page": monitor.server.url, "broker": settings.broker.address, "store": str(settings.store)})
        ending.wait()
    finally:
        monitor.stop()
    say({"received": {name: each["counts"] for name, each in monitor.ingest.summaries.items()}})
    return 0
