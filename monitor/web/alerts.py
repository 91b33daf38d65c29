"""Routes of alerts: what is open and what was, who takes care, who wants quiet, whether letters arrive."""

import time
from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.errors import ConfigError
from edge.message import check_device
from monitor.alerts.condition import EVERYONE
from monitor.alerts.desk import Desk
from monitor.alerts.shown import past_entries
from monitor.web.answers import answer, number, refusal
from monitor.web.bodies import body

PAST_MOST = 1000
DEVICES_MOST = 1000  # in one request
SNOOZE_MOST_MIN = 43_200  # thirty days


class Said(Struct, forbid_unknown_fields=True):
    """Who takes care of it."""

    by: Annotated[str, Meta(max_length=80)] = ""
    note: Annotated[str, Meta(max_length=500)] = ""


class Quiet(Struct, forbid_unknown_fields=True):
    """Of these devices, or of all without any; 0 minutes end it."""

    minutes: Annotated[float, Meta(ge=0, le=SNOOZE_MOST_MIN)]
    devices: Annotated[list[str], Meta(min_length=1, max_length=DEVICES_MOST)] | None = None


class Trial(Struct, forbid_unknown_fields=True):
    """Which channel."""

    channel: str


class AlertRoutes:
    """`sends` says whether the monitor was started with `--alerts`."""

    def __init__(self, desk: Desk, sends: bool) -> None:
        self._desk = desk
        self._sends = sends

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/api/alerts", self.alerts),
            Route("/api/alerts/snooze", self.snooze, methods=["POST"]),
            Route("/api/alerts/test", self.test, methods=["POST"]),
            Route("/api/alerts/{id:int}/acknowledge", self.acknowledge, methods=["POST"]),
        ]

    def alerts(self, request: Request) -> Response:
        """All that the page shows; `limit` past alerts."""
        try:
            limit = number(request, "limit", 100, 0, PAST_MOST)
        except ConfigError as error:
            return refusal(str(error))
        now = self._desk.shown()
        return answer(
            {
                "now_ms": int(time.time() * 1000),
                "sends": self._sends,
                "looks": self._desk.looks,
                **now.counts(),
                "alerts": now.open,
                "snoozes": now.snoozes,
                "channels": self._desk.channels(),
                "past": past_entries(self._desk.past(limit or 0)),
            }
        )

    async def acknowledge(self, request: Request) -> Response:
        """Of an alert, or of all that were told as one."""
        wanted = request.path_params["id"]

        async def act() -> Response:
            said = await body(request, Said)
            known = await run_in_threadpool(
                self._desk.acknowledge, wanted, said.by.strip(), said.note.strip()
            )
            return answer({"id": wanted}) if known else refusal(f"no alert {wanted} is open", 404)

        return await _answered(act)

    async def snooze(self, request: Request) -> Response:
        """Quiet for so many minutes."""

        async def act() -> Response:
            wanted = await body(request, Quiet)
            devices = [EVERYONE] if wanted.devices is None else list(map(check_device, wanted.devices))
            await run_in_threadpool(self._desk.snooze, devices, wanted.minutes)
            return answer({"devices": wanted.devices, "minutes": wanted.minutes})

        return await _answered(act)

    async def test(self, request: Request) -> Response:
        """A letter that is only a test; whether it arrived, the channel's state tells."""

        async def act() -> Response:
            wanted = await body(request, Trial)
            known = await run_in_threadpool(self._desk.send_test, wanted.channel)
            if not known:
                return refusal(f"there is no channel {wanted.channel[:60]!r}", 404)
            return answer({"channel": wanted.channel}, 202)

        return await _answered(act)


async def _answered(act: Callable[[], Any]) -> Response:
    try:
        made: Response = await act()
    except ConfigError as error:
        return refusal(str(error))
    return made
