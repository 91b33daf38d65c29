"""One MQTT connection that comes back by itself and hides nothing: the way out of agent and monitor.

Every attempt gets a fresh paho client: what the broker had not acknowledged when a connection
broke is reported as an error, never resent behind the caller's back. MQTT 5 is tried first each
time, 3.1.1 where it is refused.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTProtocolVersion as Protocol
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import BrokerError
from edge.mqtt.backoff import Backoff
from edge.mqtt.broker import BrokerSettings, failure, refusal, tls_context
from edge.mqtt.callbacks import Callbacks
from edge.mqtt.network_loop import NetworkLoop, expiring
from edge.mqtt.outbox import Outbox

LOG = logging.getLogger(__name__)

FLUSH_S = 1.0
ANSWER_S = 4.0
_OTHER = {Protocol.MQTTv5: Protocol.MQTTv311, Protocol.MQTTv311: Protocol.MQTTv5}


class _NoAnswer(Exception):
    """The broker took the connection and says nothing."""


class Connection:
    """A connection to one broker, MQTT 5 where it is spoken and 3.1.1 where it is not.

    All callbacks run in the connection's own thread, and may publish; `on_published` runs with no
    lock held, so it may wait for one that a publisher holds. An exception in a callback is logged
    and counted in `faults` by the callback's name.
    `on_published(number, error)` comes once for every `publish`: error is None once the broker
    has acknowledged it (QoS 0: once it is written), else the sentence why it does not count.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        will: tuple[str, bytes] | None = None,
        on_message: Callable[[str, bytes, bool], None] | None = None,
        on_connect: Callable[[bool], None] | None = None,
        on_disconnect: Callable[[str], None] | None = None,
        on_published: Callable[[int, str | None], None] | None = None,
    ) -> None:
        """Prepare; no network yet. The will is QoS 1, retained. Raises ConfigError for a bad certificate."""
        self.settings = settings
        self._will = will
        self._tls = tls_context(settings)
        self._callbacks = Callbacks(
            on_message=on_message,
            on_connect=on_connect,
            on_disconnect=on_disconnect,
            on_published=on_published,
        )
        self.faults: Counter[str] = self._callbacks.faults
        self._protocol = Protocol.MQTTv5
        self._subscriptions: dict[str, int] = {}
        self._changed = threading.Condition()  # guards the next three, and the subscriptions
        self._client: paho.Client | None = None  # set only while connected
        self._reason = f"the broker at {settings.address} has not answered yet"
        self._mendable = False
        self._outbox = Outbox()
        self._stopping = threading.Event()
        self._stop_at: float | None = None
        self._refused = False
        self._up_since: float | None = None
        self._answer_by = 0.0
        self._loop = NetworkLoop()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and the connection has not been seen to break."""
        return self._client is not None

    @property
    def reason(self) -> str:
        """Why there is no connection, as a sentence; the newest reason when there is one."""
        return self._reason

    def start(self) -> None:
        """Begin to connect, in the background; a broker that is away is no error here."""
        self._thread.start()

    def wait_connected(self, timeout_s: float) -> None:
        """Block until connected.

        Raises BrokerError with the reason when time is up, and at once when only a person can
        mend it (wrong password, no such host).
        """
        with self._changed:
            self._changed.wait_for(lambda: self._client is not None or self._mendable, timeout_s)
            if self._client is None:
                raise BrokerError(self._reason)

    def subscribe(self, topic: str, qos: int = 1) -> None:
        """Subscribe now if connected, and again after every reconnect."""
        with self._changed:
            self._subscriptions[topic] = qos
            if self._client is not None:
                self._client.subscribe(topic, qos)

    def publish(
        self, topic: str, payload: bytes, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> int:
        """Hand one message over; returns its number, never used twice, for `on_published`.

        `expiry_s` is kept by MQTT 5 alone. Raises BrokerError, with nothing queued, when there is
        no connection. Never blocks on the network.
        """
        with self._changed:
            if self._client is None:
                raise BrokerError(f"not published, no connection: {self._reason}")
            new = self._protocol == Protocol.MQTTv5
            properties = expiring(expiry_s) if new and expiry_s is not None else None
            send = partial(self._client.publish, topic, payload, qos, retain, properties)
            return self._outbox.enter(send)

    def stop(self, timeout_s: float = 7.0) -> None:
        """Let what is published be acknowledged for a second at most, disconnect cleanly, end the thread."""
        self._stopping.set()
        self._loop.nudge()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._loop.close()

    def _run(self) -> None:
        backoff = Backoff()
        switched = False
        while not self._stopping.is_set():
            protocol = self._protocol
            lasted_s = self._connect_once()
            refused, switched = self._protocol != protocol and not switched, False
            if lasted_s > 0:
                self._protocol = Protocol.MQTTv5  # the broker may be another one by now
            elif refused:
                switched = True  # the broker wants the other version: no reason to wait
                continue
            self._stopping.wait(backoff.next_s(lasted_s))

    def _connect_once(self) -> float:
        """One connection from its first packet to its end; returns the seconds that it was up."""
        self._refused = False
        self._up_since = None
        client = self._new_client()
        try:
            client.connect(self.settings.host, self.settings.port, self.settings.keepalive_s)
            self._answer_by = time.monotonic() + ANSWER_S
            self._loop.serve(client, lambda: self._turn(client))
        except _NoAnswer:
            # amqtt waits for ever for the rest of an MQTT 5 greeting that has a will
            self._protocol = _OTHER[self._protocol]
            self._explain(f"the broker at {self.settings.address} says nothing: does it speak MQTT, or TLS?")
        except (OSError, UnicodeError) as error:
            self._explain(*failure(self.settings.address, error))
        except Exception as error:  # paho raises on malformed packets; this thread outlives them
            self._callbacks.fault("network", error)
            self._explain(f"the broker at {self.settings.address} sent what is not MQTT: {error}")
        self._lost(client)
        return 0.0 if self._up_since is None else time.monotonic() - self._up_since

    def _new_client(self) -> paho.Client:
        client = self._loop.new_client(self.settings, self._protocol, self._tls, self._will)
        client.on_connect = self._answered
        client.on_message = self._received
        client.on_publish = self._published
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._broken
        return client

    def _turn(self, client: paho.Client) -> None:
        """After each turn of the loop: pass acknowledgements on, and end when asked to."""
        self._pass_on()
        if self._up_since is None and not self._refused and time.monotonic() > self._answer_by:
            raise _NoAnswer
        if self._stopping.is_set():
            self._stop_at = self._stop_at or time.monotonic() + FLUSH_S
            if not self._outbox or time.monotonic() > self._stop_at:
                self._loop.finish(client)

    def _pass_on(self) -> None:
        for number, error in self._outbox.answered():
            self._callbacks.call("on_published", number, error)

    def _answered(self, client: paho.Client, _: Any, flags: Any, reason: ReasonCode, *__: Any) -> None:
        """paho's on_connect: the broker has said yes or no."""
        if reason.is_failure:
            self._refused = True
            self._explain(*refusal(self.settings.address, reason.getName()))
            if reason.getName() == "Unsupported protocol version":
                self._protocol = _OTHER[self._protocol]
            return
        with self._changed:
            self._client, self._up_since, self._mendable = client, time.monotonic(), False
            for topic, qos in self._subscriptions.items():
                client.subscribe(topic, qos)
            self._changed.notify_all()
        self._callbacks.call("on_connect", flags.session_present)

    def _received(self, _: paho.Client, __: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            self._callbacks.fault("topic", error)
        else:
            self._callbacks.call("on_message", topic, bytes(message.payload), bool(message.retain))

    def _published(self, _: paho.Client, __: Any, mid: int, reason: ReasonCode, *___: Any) -> None:
        # Only noted: paho holds its locks here, and a callback that waits for a publisher would hang.
        error = f"the broker did not take it: {reason.getName().lower()}" if reason.is_failure else None
        self._outbox.answer(mid, error)

    def _subscribed(self, _: paho.Client, __: Any, ___: int, reasons: list[ReasonCode], *____: Any) -> None:
        for reason in reasons:
            if reason.is_failure:
                error = BrokerError(f"the broker refused it: {reason.getName().lower()}")
                self._callbacks.fault("subscribe", error)

    def _broken(self, _: paho.Client, __: Any, flags: Any, reason: ReasonCode, *___: Any) -> None:
        """paho's on_disconnect, also after a refusal and after a disconnect of our own."""
        address = self.settings.address
        if self._stopping.is_set():
            self._explain("stopped")
        elif flags.is_disconnect_packet_from_server:
            self._explain(f"the broker at {address} closed the connection: {reason.getName().lower()}")
        elif self._up_since is not None:
            self._explain(f"the connection to the broker at {address} broke")
        elif not self._refused:
            # Some brokers of MQTT 3.1.1 hang up on MQTT 5 without a word.
            self._protocol = _OTHER[self._protocol]
            self._explain(f"the broker at {address} hung up before it answered: does it speak MQTT, or TLS?")

    def _lost(self, client: paho.Client) -> None:
        """Forget the client, and report what it leaves unacknowledged."""
        self._pass_on()
        with self._changed:
            was_up, self._client = self._client is not None, None
        client.on_disconnect = None
        self._loop.finish(client, seconds=0.1)
        for number in self._outbox.abandon():
            self._callbacks.call("on_published", number, f"not acknowledged: {self._reason}")
        if was_up:
            self._callbacks.call("on_disconnect", self._reason)

    def _explain(self, sentence: str, mendable: bool = False) -> None:
        with self._changed:
            self._reason, self._mendable = sentence, mendable
            self._changed.notify_all()
        LOG.info("%s", sentence)
