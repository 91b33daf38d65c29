"""Routes of the whole fleet: the heat map's cells."""

import time
from base64 import b64encode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.errors import ConfigError
from monitor.heat import Heat
from monitor.history.worst import LOWEST, SEVERITY, STEPS
from monitor.ingest import Ingest
from monitor.web.answers import answer, number, refusal, span

COLUMNS_MOST = 400
CELLS_MOST = 250_000
DAYS_MOST = 400
DAY_MS = 86_400_000


class FleetRoutes:
    """What is asked of all devices at once."""

    def __init__(self, heat: Heat, ingest: Ingest) -> None:
        self._heat = heat
        self._ingest = ingest

    def routes(self) -> list[Route]:
        """Where they are."""
        return [Route("/api/fleet/heat", self.heat)]

    def heat(self, request: Request) -> Response:
        """The worst state and score of every device in each of some stretches of time.

        `state` and `score` are base64 of a byte a cell, row after row in the order of `devices`: the place in
        `states`, and a score's step, of which `steps` tell how long they are.
        """
        devices = sorted(self._ingest.summaries)
        most = max(1, min(COLUMNS_MOST, CELLS_MOST // max(1, len(devices))))
        try:
            from_ms, to_ms = span(request)
            columns = number(request, "columns", min(96, most), 1, COLUMNS_MOST) or 1
        except ConfigError as error:
            return refusal(str(error))
        end = int(time.time() * 1000) if to_ms is None else to_ms
        begin = end - DAY_MS if from_ms is None else from_ms
        if not 0 <= end - begin <= DAYS_MOST * DAY_MS:
            return refusal(f"from_ms must be before to_ms, by {DAYS_MOST} days at most")
        cells = self._heat.cells(devices, begin, end, min(columns, most))
        body = {
            "from_ms": cells.from_ms,
            "step_ms": cells.step_ms,
            "columns": cells.severity.shape[1],
            "devices": devices,
            "states": SEVERITY,
            "steps": {"lowest": LOWEST, "to_one": STEPS},
            "state": b64encode(cells.severity.tobytes()).decode(),
            "score": b64encode(cells.score.tobytes()).decode(),
        }
        return answer(body)
