"""Routes of what is known of the devices: all, one, its history as columns, its events."""

import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.errors import ConfigError
from monitor.fleet import events_to_page
from monitor.history.reading import POINTS_MOST
from monitor.ingest import Ingest
from monitor.message import Event, decode
from monitor.store import Store
from monitor.web.answers import answer, no_such_device, number, refusal, span

EVENTS_MOST = 1000


class Devices:
    """`broker_reason` is None while the broker is connected, else a sentence."""

    def __init__(self, store: Store, ingest: Ingest, broker_reason: Callable[[], str | None]) -> None:
        self._store = store
        self._ingest = ingest
        self._broker_reason = broker_reason

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/api/devices", self.devices),
            Route("/api/devices/{device}", self.device),
            Route("/api/devices/{device}/series", self.series),
            Route("/api/devices/{device}/events", self.events),
        ]

    def devices(self, _: Request) -> Response:
        """All devices, and whether news can come at all."""
        problem = self._broker_reason() or self._ingest.problem
        devices = list(self._ingest.summaries.values())
        return answer({"now_ms": int(time.time() * 1000), "problem": problem, "devices": devices})

    def device(self, request: Request) -> Response:
        """One device."""
        summary = self._ingest.summaries.get(request.path_params["device"])
        return no_such_device(request) if summary is None else answer(summary)

    def series(self, request: Request) -> Response:
        """Columns for the charts, thinned out; see history/reading.py."""
        device = request.path_params["device"]
        summary = self._ingest.summaries.get(device)
        if summary is None:
            return no_such_device(request)
        try:
            from_ms, to_ms = span(request)
            points = number(request, "points", 600, 1, POINTS_MOST)
        except ConfigError as error:
            return refusal(str(error))
        period_s = summary["info"] and summary["info"]["period_s"]
        return answer(self._store.series(device, from_ms, to_ms, points or 1, period_s))

    def events(self, request: Request) -> Response:
        """Anomalies, sensor faults and advisories, newest first."""
        device = request.path_params["device"]
        summary = self._ingest.summaries.get(device)
        if summary is None:
            return no_such_device(request)
        try:
            limit = number(request, "limit", 50, 1, EVENTS_MOST)
        except ConfigError as error:
            return refusal(str(error))
        found = [decode(body, Event) for body in self._store.events(device, limit or 1)]
        return answer({"events": events_to_page(found, summary)})
