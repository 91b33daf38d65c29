"""The whole web application: the page, the live stream, whether all is well, and the rooms of routes."""

from collections.abc import Callable, Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from monitor.ingest import Ingest
from monitor.live import Live
from monitor.web.answers import answer
from monitor.web.security import with_security

STATIC = Path(__file__).resolve().parents[1] / "static"


class Web:
    """What the routes here need. `broker_reason` is None while the broker is connected, else a sentence."""

    def __init__(self, ingest: Ingest, live: Live, broker_reason: Callable[[], str | None]) -> None:
        self._ingest = ingest
        self._live = live
        self._broker_reason = broker_reason

    def app(self, rooms: Iterable[BaseRoute]) -> ASGIApp:
        """The whole as an ASGI application, with the routes of the other rooms."""
        routes = [
            Route("/", self.page),
            Route("/healthz", self.healthz),
            Route("/live", self.live),
            *rooms,
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
        return answer(body, 200 if body["ok"] else 503)

    async def live(self, request: Request) -> Response:
        """Server-sent events; see live.py."""
        stream = self._live.stream(request.headers.get("last-event-id"))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
