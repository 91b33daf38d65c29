"""Which published messages the broker still owes an answer, by numbers that are never used twice.

paho's own message ids come round again after 65535 and start anew with each of its clients.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator

from paho.mqtt.client import MQTT_ERR_QUEUE_SIZE, MQTTMessageInfo

from edge.errors import BrokerError


class Outbox:
    """Numbers for messages, and what became of each. Any thread may `enter`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._open: dict[int, int] = {}  # paho's message id to our number
        self._answers: deque[tuple[int, str | None]] = deque()

    def __len__(self) -> int:
        """How many messages still wait for an answer."""
        return len(self._open)

    def enter(self, send: Callable[[], MQTTMessageInfo]) -> int:
        """Send one message; returns its number. Raises BrokerError when no message id is free."""
        with self._lock:
            sent = send()
            if sent.rc == MQTT_ERR_QUEUE_SIZE:
                raise BrokerError("not published: too many messages wait for the broker already")
            self._last += 1
            self._open[sent.mid] = self._last
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

    def abandon(self) -> list[int]:
        """Forget all that is unanswered; returns their numbers in the order of sending."""
        with self._lock:
            numbers = sorted(self._open.values())
            self._open.clear()
            return numbers
