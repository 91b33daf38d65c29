"""What a person has asked of a device from the page, and what the device answered."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from edge.errors import ConfigError
from edge.message import VERSION, encode, split_topic, topic
from monitor.message import Malformed, Response, decode
from monitor.repair import Ask

PATIENCE_S = 30.0
REMEMBERED = 256


class Busy(ConfigError):
    """The device has not answered the question before."""


@dataclass(frozen=True, slots=True)
class Order:
    """One command on its way. `state` is pending, done, refused or silent; `why` says why not."""

    device: str
    request: str
    asked_s: float
    state: str = "pending"
    why: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For the page."""
        return {"device": self.device, "request": self.request, "state": self.state, "why": self.why}


class Orders:
    """The newest of them. Safe from any thread."""

    def __init__(self, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        """`ask` publishes a command; False while it cannot."""
        self._ask, self._clock = ask, clock
        self._lock = threading.Lock()
        self._orders: OrderedDict[str, Order] = OrderedDict()

    def give(self, device: str, command: str, fields: dict[str, Any]) -> Order:
        """Send it. Raises Busy while one is under way, and ConfigError when the broker is away."""
        with self._lock:
            if any(
                one.device == device and self._now(one).state == "pending" for one in self._orders.values()
            ):
                raise Busy(f"{device} has not answered the last command yet; wait half a minute")
            order = Order(device, f"page-{secrets.token_hex(8)}", self._clock())
            self._orders[order.request] = order
            while len(self._orders) > REMEMBERED:
                self._orders.popitem(last=False)
        message = encode({"v": VERSION, "request": order.request, **fields})
        if not self._ask(topic(device, f"cmd/{command}"), message, int(PATIENCE_S)):
            with self._lock:
                del self._orders[order.request]
            raise ConfigError("the broker cannot be reached just now, so nothing was sent; try again later")
        return order

    def hear(self, name: str, payload: bytes) -> None:
        """Any message: an answer to one of ours is noted."""
        device, leaf = split_topic(name) or ("", "")
        if not leaf.startswith("res/page-"):
            return
        try:
            answer = decode(payload, Response)
        except Malformed:
            return
        with self._lock:
            order = self._orders.get(leaf.removeprefix("res/"))
            if order is None or order.device != device or order.request != answer.request:
                return
            state = "done" if answer.ok else "refused"
            self._orders[order.request] = replace(order, state=state, why=answer.why)

    def look(self, device: str, request: str) -> Order | None:
        """How it stands now; None for one that nobody gave."""
        with self._lock:
            order = self._orders.get(request)
            return None if order is None or order.device != device else self._now(order)

    def _now(self, order: Order) -> Order:
        if order.state != "pending" or self._clock() - order.asked_s < PATIENCE_S:
            return order
        why = f"{order.device} has not answered within {PATIENCE_S:g} seconds; it may be off or out of reach"
        return replace(order, state="silent", why=why)
