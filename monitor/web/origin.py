"""Who may ask at all: only who calls us by our own name, and only our own page may change anything.

A page of another site can make a browser send us requests, with the cookie of whoever sits there.
It can also make its own name point at us (DNS rebinding); then it is the same site for the browser,
and only the Host header tells. An address instead of a name is fine: nobody can rebind that.
"""

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.web.answers import refusal
from monitor.web.bodies import BYTES_MOST

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
FORMS = frozenset({"/login"})  # what a page without JavaScript sends
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def own_names(more: Iterable[str] = ()) -> frozenset[str]:
    """What this machine is called: localhost, its host name with and without a domain, NAME.local, `more`."""
    host = socket.gethostname()
    short = host.split(".")[0]
    return frozenset(_plain(name) for name in ("localhost", host, short, f"{short}.local", *more))


def with_origin(app: ASGIApp, names: frozenset[str]) -> ASGIApp:
    """Refuses what calls us by a name that is not in `names`, and writes that our page did not send."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refused = _misdirected(scope, names)
        if refused is None and scope["method"] in WRITES:
            refused = _foreign(scope) or _of_another_form(scope)
            if refused is None:
                body = await _body(receive)
                refused = _too_large() if body is None else None
                receive = _again(body or b"", receive)
        await (refused or app)(scope, receive, send)

    return checked


def _misdirected(scope: Scope, names: frozenset[str]) -> Response | None:
    host = _name(Headers(scope=scope).get("host", ""))
    if host in names or _is_address(host):
        return None
    called = f"is not called {host[:80]!r}" if host else "was called by no name"
    return refusal(f"this monitor {called}; if it should be, start it with --name HOST", 421)


def _foreign(scope: Scope) -> Response | None:
    headers = Headers(scope=scope)
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return _from_elsewhere()
    origin = headers.get("origin")
    if origin is None:  # no browser: a browser names it with every write
        return None
    parts = urlsplit(origin)
    # behind a proxy that speaks TLS for us the scheme is not ours, but never the other way round
    schemes = ("https",) if scope["scheme"] == "https" else ("http", "https")
    same = parts.scheme in schemes and parts.netloc.lower() == headers.get("host", "").lower()
    return None if same else _from_elsewhere()


def _from_elsewhere() -> Response:
    return refusal("only a page of this monitor may change anything here; this came from another site", 403)


def _of_another_form(scope: Scope) -> Response | None:
    given = Headers(scope=scope).get("content-type", "").split(";")[0].strip().lower()
    # no other site can send a DELETE without asking us first, which we never grant
    if given == JSON or (given == "" and scope["method"] == "DELETE"):
        return None
    if given == FORM and scope["path"] in FORMS:
        return None
    return refusal(f"send it as content-type {JSON}, not {given[:80] or 'without any'}", 415)


async def _body(receive: Receive) -> bytes | None:
    """All of it, or None when it is too large."""
    data = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":  # went away
            return bytes(data)
        data += message.get("body", b"")
        if len(data) > BYTES_MOST:
            return None
        if not message.get("more_body"):
            return bytes(data)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body as one message, and then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Message:
        return waiting.pop() if waiting else await receive()

    return given


def _too_large() -> Response:
    return refusal(f"the request's body is larger than {BYTES_MOST // 1024} KiB", 413)


def _name(host: str) -> str:
    """The Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return _plain(host.partition(":")[0])


def _plain(name: str) -> str:
    return name.strip().rstrip(".").lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
