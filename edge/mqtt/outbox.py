"""Which published messages the broker still owes an answer, by numbers that are never used twice.

paho's own message ids come round again after 65535 and start anew with each of its clients; and
paho does not keep to the number of unanswered messages that an MQTT 5 broker asks for.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator

from paho.mqtt.client import MQTT_ERR_QUEUE_SIZE, MQTTMessageInfo

from edge.errors import BrokerError

UNANSWERED = 20  # as many as paho sends before it waits
Send = Callable[[], MQTTMessageInfo]


class Outbox:
    """Numbers for messages, and what became of each. Any thread may `enter`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._most = UNANSWERED
        self._open: dict[int, int] = {}  # paho's message id to our number
        self._held: deque[tuple[int, Send]] = deque()
        self._answers: deque[tuple[int, str | None]] = deque()

    def __len__(self) -> int:
        """How many messages still wait for an answer."""
        return len(self._open) + len(self._held)

    def allow(self, receive_maximum: int | None) -> None:
        """A new connection: so many messages may wait for this broker's answer at once."""
        with self._lock:
            self._most = min(UNANSWERED, receive_maximum or UNANSWERED)

    def enter(self, send: Send, *, answered: bool = True) -> int:
        """Send one message, or hold it until the broker has answered earlier ones; returns its number.

        `answered`: whether the broker answers it at all, which it does not at QoS 0.
        Raises BrokerError when no message id is free.
        """
        with self._lock:
            if answered and len(self._open) >= self._most:
                self._last += 1
                self._held.append((self._last, send))
                return self._last
            mid = _sent(send)
            self._last += 1
            self._open[mid] = self._last
            return self._last

    def answer(self, mid: int, error: str | None) -> None:
        """Note what the broker said. Takes no lock: paho holds its own when it tells us."""
        self._answers.append((mid, error))

    def answered(self) -> Iterator[tuple[int, str | None]]:
        """What has been answered since the last time: (number, error), no lock held."""
        while self._answers:
            mid, error = self._answers.popleft()
            with self._lock:
                number = self._open.pop(mid, None)
            if number is not None:
                yield number, error

    def send_held(self) -> None:
        """Send what was held back, as far as the broker may be asked for more answers."""
        with self._lock:
            while self._held and len(self._open) < self._most:
                number, send = self._held.popleft()
                self._open[_sent(send)] = number

    def abandon(self) -> list[int]:
        """Forget all that is unanswered; returns their numbers in the order of sending."""
        with self._lock:
            numbers = sorted([*self._open.values(), *(number for number, _ in self._held)])
            self._open.clear()
            self._held.clear()
            self._answers.clear()
            return numbers


def _sent(send: Send) -> int:
    sent = send()
    if sent.rc == MQTT_ERR_QUEUE_SIZE:
        raise BrokerError("not published: too many messages wait for the broker already")
    return int(sent.mid)
