"""The monitor as a process: broker, ingest, store and page put together, ended by a signal."""

import json
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.errors import BrokerError, PicanaryError
from edge.message import ROOT
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from edge.notify import ServiceManager
from monitor.absence import Absences, last_written_ms
from monitor.access.door import Door
from monitor.alerts import channels
from monitor.alerts.desk import Desk
from monitor.alerts.settings import Settings as AlertSettings
from monitor.alerts.telegraph import Confirmations
from monitor.alerts.watch import Watch
from monitor.heat import Heat
from monitor.history.limits import Limits
from monitor.ingest import Ingest
from monitor.labels import Labels
from monitor.live import Live
from monitor.message import PAYLOAD_BYTES
from monitor.orders import Orders
from monitor.server import Server
from monitor.store import Store
from monitor.web.absences import AbsenceRoutes
from monitor.web.alerts import AlertRoutes
from monitor.web.app import Web
from monitor.web.devices import Devices
from monitor.web.events import Events
from monitor.web.export import Exports
from monitor.web.fleet import FleetRoutes
from monitor.web.labels import LabelRoutes
from monitor.web.whatif import WhatIf

LEAVES = ("status", "info", "state", "data", "event", "health", "res/+")
PACKET_BYTES = 2 * PAYLOAD_BYTES  # what is larger is not even sent to us
START_WAIT_S = 10.0
GOODBYE_S = 1.0
ALIVE_S = 30.0  # a thread that has not come round for so long hangs


@dataclass(frozen=True, slots=True)
class Settings:
    """What a monitor is started with. `wait`: a broker that is away at the start is no error.

    Without `alerts` they are judged by the default rules, and sent to nobody.
    """

    broker: BrokerSettings
    listener: socket.socket
    store: Path
    wait: bool = False
    limits: Limits = field(default_factory=Limits)
    alerts: AlertSettings | None = None
    door: Door = field(default_factory=Door)


class Monitor:
    """All parts, from `start` to `stop`."""

    def __init__(self, settings: Settings) -> None:
        """Open the store; no network yet. Raises ConfigError."""
        self._settings = settings
        self._is_there = False
        self._live = Live()
        since_ms = last_written_ms(settings.store)
        self.store = Store(settings.store, settings.limits)
        self._absences = Absences(self.store, since_ms)
        self.ingest = Ingest(self.store, self._live, self._ask)
        self._orders = Orders(self._ask)
        confirmations = Confirmations()
        self.connection = Connection(
            replace(settings.broker, packet_bytes=PACKET_BYTES),
            on_messages=self._hear,
            on_connect=self._connected,
            on_disconnect=self._tell,
            on_published=confirmations.confirmed,
        )
        for leaf in LEAVES:
            self.connection.subscribe(f"{ROOT}/+/{leaf}", qos=1)
        self.watch = Watch(lambda: self.ingest.summaries, self._broker_reason, lambda: self.ingest.problem)
        self.ingest.on_events = self.watch.hear
        self.alerts = self._desk(settings.alerts or AlertSettings(), confirmations)
        heat = Heat(self.store)
        self.ingest.on_records = heat.note
        rooms = [
            *Devices(self.store, self.ingest, self._live, self._broker_reason).routes(),
            *FleetRoutes(heat, self.ingest).routes(),
            *Events(self.store, self.ingest).routes(),
            *AlertRoutes(self.alerts, settings.alerts is not None).routes(),
            *LabelRoutes(Labels(self.store), self.ingest, self._live).routes(),
            *WhatIf(self.store, self.ingest, self._orders).routes(),
            *Exports(self.store, self.ingest).routes(),
            *AbsenceRoutes(self._absences).routes(),
        ]
        web = Web(self.ingest, self._live, self._broker_reason)
        app = web.app(rooms, settings.door, settings.listener.getsockname()[1])
        self.server = Server(app, settings.listener, self._live, settings.door.tls)

    def start(self) -> None:
        """Connect, then serve. Raises BrokerError when the broker refuses, unless told to wait."""
        self.ingest.start()
        self.connection.start()
        if not self._settings.wait:
            self.connection.wait_connected(START_WAIT_S)
        self._absences.end()
        self._is_there = True
        self.watch.recall(self.store)
        self.alerts.start()
        self.server.start()

    def stop(self) -> None:
        """Say goodbye to pages and broker, commit what came; also after a start that failed."""
        self.server.stop()
        self.alerts.stop()
        self.connection.stop(GOODBYE_S)
        self.ingest.stop()
        self.store.close()
        if self._is_there:
            self._settings.store.touch()  # it was, until now, though nobody may have said anything

    def is_alive(self) -> bool:
        """Whether what comes is kept, and who asks is answered."""
        return self.ingest.comes_round(ALIVE_S) and self.server.comes_round(ALIVE_S)

    def _hear(self, messages: list[tuple[str, bytes, bool]]) -> None:
        for name, payload, _ in messages:
            if "/res/" in name:
                self._orders.hear(name, payload)
        self.ingest.take([(name, payload) for name, payload, _ in messages])

    def _ask(self, name: str, payload: bytes, expiry_s: int) -> bool:
        try:
            self.connection.publish(name, payload, qos=1, expiry_s=expiry_s)
        except BrokerError:
            return False
        return True

    def _connected(self, _: bool) -> None:
        self.ingest.reconnected()
        self.alerts.hurry()
        self._tell(None)

    def _desk(self, settings: AlertSettings, confirmations: Confirmations) -> Desk:
        try:
            ways = channels.make(settings, self.connection, confirmations)
        except PicanaryError:
            self.store.close()
            raise
        return Desk(self.store, self.watch, settings, ways, self._publish)

    def _publish(self, news: dict[str, Any]) -> None:
        self._live.publish(json.dumps(news).encode())

    def _tell(self, problem: str | None) -> None:
        self._live.publish(json.dumps({"problem": problem}).encode())

    def _broker_reason(self) -> str | None:
        return None if self.connection.connected else self.connection.reason


def serve(settings: Settings, say: Callable[[dict[str, Any]], None]) -> int:
    """Run until SIGTERM or SIGINT; the exit status. Raises PicanaryError when it cannot begin."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    manager = ServiceManager()
    monitor = Monitor(settings)
    try:
        monitor.start()
        say({"page": monitor.server.url, "broker": settings.broker.address, "store": str(settings.store)})
        manager.ready(f"the page: {monitor.server.url}")
        while not ending.wait(manager.watchdog_s / 4 or None):
            if monitor.is_alive():
                manager.tell("WATCHDOG=1")
        manager.stopping()
    finally:
        monitor.stop()
    say({"received": {name: each["counts"] for name, each in monitor.ingest.summaries.items()}})
    return 0
