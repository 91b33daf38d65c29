"""Routes of files to download: a device's records and events, and the fleet, as CSV and Parquet."""

import time
from collections.abc import Callable, Iterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edge.errors import ConfigError, MissingExtra
from monitor.export import csvfile, parquet, tables
from monitor.export.tables import Table
from monitor.ingest import Ingest
from monitor.store import Store
from monitor.web.answers import no_such_device, refusal, span

WRITERS: dict[str, tuple[Callable[[Table], Iterator[bytes]], str]] = {
    "csv": (csvfile.write, "text/csv; charset=utf-8"),
    "parquet": (parquet.write, "application/vnd.apache.parquet"),
}


class Exports:
    """Nothing is gathered: each piece goes out before the next is read."""

    def __init__(self, store: Store, ingest: Ingest) -> None:
        self._store, self._ingest = store, ingest

    def routes(self) -> list[Route]:
        """Where they are."""
        here = "/api/devices/{device}"
        return [
            *(Route(f"{here}/export.{form}", self.records, name=form) for form in WRITERS),
            *(Route(f"{here}/events.{form}", self.events, name=form) for form in WRITERS),
            *(Route(f"/api/export.{form}", self.fleet, name=form) for form in WRITERS),
        ]

    def records(self, request: Request) -> Response:
        """One row a record."""
        return self._of_device(request, tables.records, "records")

    def events(self, request: Request) -> Response:
        """One row an event."""
        return self._of_device(request, tables.events, "events")

    def fleet(self, request: Request) -> Response:
        """One row a device."""
        return _file(request, tables.fleet(list(self._ingest.summaries.values())), "picanary-fleet")

    def _of_device(
        self,
        request: Request,
        table: Callable[[Store, str, tuple[int | None, int | None]], Table],
        what: str,
    ) -> Response:
        device = request.path_params["device"]
        if device not in self._ingest.summaries:
            return no_such_device(request)
        try:
            asked = span(request)
        except ConfigError as error:
            return refusal(str(error))
        return _file(request, table(self._store, device, asked), f"picanary-{device}-{what}")


def _file(request: Request, table: Table, name: str) -> Response:
    """The table as a download; the name has only what `check_device` lets through."""
    form = request.url.path.rpartition(".")[2]
    write, kind = WRITERS[form]
    try:
        content = write(table)
    except MissingExtra as error:
        return refusal(str(error), 501)
    day = time.strftime("%Y%m%d", time.gmtime())
    headers = {
        "content-disposition": f'attachment; filename="{name}-{day}.{form}"',
        "cache-control": "no-store",
    }
    return StreamingResponse(content, media_type=kind, headers=headers)
