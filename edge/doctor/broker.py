"""The broker: each step of the way there, and what we may do when we have come."""

import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from edge.config import BrokerSection, broker_settings
from edge.doctor.identity import apart, own_certificate
from edge.doctor.report import Finding, fail, ok, warn
from edge.errors import BrokerError, ConfigError
from edge.message import encode, topic
from edge.mqtt.broker import BrokerSettings, knock, tls_context
from edge.mqtt.connection import Connection
from edge.mqtt.trouble import failure

SUBJECT = "broker"
CONNECT_S = 12.0  # enough to try MQTT 5 in vain, and then 3.1.1
ANSWER_S = 5.0
REFUSAL_S = 0.5
SOON_S = 30 * 86_400


def broker(section: BrokerSection, device: str, answer_s: float = ANSWER_S) -> Iterator[Finding]:
    """Findings from the look-up of its name to the first message; the first that fails is the last."""
    if not section.address:
        yield warn(SUBJECT, "none is configured: records stay on this device", "name one with --broker HOST")
        return
    try:
        agent = broker_settings(section, device)
        settings = apart(agent)
        yield _found(settings)
        knock(settings)
        yield ok(SUBJECT, f"{settings.address} listens")
        context = tls_context(agent)
        if context is not None:
            yield _handshake(agent, context)
            yield from own_certificate(agent)
        yield from _spoken(settings, device, answer_s)
    except (ConfigError, BrokerError) as error:
        yield fail(SUBJECT, str(error))


def _found(settings: BrokerSettings) -> Finding:
    """Its addresses. Raises BrokerError."""
    try:
        answers = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise BrokerError(failure(settings.address, error).sentence) from error
    addresses = sorted({str(answer[4][0]) for answer in answers})
    return ok(SUBJECT, f"{settings.host} is {', '.join(addresses)}")


def _handshake(settings: BrokerSettings, context: ssl.SSLContext) -> Finding:
    """TLS, and how long the broker's certificate holds. Raises BrokerError."""
    try:
        with (
            socket.create_connection((settings.host, settings.port), ANSWER_S) as plain,
            context.wrap_socket(plain, server_hostname=settings.host) as secure,
        ):
            certificate, version = secure.getpeercert() or {}, secure.version()
            _hear_refusal(secure)
    except OSError as error:
        raise BrokerError(failure(settings.address, error).sentence) from error
    until = str(certificate.get("notAfter", ""))
    left_s = ssl.cert_time_to_seconds(until) - time.time() if until else SOON_S
    says = f"{version}, its certificate holds until {until}"
    if left_s < SOON_S:
        return warn(SUBJECT, says, "renew it: devices do not connect to one that has run out")
    return ok(SUBJECT, says)


def _hear_refusal(secure: ssl.SSLSocket) -> None:
    """TLS 1.3 says no to our certificate only after the handshake. Raises SSLError with its reason."""
    secure.settimeout(REFUSAL_S)
    with suppress(TimeoutError):
        secure.recv(1)  # who is let in hears nothing until they have spoken


def _spoken(settings: BrokerSettings, device: str, answer_s: float) -> Iterator[Finding]:
    """Connect beside a running agent, and exchange a message on a topic of our own."""
    talk = _Talk(topic(device, "doctor"), settings)
    talk.connection.start()
    try:
        talk.connection.wait_connected(CONNECT_S)
        yield ok(SUBJECT, f"connected as {settings.client_id}")
        yield from talk.findings(topic(device, "model/set"), answer_s)
    finally:
        talk.connection.stop()


class _Talk:
    """What the broker does with a message of ours, and with our subscriptions."""

    def __init__(self, name: str, settings: BrokerSettings) -> None:
        self._name = name
        self._payload = encode({"v": 1, "doctor": secrets.token_hex(8)})
        self._changed = threading.Condition()
        self._answers: dict[int, str | None] = {}
        self._heard = 0
        self.connection = Connection(settings, on_message=self._hear, on_published=self._answered)

    def _hear(self, name: str, payload: bytes, _retained: bool) -> None:
        with self._changed:
            self._heard += (name, payload) == (self._name, self._payload)
            self._changed.notify_all()

    def _answered(self, number: int, error: str | None) -> None:
        with self._changed:
            self._answers[number] = error
            self._changed.notify_all()

    def _wait(self, condition: Callable[[], bool], answer_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, answer_s)

    def _say(self, answer_s: float) -> str | None:
        """Publish; returns why it does not count, if so. All that was asked before is answered then, too."""
        number = self.connection.publish(self._name, self._payload, 1)
        if not self._wait(lambda: number in self._answers, answer_s):
            return f"no acknowledgement within {answer_s:g} s"
        return self._answers[number]

    def findings(self, incoming: str, answer_s: float) -> Iterator[Finding]:
        """What we may publish and hear, and whether `incoming`, where models come, may be subscribed to."""
        ours = f"{self._name.rpartition('/')[0]}/#"
        mend = f"let this user publish and read {ours} in the broker's access list"
        self.connection.subscribe(self._name)
        refused = self._say(answer_s)
        if refused is not None:
            yield fail(SUBJECT, f"a message to {self._name}: {refused}", mend)
        elif not self._refusals and self._wait(lambda: self._heard > 0, answer_s):
            yield ok(SUBJECT, f"a message to {self._name} was taken, and came back")
        else:
            # a broker of MQTT 3.1.1 acknowledges also what it throws away
            yield fail(SUBJECT, f"a message to {self._name} was acknowledged, but did not come back", mend)
        before = self._refusals
        self.connection.subscribe(incoming)
        self._say(answer_s)
        if self._refusals > before:
            yield fail(SUBJECT, f"{incoming} may not be subscribed to: models do not come by MQTT", mend)
        else:
            yield ok(SUBJECT, f"{incoming} is subscribed to, where new models come")

    @property
    def _refusals(self) -> int:
        return self.connection.faults["subscribe"]
