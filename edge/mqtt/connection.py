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

from paho.mqtt.enums import MQTTProtocolVersion as Protocol

from edge.errors import BrokerError
from edge.mqtt.attempt import Attempt
from edge.mqtt.backoff import Backoff
from edge.mqtt.broker import BrokerSettings, tls_context
from edge.mqtt.callbacks import Callbacks
from edge.mqtt.network_loop import NetworkLoop, expiring
from edge.mqtt.outbox import Outbox
from edge.mqtt.trouble import Cure, Trouble
from edge.mqtt.wire import Message

LOG = logging.getLogger(__name__)

FLUSH_S = 1.0
# A packet is its payload, its topic, and at most so much: lengths, message id, properties.
FRAME_BYTES = 20
_OTHER = {Protocol.MQTTv5: Protocol.MQTTv311, Protocol.MQTTv311: Protocol.MQTTv5}


class TooLarge(BrokerError):
    """The broker has said that it takes no packet of that size."""


class Connection:
    """A connection to one broker, MQTT 5 where it is spoken and 3.1.1 where it is not.

    All callbacks run in the connection's own thread, and may publish; `on_published` runs with no
    lock held, so it may wait for one that a publisher holds. An exception in a callback is logged
    and counted in `faults` by the callback's name.
    `on_published(number, error)` comes once for every `publish`: error is None once the broker
    has acknowledged it (QoS 0: once it is written), else the sentence why it does not count.
    `on_messages` gets what has come together: for who receives thousands in a second.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        will: tuple[str, bytes] | None = None,
        on_message: Callable[[str, bytes, bool], None] | None = None,
        on_messages: Callable[[list[Message]], None] | None = None,
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
            on_messages=on_messages,
            on_connect=on_connect,
            on_disconnect=on_disconnect,
            on_published=on_published,
        )
        self.faults: Counter[str] = self._callbacks.faults
        self._protocol = Protocol.MQTTv5
        self._subscriptions: dict[str, int] = {}
        self._changed = threading.Condition()  # guards the next two, and the subscriptions
        self._up: Attempt | None = None  # set only while connected
        self._trouble = Trouble(f"the broker at {settings.address} has not answered yet")
        self._outbox = Outbox()
        self._stopping = threading.Event()
        self._stop_at: float | None = None
        self.tries = 0  # how often a connection was tried
        self.shared = False  # set it when another client of our id turns us out: we then come back slowly
        self._loop = NetworkLoop()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and the connection has not been seen to break."""
        return self._up is not None

    @property
    def trouble(self) -> Trouble:
        """Why there is no connection; why there was none before, when there is one."""
        return self._trouble

    @property
    def reason(self) -> str:
        """The trouble as a sentence."""
        return self._trouble.sentence

    @property
    def lasted_s(self) -> float:
        """Seconds for which there has been a connection, 0 without one."""
        attempt = self._up
        return 0.0 if attempt is None else attempt.lasted_s

    def largest_payload(self, topic: str) -> int | None:
        """How many bytes of payload the broker takes on that topic; None where it has not said."""
        attempt = self._up
        if attempt is None or attempt.largest_packet is None:
            return None
        return max(0, attempt.largest_packet - FRAME_BYTES - len(topic.encode()))

    def start(self) -> None:
        """Begin to connect, in the background; a broker that is away is no error here."""
        self._thread.start()

    def wait_connected(self, timeout_s: float) -> None:
        """Block until connected. Raises BrokerError: when time is up, at once where a person must mend it."""
        with self._changed:
            self._changed.wait_for(lambda: self._up is not None or self._trouble.mendable, timeout_s)
            if self._up is None:
                raise BrokerError(self._trouble.sentence)

    def subscribe(self, topic: str, qos: int = 1) -> None:
        """Subscribe now if connected, and again after every reconnect."""
        with self._changed:
            self._subscriptions[topic] = qos
            if self._up is not None:
                self._up.client.subscribe(topic, qos)

    def publish(
        self, topic: str, payload: bytes, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> int:
        """Hand one message over; returns its number, never used twice, for `on_published`.

        `expiry_s` is kept by MQTT 5 alone. Never blocks on the network. With nothing queued, raises
        BrokerError when there is no connection, and TooLarge when the broker takes no such packet.
        """
        with self._changed:
            attempt = self._up
            if attempt is None:
                raise BrokerError(f"not published, no connection: {self._trouble.sentence}")
            room = self.largest_payload(topic)
            if room is not None and len(payload) > room:
                raise TooLarge(
                    f"not published on {topic}: {len(payload)} bytes, and the broker takes {room}; "
                    "raise its packet limit (mosquitto: max_packet_size)"
                )
            properties = expiring(expiry_s) if attempt.modern and expiry_s is not None else None
            send = partial(attempt.client.publish, topic, payload, qos, retain, properties)
            return self._outbox.enter(send, answered=qos > 0)

    def try_publish(
        self, topic: str, payload: bytes, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> bool:
        """`publish`, for what needs no number; False when it is worth another try later."""
        try:
            self.publish(topic, payload, qos, retain, expiry_s)
        except TooLarge as error:
            LOG.warning("%s", error)  # and so it would be a second time
        except BrokerError as error:
            LOG.debug("%s", error)
            return False
        return True

    def stop(self, timeout_s: float = 2.5) -> None:
        """Let what is published be acknowledged for a second at most, disconnect cleanly, end the thread."""
        self._stopping.set()
        self._loop.nudge()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._loop.close()

    def _run(self) -> None:
        backoff = Backoff(self.settings.spread_s)
        switched = False
        while not self._stopping.is_set():
            lasted_s, wrong_version = self._connect_once()
            refused, switched = wrong_version and not switched, False
            if wrong_version:
                self._protocol = _OTHER[self._protocol]
            if lasted_s > 0:
                self._protocol = Protocol.MQTTv5  # the broker may be another one by now
            elif refused:
                switched = True  # the broker wants the other version: no reason to wait
                continue
            turned_out = self.shared and lasted_s > 0
            cure = Cure.NAMESAKE if turned_out else self._trouble.cure
            self._stopping.wait(backoff.next_s(lasted_s, cure))

    def _connect_once(self) -> tuple[float, bool]:
        """From first packet to end: the seconds it was up, whether the broker may want the other version."""
        self.tries += 1
        attempt = Attempt(
            self._loop.new_client(self.settings, self._protocol, self._tls, self._will),
            self.settings,
            self._outbox,
            self._callbacks,
            up=self._connected,
            tell=self._explain,
            stopping=self._stopping,
        )
        attempt.run(self._loop, lambda: self._turn(attempt))
        lasted_s = attempt.lasted_s
        self._lost(attempt)
        return lasted_s, attempt.wrong_version

    def _connected(self, attempt: Attempt, session_present: bool) -> None:
        with self._changed:
            self._up = attempt
            for topic, qos in self._subscriptions.items():
                attempt.client.subscribe(topic, qos)
            self._changed.notify_all()
        self._callbacks.call("on_connect", session_present)

    def _turn(self, attempt: Attempt) -> None:
        """After each turn of the loop: pass acknowledgements on, and end when asked to."""
        self._pass_on()
        if self._stopping.is_set():
            self._stop_at = self._stop_at or time.monotonic() + FLUSH_S
            if not self._outbox or time.monotonic() > self._stop_at:
                self._loop.finish(attempt.client)

    def _pass_on(self) -> None:
        for number, error in self._outbox.answered():
            self._callbacks.call("on_published", number, error)
        self._outbox.send_held()

    def _lost(self, attempt: Attempt) -> None:
        """Forget the client, and report what it leaves unacknowledged."""
        for number, error in self._outbox.answered():
            self._callbacks.call("on_published", number, error)
        with self._changed:
            was_up, self._up = self._up is not None, None
        self._loop.finish(attempt.client, seconds=0.1)
        reason = self._trouble.sentence
        for number in self._outbox.abandon():
            self._callbacks.call("on_published", number, f"not acknowledged: {reason}")
        if was_up:
            self._callbacks.call("on_disconnect", reason)

    def _explain(self, trouble: Trouble) -> None:
        with self._changed:
            known, self._trouble = self._trouble, trouble
            self._changed.notify_all()
        # the same trouble again and again is one line of a log, and a person's business one to be seen
        level = logging.WARNING if trouble.cure in (Cure.PERSON, Cure.NAMESAKE) else logging.INFO
        LOG.log(logging.DEBUG if trouble == known else level, "%s", trouble.sentence)
