"""Brings the letters of one channel, in their order, in its own thread; tries again with growing pauses."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from monitor.alerts.channel import Channel, NotDelivered, Refused
from monitor.alerts.outbox import Outbox, Waiting

LOG = logging.getLogger(__name__)

PAUSE_LEAST_S = 5.0
PAUSE_MOST_S = 900.0
STOP_S = 1.0


class Courier:
    """`state` may be asked from any thread."""

    def __init__(
        self,
        channel: Channel,
        outbox: Outbox,
        clock: Callable[[], float],
        keep_s: float,
        on_change: Callable[[], None] = lambda: None,
        pause_s: float = PAUSE_LEAST_S,
    ) -> None:
        """A letter that could not be delivered within `keep_s` of the desk's clock is given up."""
        self.channel = channel
        self._outbox = outbox
        self._clock = clock
        self._keep_s = keep_s
        self._on_change = on_change
        self._pause_least_s = pause_s
        self._pause_s = 0.0
        self._stopping = False
        self._now = threading.Event()  # ends a pause
        self._thread = threading.Thread(target=self._run, name=f"alerts {channel.name}", daemon=True)
        self._delivered = self._given_up = 0
        self._success_ms: int | None = None
        self._error: str | None = None
        self._error_ms: int | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def hurry(self) -> None:
        """Try now: something has changed."""
        self._now.set()

    def stop(self) -> None:
        """End; what is not delivered waits in the store."""
        self._stopping = True
        self._now.set()
        self._outbox.nudge()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def state(self) -> dict[str, Any]:
        """For the page."""
        return {
            "name": self.channel.name,
            "kinds": sorted(self.channel.kinds),
            "waiting": self._outbox.waiting(self.channel.name),
            "delivered": self._delivered,
            "given_up": self._given_up + self._outbox.dropped.get(self.channel.name, 0),
            "success_ms": self._success_ms,
            "error": self._error,
            "error_ms": self._error_ms,
        }

    def _run(self) -> None:
        while not self._stopping:
            waiting = self._outbox.first(self.channel.name, lambda: self._stopping)
            if waiting is None or self._stopping:
                continue
            self._now.clear()
            try:
                self._bring(waiting)
            except Exception:  # a fault of ours must not silence the channel for good
                LOG.exception("alerts %s", self.channel.name)
                self._pause("a fault of the monitor; see its log")
            self._on_change()
            if self._pause_s and not self._stopping:
                self._now.wait(self._pause_s)

    def _bring(self, waiting: Waiting) -> None:
        if self._clock() - waiting.made > self._keep_s:
            self._given_up += 1
            self._outbox.remove(waiting)
            return
        try:
            self.channel.send(waiting.letter)
        except Refused as error:
            LOG.warning("alerts %s: given up: %s", self.channel.name, error)
            self._given_up += 1
            self._pause_s = 0.0
            self._note(str(error))
            self._outbox.remove(waiting)
        except NotDelivered as error:
            LOG.warning("alerts %s: %s", self.channel.name, error)
            self._pause(str(error))
        else:
            self._delivered += 1
            self._pause_s, self._error, self._success_ms = 0.0, None, _wall_ms()
            self._outbox.remove(waiting)

    def _pause(self, reason: str) -> None:
        self._note(reason)
        self._pause_s = min(PAUSE_MOST_S, max(self._pause_least_s, 2.0 * self._pause_s))

    def _note(self, reason: str) -> None:
        self._error, self._error_ms = reason, _wall_ms()


def _wall_ms() -> int:
    return int(time.time() * 1000)
