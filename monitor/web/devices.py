"""Routes of what is known of the devices: all, one, its history as columns."""

import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.errors import ConfigError
from monitor.history.reading import POINTS_MOST
from monitor.ingest import Ingest
from monitor.live import Live
from monitor.outline import outline
from monitor.store import Store
from monitor.web.answers import answer, no_such_device, number, refusal, span


class Devices:
    """`broker_reason` is None while the broker is connected, else a sentence."""

    def __init__(
        self, store: Store, ingest: Ingest, live: Live, broker_reason: Callable[[], str | None]
    ) -> None:
        self._store = store
        self._ingest = ingest
        self._live = live
        self._broker_reason = broker_reason

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/api/devices", self.devices),
            Route("/api/devices/{device}", self.device),
            Route("/api/devices/{device}/series", self.series),
        ]

    def devices(self, request: Request) -> Response:
        """All devices in outline, and whether news can come at all; the whole of the one that is `open`."""
        live = self._live.expect()  # first: what comes after that is in the stream
        summaries = self._ingest.summaries
        told = {
            "now_ms": int(time.time() * 1000),
            "problem": self._broker_reason() or self._ingest.problem,
            "live": live,
            "open": summaries.get(request.query_params.get("open", "")),
            "devices": [outline(summary) for summary in summaries.values()],
        }
        return answer(told)

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
