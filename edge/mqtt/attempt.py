"""One try at a connection: a paho client from its first packet to its end, and why it ended.

What the broker had not acknowledged at the end is not resent by the client: each try has its own.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTProtocolVersion as Protocol
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import BrokerError
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.callbacks import Callbacks
from edge.mqtt.network_loop import Client, NetworkLoop, taking
from edge.mqtt.outbox import Outbox
from edge.mqtt.trouble import Trouble, failure, hung_up, not_taken, refusal
from edge.mqtt.wire import Message

ANSWER_S = 4.0


class _NoAnswer(Exception):
    """The broker took the connection and says nothing."""


class Attempt:
    """Belongs to the connection's thread, in which all callbacks run."""

    def __init__(
        self,
        client: Client,
        settings: BrokerSettings,
        outbox: Outbox,
        callbacks: Callbacks,
        *,
        up: Callable[["Attempt", bool], None],
        tell: Callable[[Trouble], None],
        stopping: threading.Event,
    ) -> None:
        """`up(attempt, session_present)` runs once the broker has said yes; `tell` hears each trouble."""
        self.client = client
        self.trouble: Trouble | None = None
        self.wrong_version = False  # the broker may want the other version of MQTT
        self.largest_packet: int | None = None  # bytes that the broker takes, where it says so
        self._settings = settings
        self._outbox = outbox
        self._callbacks = callbacks
        self._up = up
        self._tell = tell
        self._stopping = stopping
        self._refused = False
        self._up_since: float | None = None
        self._answer_by = 0.0
        client.on_connect = self._answered
        client.deliver = self._deliver if callbacks.has("on_messages") else None
        client.on_message = self._received
        client.on_publish = self._published
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._broken

    @property
    def modern(self) -> bool:
        """Whether MQTT 5 is spoken."""
        return self.client.protocol == Protocol.MQTTv5

    @property
    def lasted_s(self) -> float:
        """Seconds since the broker said yes, 0 if it has not."""
        return 0.0 if self._up_since is None else time.monotonic() - self._up_since

    def run(self, loop: NetworkLoop, each_turn: Callable[[], None]) -> None:
        """Connect and serve until the end. Raises nothing: `trouble` says why."""
        settings = self._settings
        try:
            wishes = taking(settings.packet_bytes) if self.modern and settings.packet_bytes else None
            self.client.connect(settings.host, settings.port, settings.keepalive_s, properties=wishes)
            self._answer_by = time.monotonic() + ANSWER_S
            loop.serve(self.client, lambda: self._turn(each_turn))
        except _NoAnswer:
            # amqtt waits for ever for the rest of an MQTT 5 greeting that has a will
            self.wrong_version = True
            self._explain(
                Trouble(f"the broker at {settings.address} says nothing: does it speak MQTT, or TLS?")
            )
        except (OSError, UnicodeError) as error:
            self._explain(failure(settings.address, error))
        except Exception as error:  # paho raises on malformed packets; this thread outlives them
            self._callbacks.fault("network", error)
            self._explain(Trouble(f"the broker at {settings.address} sent what is not MQTT: {error}"))
        self.client.on_disconnect = None

    def _turn(self, each_turn: Callable[[], None]) -> None:
        each_turn()
        if self._up_since is None and not self._refused and time.monotonic() > self._answer_by:
            raise _NoAnswer

    def _answered(self, _: paho.Client, __: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        """paho's on_connect: the broker has said yes or no."""
        if reason.is_failure:
            self._refused = True
            self.wrong_version = reason.getName() == "Unsupported protocol version"
            self._explain(refusal(self._settings.address, reason.getName()))
            return
        self._up_since = time.monotonic()
        # a property that the broker has not sent is no attribute of paho's
        self.largest_packet = getattr(properties, "MaximumPacketSize", None)
        self._outbox.allow(getattr(properties, "ReceiveMaximum", None))
        self._up(self, flags.session_present)

    def _received(self, _: paho.Client, __: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            self._callbacks.fault("topic", error)
        else:
            self._deliver([(topic, bytes(message.payload), bool(message.retain))])

    def _deliver(self, messages: list[Message]) -> None:
        """In their order, to both who want many at once and who want each."""
        self._callbacks.call("on_messages", messages)
        if self._callbacks.has("on_message"):
            for message in messages:
                self._callbacks.call("on_message", *message)

    def _published(self, _: paho.Client, __: Any, mid: int, reason: ReasonCode, *___: Any) -> None:
        # Only noted: paho holds its locks here, and a callback that waits for a publisher would hang.
        error = not_taken(reason.getName()) if reason.is_failure else None
        self._outbox.answer(mid, error)

    def _subscribed(self, _: paho.Client, __: Any, ___: int, reasons: list[ReasonCode], *____: Any) -> None:
        for reason in reasons:
            if reason.is_failure:
                error = BrokerError(f"the broker refused it: {reason.getName().lower()}")
                self._callbacks.fault("subscribe", error)

    def _broken(self, _: paho.Client, __: Any, flags: Any, reason: ReasonCode, *___: Any) -> None:
        """paho's on_disconnect, also after a refusal and after a disconnect of our own."""
        address = self._settings.address
        if self._stopping.is_set():
            self._explain(Trouble("stopped"))
        elif flags.is_disconnect_packet_from_server:
            self._explain(hung_up(address, reason.getName()))
        elif self._up_since is not None:
            self._explain(Trouble(f"the connection to the broker at {address} broke"))
        elif not self._refused:
            # Some brokers of MQTT 3.1.1 hang up on MQTT 5 without a word.
            self.wrong_version = True
            self._explain(
                Trouble(f"the broker at {address} hung up before it answered: does it speak MQTT, or TLS?")
            )

    def _explain(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self._tell(trouble)
