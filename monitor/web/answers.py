"""What every route needs: a body to JSON, a number out of the query, an error as one sentence."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.errors import ConfigError


def number(request: Request, name: str, default: int | None, low: int, high: int) -> int | None:
    """A whole number of the query, or `default`. Raises ConfigError."""
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


def span(request: Request) -> tuple[int | None, int | None]:
    """`from_ms` and `to_ms` of the query; None leaves an end open. Raises ConfigError."""
    from_ms = number(request, "from_ms", None, -(2**53), 2**53)
    to_ms = number(request, "to_ms", None, -(2**53), 2**53)
    if from_ms is not None and to_ms is not None and from_ms > to_ms:
        raise ConfigError(f"from_ms={from_ms} is later than to_ms={to_ms}")
    return from_ms, to_ms


def refusal(sentence: str, status: int = 400) -> Response:
    """What was wrong with the request, as `{"error": sentence}`."""
    return answer({"error": sentence}, status)


def no_such_device(request: Request) -> Response:
    """404 for a device that has never been heard of."""
    return refusal(f"no device {request.path_params['device'][:64]!r} has been heard of", 404)


def answer(body: Any, status: int = 200) -> Response:
    """JSON that nobody may keep."""
    return Response(
        msgspec.json.encode(body), status, {"cache-control": "no-store"}, media_type="application/json"
    )
