"""A monitor and a publisher in the test's own process, around a real broker."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx

from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from monitor.server import bind
from monitor.service import Monitor, Settings
from tests.brokers import Broker
from tests.monitor import messages

PATIENCE_S = 60.0
_ids = itertools.count()


@contextmanager
def monitor(broker: Broker, store: Path, *, wait: bool = False) -> Iterator[tuple[Monitor, httpx.Client]]:
    """A running monitor and a client of its pages."""
    settings = BrokerSettings("127.0.0.1", broker.port, f"monitor-{next(_ids)}")
    made = Monitor(Settings(settings, bind("127.0.0.1", 0), store, wait))
    try:
        made.start()
        with httpx.Client(base_url=made.server.url, timeout=PATIENCE_S) as client:
            yield made, client
    finally:
        made.stop()


@dataclass
class Agent:
    """Publishes what a test says, as device `cellar` unless told otherwise."""

    connection: Connection
    device: str = "cellar"

    def send(self, leaf: str, payload: bytes, retain: bool = False) -> None:
        """One message, as it is."""
        self.connection.publish(f"picanary/v1/{self.device}/{leaf}", payload, retain=retain)

    def born(self, session: str = "s1", **other: Any) -> None:
        """Status and birth certificate, retained as the contract says."""
        self.send("status", messages.status("online", session), retain=True)
        self.send("info", messages.info(session, device=self.device, **other), retain=True)

    def records(self, *records: dict[str, Any]) -> None:
        """One `data` message."""
        self.send("data", messages.data(*records))


@contextmanager
def agent(broker: Broker, device: str = "cellar") -> Iterator[Agent]:
    """A connected publisher."""
    made = Connection(BrokerSettings("127.0.0.1", broker.port, f"agent-{next(_ids)}"))
    made.start()
    try:
        made.wait_connected(PATIENCE_S)
        yield Agent(made, device)
    finally:
        made.stop()


def until(condition, timeout_s: float = PATIENCE_S) -> Any:
    """The first true answer of `condition`, asked again and again."""
    deadline = monotonic() + timeout_s
    while not (answer := condition()):
        assert monotonic() < deadline, f"not within {timeout_s} s: {condition}"
        sleep(0.02)
    return answer
