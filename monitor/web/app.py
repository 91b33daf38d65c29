"""The whole web application: the page, the live stream, whether all is well, and the rooms of routes."""

from collections.abc import Callable, Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from monitor.access.door import Door
from monitor.access.keeper import Keeper
from monitor.ingest import Ingest
from monitor.live import Live
from monitor.web.answers import answer
from monitor.web.files import Files
from monitor.web.login import WHO, Login
from monitor.web.origin import own_names, with_origin
from monitor.web.security import with_security

STATIC = Path(__file__).resolve().parents[1] / "static"
PACKED_LEVEL = 4  # nearly as small as 9, in a third of the time


class Web:
    """What the routes here need. `broker_reason` is None while the broker is connected, else a sentence."""

    def __init__(self, ingest: Ingest, live: Live, broker_reason: Callable[[], str | None]) -> None:
        self._ingest = ingest
        self._live = live
        self._broker_reason = broker_reason
        self._files = Files(STATIC)

    def app(self, rooms: Iterable[BaseRoute], door: Door | None = None, port: int = 0) -> ASGIApp:
        """The whole as an ASGI application, with the routes of the other rooms, behind that door."""
        door = door or Door()
        login = Login(Keeper(door.token) if door.token else None, port, self._files)
        routes = [
            Route("/", self.page),
            Route("/healthz", self.healthz),
            Route("/live", self.live),
            *login.routes(),
            *rooms,
            Route("/static/{name:path}", self._files.route),
        ]
        packed = GZipMiddleware(Starlette(routes=routes), compresslevel=PACKED_LEVEL)
        return with_security(with_origin(login.guard(packed), own_names(door.names)))

    def page(self, request: Request) -> Response:
        """The one page."""
        return self._files.answer(request, "index.html")

    def healthz(self, request: Request) -> Response:
        """200 while messages come in and are written, else 503; the reasons for whoever may know them."""
        reason, problem = self._broker_reason(), self._ingest.problem
        body = {
            "ok": reason is None and problem is None,
            "broker": reason or "connected",
            "store": problem or "writable",
            "malformed": self._ingest.malformed,
            "faults": self._ingest.faults,
            "devices": len(self._ingest.summaries),
            **self._ingest.turned_away,
        }
        said = body if request.scope.get(WHO, "everybody") else {"ok": body["ok"]}
        return answer(said, 200 if body["ok"] else 503)

    async def live(self, request: Request) -> Response:
        """Server-sent events; see live.py. `device` is open on the page; `after` an id that it has."""
        query = request.query_params
        last_id = request.headers.get("last-event-id") or query.get("after")
        stream = self._live.stream(last_id, query.get("device"))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
