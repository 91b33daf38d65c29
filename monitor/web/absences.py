"""The route of the stretches in which the monitor itself did not run."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.absence import Absences
from monitor.web.answers import answer


class AbsenceRoutes:
    """What a page tells beside a room's records."""

    def __init__(self, absences: Absences) -> None:
        self._absences = absences

    def routes(self) -> list[Route]:
        """Where it is."""
        return [Route("/api/absences", self.known)]

    def known(self, _: Request) -> Response:
        """All that are known, the newest first."""
        spans = self._absences.known()
        return answer({"absences": [{"from_ms": start, "to_ms": end} for start, end in spans]})
