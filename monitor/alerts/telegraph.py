"""Letters by MQTT, through the monitor's own connection; delivered once the broker has confirmed."""

import threading
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from edge.errors import BrokerError
from monitor.alerts.channel import NotDelivered
from monitor.alerts.letter import Letter

CONFIRM_S = 30.0
FLEET_LEAF = "_fleet"  # of several devices
MONITOR_LEAF = "_monitor"


class Publisher(Protocol):
    """The part of edge's Connection that is needed here."""

    def publish(
        self, topic: str, payload: bytes, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> int:
        """Its number, for `confirmed`. Raises BrokerError."""


class Confirmations:
    """Who waits for the broker's word on what was published; `confirmed` may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._publishing = 0
        self._answers: dict[int, str | None] = {}

    def confirmed(self, number: int, error: str | None) -> None:
        """The connection's `on_published`; of interest only while somebody publishes here."""
        with self._changed:
            if self._publishing:
                self._answers[number] = error
                self._changed.notify_all()

    def wait(self, publish: Callable[[], int], timeout_s: float) -> None:
        """Publish, and wait for the broker. Raises NotDelivered."""
        with self._changed:
            self._publishing += 1  # before it is out: the answer may be quicker than we are
        try:
            number = publish()
            with self._changed:
                if not self._changed.wait_for(lambda: number in self._answers, timeout_s):
                    raise NotDelivered(f"the broker has not confirmed it within {timeout_s:g} s")
                error = self._answers.pop(number)
        except BrokerError as reason:
            raise NotDelivered(str(reason)) from reason
        finally:
            with self._changed:
                self._publishing -= 1
                if not self._publishing:
                    self._answers.clear()
        if error is not None:
            raise NotDelivered(error)


class Telegraph:
    """One topic, with the device's name below it."""

    def __init__(
        self,
        name: str,
        topic: str,
        retain: bool,
        kinds: frozenset[str],
        connection: Publisher,
        confirmations: Confirmations,
    ) -> None:
        self.name = name
        self.kinds = kinds
        self._topic = topic.rstrip("/")
        self._retain = retain
        self._connection = connection
        self._confirmations = confirmations

    def send(self, letter: Letter) -> None:
        """Publish it with QoS 1. Raises NotDelivered."""
        leaf = (
            MONITOR_LEAF
            if not letter.devices
            else FLEET_LEAF
            if len(letter.devices) > 1
            else letter.devices[0]
        )
        body: Any = msgspec.json.encode(letter.to_json())

        def publish() -> int:
            return self._connection.publish(f"{self._topic}/{leaf}", body, 1, self._retain)

        self._confirmations.wait(publish, CONFIRM_S)
