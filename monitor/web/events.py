"""Routes of events: a device's or all devices', page by page, and one with what was like it before."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.errors import ConfigError
from monitor import chronicle
from monitor.chronicle import KINDS, Wanted
from monitor.ingest import Ingest
from monitor.message import Event
from monitor.similar import direction, similar
from monitor.store import Store
from monitor.web.answers import answer, no_such_device, number, refusal, span

EVENTS_MOST = 1000
NUMBER_MOST = 2**53
TIME_MOST = 2**53


class Events:
    """What was strange, and when."""

    def __init__(self, store: Store, ingest: Ingest) -> None:
        self._store = store
        self._ingest = ingest

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/api/events", self.everywhere),
            Route("/api/devices/{device}/events", self.of_device),
            Route("/api/devices/{device}/events/{epoch}/{number:int}", self.one),
        ]

    def everywhere(self, request: Request) -> Response:
        """Of all devices, newest first; `limit`, `before_ms`, `kind`, `from_ms` and `to_ms` choose."""
        return self._page(request, None)

    def of_device(self, request: Request) -> Response:
        """Of one device, likewise."""
        if request.path_params["device"] not in self._ingest.summaries:
            return no_such_device(request)
        return self._page(request, request.path_params["device"])

    def _page(self, request: Request, device: str | None) -> Response:
        try:
            wanted = _wanted(request, device)
        except ConfigError as error:
            return refusal(str(error))
        with self._store.reading() as run:
            found = chronicle.page(run, wanted)
            return answer({"events": chronicle.to_page(run, found, self._ingest.summaries)})

    def one(self, request: Request) -> Response:
        """`event`; `similar` ones before it, each with its `distance`; `older` and `newer`, or null."""
        device, epoch = request.path_params["device"], request.path_params["epoch"]
        if device not in self._ingest.summaries:
            return no_such_device(request)
        event_id = min(int(request.path_params["number"]), NUMBER_MOST)
        with self._store.reading() as run:
            event = chronicle.one(run, device, epoch, event_id)
            if event is None:
                return refusal(f"{device[:64]} has no event {event_id} in journal {epoch[:64]!r}", 404)
            earlier = chronicle.earlier(run, device, event)
            newer = chronicle.next_after(run, device, event)
            (shown,) = chronicle.to_page(run, [(device, event)], self._ingest.summaries)
            return answer(
                {
                    "event": {**shown, "direction": direction(event)},
                    "similar": self._alike(event, earlier, device),
                    "older": _place(earlier[0] if earlier else None),
                    "newer": _place(newer),
                }
            )

    def _alike(self, event: Event, earlier: list[Event], device: str) -> list[dict[str, Any]]:
        """None of them is open: this one began after them."""
        return [
            {
                **_place(other),
                "device": device,
                "end_ms": other.end_ms,
                "ts_ms": other.ts_ms,
                "score": other.score,
                "why": other.why,
                "distance": round(apart, 3),
            }
            for other, apart in similar(event, earlier)
        ]


def _wanted(request: Request, device: str | None) -> Wanted:
    """What the query asks for. Raises ConfigError."""
    kind = request.query_params.get("kind") or None
    if kind is not None and kind not in KINDS:
        raise ConfigError(f"kind must be one of {', '.join(KINDS)}, not {kind[:40]!r}")
    limit = number(request, "limit", 50, 1, EVENTS_MOST) or 1
    before_ms = number(request, "before_ms", None, -TIME_MOST, TIME_MOST)
    return Wanted(limit, device, kind, *span(request), before_ms)


def _place(event: Event | None) -> Any:
    """Enough for a link."""
    if event is None:
        return None
    return {"epoch": event.epoch, "id": event.id, "onset_ms": event.onset_ms, "state": event.state}
