"""What a page sends: JSON of a known form and a small size."""

from typing import TypeVar

import msgspec
from starlette.requests import Request

from edge.errors import ConfigError

BYTES_MOST = 64 * 1024  # origin.py lets no larger one come so far
Kind = TypeVar("Kind", bound=msgspec.Struct)


async def body(request: Request, kind: type[Kind]) -> Kind:
    """The body as that kind. Raises ConfigError, one sentence, when it is none."""
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors
        raise ConfigError(f"the request's body is not of the expected form: {error}") from error
