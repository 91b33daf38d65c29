"""Routes of the what-if: the past at other alarm levels, and a level sent to the device with its answer."""

import threading
import time
from collections import OrderedDict
from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.errors import ConfigError
from monitor import sensitivity
from monitor.ingest import Ingest
from monitor.orders import Busy, Orders
from monitor.store import Store
from monitor.web.answers import answer, no_such_device, number, refusal
from monitor.web.bodies import body
from monitor.whatif import WEEK_MS, past_of
from monitor.whatif import answer as replayed

KEPT, FRESH_S = 32, 20.0
WEEKS_MOST = 520


class Level(Struct, forbid_unknown_fields=True):
    """What all alarm levels are to be multiplied by; None learns the room anew."""

    level: Annotated[float, Meta(ge=sensitivity.LEAST_LEVEL, le=sensitivity.MOST_LEVEL)] | None


class WhatIf:
    """One past is replayed at a time: it takes a processor."""

    def __init__(self, store: Store, ingest: Ingest, orders: Orders) -> None:
        self._store, self._ingest, self._orders = store, ingest, orders
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], tuple[float, dict[str, Any]]] = OrderedDict()

    def routes(self) -> list[Route]:
        """Where they are."""
        command = "/api/devices/{device}/recalibrate"
        return [
            Route("/api/devices/{device}/whatif", self.whatif),
            Route(command, self.recalibrate, methods=["POST"]),
            Route(command + "/{request}", self.answered),
        ]

    def whatif(self, request: Request) -> Response:
        """Alarms at every level, over the last `weeks` of what is known; see monitor/whatif.py."""
        device = request.path_params["device"]
        summary = self._ingest.summaries.get(device)
        if summary is None:
            return no_such_device(request)
        try:
            weeks = number(request, "weeks", 4, 1, WEEKS_MOST) or 4
        except ConfigError as error:
            return refusal(str(error))
        with self._lock:
            return answer(self._of(device, weeks, summary))

    def _of(self, device: str, weeks: int, summary: dict[str, Any]) -> dict[str, Any]:
        made_s, found = self._kept.get((device, weeks), (0.0, {}))
        level = (summary["info"] or {}).get("level")
        if found and time.monotonic() - made_s < FRESH_S and found["level"] == level:
            return found
        newest = summary["newest"]
        to_ms = int(time.time() * 1000) if newest is None else newest["ts_ms"]
        from_ms = to_ms - weeks * WEEK_MS
        with self._store.reading() as run:
            past, told = past_of(run, device, (from_ms, to_ms))
        found = {**replayed(past, (max(from_ms, past.first_ms), to_ms), level), "told": round(told, 3)}
        self._kept[device, weeks] = time.monotonic(), found
        self._kept.move_to_end((device, weeks))
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    async def recalibrate(self, request: Request) -> Response:
        """Send a level to the device: 202, and where to ask for the answer."""
        device = request.path_params["device"]
        if device not in self._ingest.summaries:
            return no_such_device(request)
        try:
            asked = await body(request, Level)
            fields = {} if asked.level is None else {"level": asked.level}
            order = await run_in_threadpool(self._orders.give, device, "recalibrate", fields)
        except Busy as error:
            return refusal(str(error), 409)
        except ConfigError as error:
            return refusal(str(error))
        return answer(order.to_json(), 202)

    def answered(self, request: Request) -> Response:
        """What has become of it."""
        order = self._orders.look(request.path_params["device"], request.path_params["request"])
        if order is None:
            return refusal("nothing of that name was sent from this page", 404)
        return answer(order.to_json())
