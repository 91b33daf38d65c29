"""Routes of what people say of alarms; what one says, every open page gets to know."""

import csv
import io
import sqlite3
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.errors import ConfigError
from monitor.ingest import Ingest
from monitor.labels import NOTE_MOST, Label, Labels, NoSuchEvent, Verdict
from monitor.live import Live
from monitor.message import Time
from monitor.web.answers import answer, no_such_device, refusal
from monitor.web.bodies import body

MISSED_DAYS_MOST = 31
NUMBER_MOST = 2**53
COLUMNS = (
    *("device", "state", "epoch", "event", "verdict", "note", "made"),
    *("onset", "end", "channel", "score", "sentence", "model"),
)
_TIMES = {"made": "made_ms", "onset": "onset_ms", "end": "end_ms"}

Note = Annotated[str, Meta(max_length=NOTE_MOST)]


class Said(Struct, forbid_unknown_fields=True):
    """Of an event; no verdict is "unsure"."""

    verdict: Verdict | None
    note: Note = ""


class Stretch(Struct, forbid_unknown_fields=True):
    """When an alarm should have come."""

    from_ms: Time
    to_ms: Time
    note: Note = ""


class LabelRoutes:
    """Where labels are asked for, made and taken back."""

    def __init__(self, labels: Labels, ingest: Ingest, live: Live) -> None:
        self._labels = labels
        self._ingest = ingest
        self._live = live

    def routes(self) -> list[Route]:
        """Where they are."""
        one, gap = "/api/devices/{device}/labels/{epoch}/{event:int}", "/api/devices/{device}/missed"
        return [
            Route("/api/labels", self.counts),
            Route("/api/labels.json", self.export_json),
            Route("/api/labels.csv", self.export_csv),
            Route("/api/devices/{device}/labels", self.of_device),
            Route(one, self.say, methods=["PUT"]),
            Route(one, self.withdraw, methods=["DELETE"]),
            Route(gap, self.mark_missed, methods=["POST"]),
            Route(gap + "/{number:int}", self.unmark_missed, methods=["DELETE"]),
        ]

    def counts(self, _: Request) -> Response:
        """How many of each kind, in the fleet and by device."""
        return answer(self._labels.counts())

    def of_device(self, request: Request) -> Response:
        """All labels of one device, with their events."""
        device = request.path_params["device"]
        return answer(self._all(device)) if self._is_known(request) else no_such_device(request)

    def export_json(self, _: Request) -> Response:
        """All of the fleet's."""
        made = answer({**self._all(None), "counts": self._labels.counts()})
        made.headers["content-disposition"] = 'attachment; filename="labels.json"'
        return made

    def export_csv(self, _: Request) -> Response:
        """All of the fleet's as a table; a missed alarm is a row without an event."""
        everything = self._all(None)
        rows = everything["labels"] + [_missed_row(each) for each in everything["missed"]]
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\r\n")
        table.writerow(COLUMNS)
        table.writerows([_cell(row, column) for column in COLUMNS] for row in rows)
        headers = {"cache-control": "no-store", "content-disposition": 'attachment; filename="labels.csv"'}
        return Response(text.getvalue(), headers=headers, media_type="text/csv; charset=utf-8")

    async def say(self, request: Request) -> Response:
        """Keep a label, in place of the one before."""
        if not self._is_known(request):
            return no_such_device(request)

        async def act() -> dict[str, Any]:
            said = await body(request, Said)
            label = Label(*_place(request), said.verdict, said.note, _now_ms())
            await run_in_threadpool(self._labels.keep, label)
            return asdict(label)

        return await self._done(act)

    async def withdraw(self, request: Request) -> Response:
        """Take a label back."""

        async def act() -> dict[str, Any]:
            device, epoch, event = _place(request)
            await run_in_threadpool(self._labels.withdraw, device, epoch, event)
            return {"device": device, "epoch": epoch, "event": event, "gone": True}

        return await self._done(act)

    async def mark_missed(self, request: Request) -> Response:
        """Keep a stretch when an alarm should have come."""
        if not self._is_known(request):
            return no_such_device(request)

        async def act() -> dict[str, Any]:
            asked = await body(request, Stretch)
            span = asked.from_ms, asked.to_ms
            if not 0 < span[1] - span[0] <= MISSED_DAYS_MOST * 86_400_000:
                raise ConfigError(f"a missed alarm ends after it begins, within {MISSED_DAYS_MOST} days")
            device = request.path_params["device"]
            made = await run_in_threadpool(self._labels.mark_missed, device, span, asked.note, _now_ms())
            return asdict(made)

        return await self._done(act, 201)

    async def unmark_missed(self, request: Request) -> Response:
        """Take such a stretch back."""

        async def act() -> dict[str, Any]:
            device, number = request.path_params["device"], _number(request, "number")
            await run_in_threadpool(self._labels.unmark_missed, device, number)
            return {"device": device, "id": number, "gone": True}

        return await self._done(act)

    async def _done(self, act: Callable[[], Any], status: int = 200) -> Response:
        """What an action made, to the asker and to every page; or why it could not be done."""
        try:
            news = await act()
        except NoSuchEvent as error:
            return refusal(str(error), 404)
        except ConfigError as error:
            return refusal(str(error))
        except sqlite3.OperationalError as error:  # as when the disk is full
            return refusal(f"the monitor cannot write this just now: {error}", 503)
        self._live.publish(msgspec.json.encode({"labels": [news]}))
        return answer(news, status)

    def _is_known(self, request: Request) -> bool:
        return request.path_params["device"] in self._ingest.summaries

    def _all(self, device: str | None) -> dict[str, list[dict[str, Any]]]:
        labels, missed = self._labels.of(device)
        return {"labels": [each.to_json() for each in labels], "missed": [asdict(each) for each in missed]}


def _place(request: Request) -> tuple[str, str, int]:
    return request.path_params["device"], request.path_params["epoch"], _number(request, "event")


def _number(request: Request, name: str) -> int:
    number = int(request.path_params[name])
    if number > NUMBER_MOST:
        raise NoSuchEvent(f"{request.path_params['device'][:64]} has no such {name}")
    return number


def _missed_row(missed: dict[str, Any]) -> dict[str, Any]:
    span = {"onset_ms": missed["from_ms"], "end_ms": missed["to_ms"]}
    return {**missed, **span, "state": "missed", "verdict": "missed"}


def _cell(row: dict[str, Any], column: str) -> Any:
    """What is shown; text that a spreadsheet would run as a formula begins with an apostrophe."""
    if column in _TIMES:
        return _iso(row[_TIMES[column]])
    value = row.get("why" if column == "sentence" else column)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def _iso(ms: int | None) -> str | None:
    """In UTC; as milliseconds where no calendar reaches."""
    if ms is None:
        return None
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return str(ms)


def _now_ms() -> int:
    return int(time.time() * 1000)
