"""A subscriber that notes what came and when, and is back before anybody else after an outage."""

import threading
import time
from types import TracebackType

import paho.mqtt.client as paho

from tests.brokers import Broker

DEADLINE_S = 30.0
RETRY_S = 0.02  # a message that finds no subscriber is no loss of the one who sent it


class Listener:
    """All messages of a broker, in the order in which they came."""

    def __init__(self, broker: Broker) -> None:
        """Connects, and subscribes to everything."""
        self.messages: list[tuple[float, str, bytes]] = []  # perf_counter, topic, payload
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(RETRY_S, RETRY_S)  # type: ignore[arg-type]  # it takes any number
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_disconnect = lambda *_: self._subscribed.clear()
        self._client.on_message = self._hear
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self.wait_subscribed()

    def wait_subscribed(self) -> None:
        """Until the broker has taken the subscription (again)."""
        if not self._subscribed.wait(DEADLINE_S):
            raise RuntimeError("the broker takes no subscription")

    def _hear(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.messages.append((time.perf_counter(), message.topic, message.payload))
            self._changed.notify_all()

    def first(self, part: str, deadline_s: float) -> float:
        """When the first message came whose topic has that part."""
        found: list[float] = []

        def there() -> bool:
            found.extend(at for at, topic, _ in self.messages if part in topic)
            return bool(found)

        with self._changed:
            if not self._changed.wait_for(there, deadline_s):
                raise RuntimeError(f"no message on {part} in {deadline_s:g} s")
        return found[0]

    def __enter__(self) -> "Listener":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()
