"""Real receivers of alerts on the loopback: HTTP and SMTP servers that can be told to misbehave."""

import email
import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.brokers import free_port


@dataclass
class Hooks:
    """What was posted; `answers` are the next statuses, 204 when there are none."""

    port: int = 0
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    hold: threading.Event | None = None  # an answer waits for it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=hunter2"

    @property
    def letters(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]


class _Quick(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Who hung up is no error of ours."""


@contextmanager
def webhook_receiver(port: int = 0) -> Iterator[Hooks]:
    """A running HTTP server."""
    hooks = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = hooks.answers.pop(0) if hooks.answers else 204
            hooks.requests.append((headers, body))
            if hooks.hold is not None:
                hooks.hold.wait(60)
            self.send_response(status)
            if status in (301, 302, 303, 307):
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            raise AssertionError("a POST became a GET")

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    server = _Quick(("127.0.0.1", port), Handler)
    hooks.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hooks
    finally:
        if hooks.hold is not None:
            hooks.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


@dataclass
class Mailbox:
    """What was mailed; `refuse` makes the server turn every letter away for the moment."""

    port: int
    letters: list[email.message.EmailMessage] = field(default_factory=list)
    refuse: bool = False

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        if self.refuse:
            return "451 try again later"
        made = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.letters.append(made)  # type: ignore[arg-type]
        return "250 OK"

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=picanary@example.org&to=ada@example.org&mode=insecure"

    @property
    def subjects(self) -> list[str]:
        return [str(each["subject"]) for each in self.letters]

    def text(self, number: int) -> str:
        """Of one letter."""
        part = self.letters[number].get_body(("plain", "html"))
        assert part is not None
        return str(part.get_content())


@contextmanager
def mailbox(port: int = 0) -> Iterator[Mailbox]:
    """A running SMTP server."""
    controller = pytest.importorskip("aiosmtpd.controller", reason="needs picanary[test]: aiosmtpd")
    box = Mailbox(port or free_port())
    server = controller.Controller(box, hostname="127.0.0.1", port=box.port)
    server.start()
    try:
        yield box
    finally:
        server.stop()
        server.loop.close()
