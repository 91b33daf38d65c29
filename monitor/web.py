"""The routes: the page, what it asks for, and the live stream. No route writes anything."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.errors import ConfigError
from monitor.fleet import events_to_page
from monitor.history.reading import POINTS_MOST
from monitor.ingest import Ingest
from monitor.live import Live
from monitor.message import Event, decode
from monitor.store import Store

STATIC = Path(__file__).resolve().parent / "static"
EVENTS_MOST = 1000
SECURITY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Web:
    """What the routes need. `broker_reason` is None while the broker is connected, else a sentence."""

    def __init__(
        self, store: Store, ingest: Ingest, live: Live, broker_reason: Callable[[], str | None]
    ) -> None:
        self._store = store
        self._ingest = ingest
        self._live = live
        self._broker_reason = broker_reason

    def app(self) -> ASGIApp:
        """The whole as an ASGI application."""
        routes = [
            Route("/", self.page),
            Route("/healthz", self.healthz),
            Route("/live", self.live),
            Route("/api/devices", self.devices),
            Route("/api/devices/{device}", self.device),
            Route("/api/devices/{device}/series", self.series),
            Route("/api/devices/{device}/events", self.events),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        return with_security(Starlette(routes=routes))

    def page(self, _: Request) -> Response:
        """The one page."""
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    def healthz(self, _: Request) -> Response:
        """200 while messages come in and are written, else 503; the reasons in any case."""
        reason, problem = self._broker_reason(), self._ingest.problem
        body = {
            "ok": reason is None and problem is None,
            "broker": reason or "connected",
            "store": problem or "writable",
            "malformed": self._ingest.malformed,
            "faults": self._ingest.faults,
        }
        return _json(body, 200 if body["ok"] else 503)

    async def live(self, request: Request) -> Response:
        """Server-sent events; see live.py."""
        stream = self._live.stream(request.headers.get("last-event-id"))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    def devices(self, _: Request) -> Response:
        """All devices, and whether news can come at all."""
        problem = self._broker_reason() or self._ingest.problem
        devices = list(self._ingest.summaries.values())
        return _json({"now_ms": int(time.time() * 1000), "problem": problem, "devices": devices})

    def device(self, request: Request) -> Response:
        """One device."""
        summary = self._ingest.summaries.get(request.path_params["device"])
        return _no_such_device(request) if summary is None else _json(summary)

    def series(self, request: Request) -> Response:
        """Columns for the charts, thinned out; see history/reading.py."""
        device = request.path_params["device"]
        summary = self._ingest.summaries.get(device)
        if summary is None:
            return _no_such_device(request)
        try:
            from_ms = _number(request, "from_ms", None, -(2**53), 2**53)
            to_ms = _number(request, "to_ms", None, -(2**53), 2**53)
            points = _number(request, "points", 600, 1, POINTS_MOST)
            if from_ms is not None and to_ms is not None and from_ms > to_ms:
                raise ConfigError(f"from_ms={from_ms} is later than to_ms={to_ms}")
        except ConfigError as error:
            return _json({"error": str(error)}, 400)
        period_s = summary["info"] and summary["info"]["period_s"]
        return _json(self._store.series(device, from_ms, to_ms, points or 1, period_s))

    def events(self, request: Request) -> Response:
        """Anomalies, sensor faults and advisories, newest first."""
        device = request.path_params["device"]
        summary = self._ingest.summaries.get(device)
        if summary is None:
            return _no_such_device(request)
        try:
            limit = _number(request, "limit", 50, 1, EVENTS_MOST)
        except ConfigError as error:
            return _json({"error": str(error)}, 400)
        found = [decode(body, Event) for body in self._store.events(device, limit or 1)]
        return _json({"events": events_to_page(found, summary)})


def with_security(app: ASGIApp) -> ASGIApp:
    """Every answer with headers that let the page run only its own code and be framed by nobody."""
    extra = [(name.encode(), value.encode()) for name, value in SECURITY.items()]

    async def secured(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        await app(scope, receive, send_more)

    return secured


def _number(request: Request, name: str, default: int | None, low: int, high: int) -> int | None:
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    try:
        value = int(text)
    except ValueError as error:
        raise ConfigError(f"{name} must be a whole number, not {text[:40]!r}") from error
    if not low <= value <= high:
        raise ConfigError(f"{name}={value} must be between {low} and {high}")
    return value


def _no_such_device(request: Request) -> Response:
    return _json({"error": f"no device {request.path_params['device'][:64]!r} has been heard of"}, 404)


def _json(body: Any, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(body), status, {"cache-control": "no-store"}, media_type="application/json"
    )
