"""What a running monitor tells, over HTTP: all devices once, then what changes, until the end."""

import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any

from edge.errors import ConfigError
from monitor.outline import Table, hear

ANSWER_S = 10.0
SILENCE_S = 40.0  # a stream gives a sign of life every 15 s
RETRY_S = 2.0


@dataclass(frozen=True, slots=True)
class Page:
    """Where a monitor is, and what it wants to see."""

    url: str
    token: str | None = None
    cafile: str | None = None

    def open(self, path: str, timeout_s: float) -> HTTPResponse:
        """An answer to be read. Raises ConfigError, one sentence."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            request = urllib.request.Request(self.url.rstrip("/") + path, headers=headers)  # noqa: S310
            context = ssl.create_default_context(cafile=self.cafile)
            # no proxy, and no way to another host, which would get the token
            ways = (
                urllib.request.ProxyHandler({}),
                _Straight(),
                urllib.request.HTTPSHandler(context=context),
            )
            answer: HTTPResponse = urllib.request.build_opener(*ways).open(request, timeout=timeout_s)
        except urllib.error.HTTPError as error:
            raise ConfigError(self._refused(error.code)) from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise ConfigError(
                f"no monitor answers at {self.url}: {getattr(reason, 'strerror', None) or reason}; "
                "start one there, or name its page with --page URL"
            ) from error
        return answer

    def _refused(self, status: int) -> str:
        if status in (401, 403):
            return f"the monitor at {self.url} wants a token: give it with --bearer-file or in PICANARY_TOKEN"
        return f"what answers at {self.url} is no monitor, or has trouble: HTTP status {status}"


class _Straight(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Feed:
    """`devices` are outlines by id. A thread of its own keeps them up to date from `start` on."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.on_news: Callable[[], None] = lambda: None  # called from that thread
        self._guard = threading.Lock()
        self._devices: dict[str, Table] = {}
        self._ahead_ms = 0  # the monitor's clock against ours
        self.problem: str | None = None  # why nothing new can come
        self.is_live = False

    def load(self) -> None:
        """All devices anew. Raises ConfigError."""
        with self._page.open("/api/devices", ANSWER_S) as answer:
            try:
                told = json.load(answer)
                devices = {device["id"]: device for device in told["devices"]}
                ahead_ms = int(told["now_ms"]) - _now_ms()
            except (ValueError, KeyError, TypeError, OSError, HTTPException) as error:
                raise ConfigError(f"what answers at {self._page.url} is no monitor") from error
        with self._guard:
            self._devices, self._ahead_ms = devices, ahead_ms
        self.problem = told.get("problem")

    def start(self) -> None:
        """Follow the live stream for as long as the process lives."""
        threading.Thread(target=self._follow, name="feed", daemon=True).start()

    def now_ms(self) -> int:
        """By the monitor's clock."""
        return _now_ms() + self._ahead_ms

    def read(self, use: Callable[[dict[str, Table]], Any]) -> Any:
        """What `use` makes of the devices, while nothing moves them."""
        with self._guard:
            return use(self._devices)

    def _follow(self) -> None:
        while True:
            try:
                with self._page.open("/live", SILENCE_S) as stream:
                    self.load()  # only now: nothing can come between what is loaded and what is streamed
                    self.is_live = True
                    self.on_news()
                    for kind, data in events(stream):
                        self._take(kind, data)
                        self.on_news()
            except (ConfigError, OSError, HTTPException, ValueError) as error:
                self.problem = str(error) or "the connection to the monitor broke"
            self.is_live = False
            self.on_news()
            time.sleep(RETRY_S)

    def _take(self, kind: str, data: str) -> None:
        if kind == "reset":
            self.load()
            return
        frame = json.loads(data)
        if "problem" in frame:
            self.problem = frame["problem"]
        with self._guard:
            enough = all([hear(self._devices, news) for news in frame.get("devices", [])])
        if not enough:
            self.load()


def events(lines: Iterator[bytes] | HTTPResponse) -> Iterator[tuple[str, str]]:
    """Server-sent events as (kind, data)."""
    kind, data = "message", ""
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        name, _, value = line.partition(":")
        if line == "":
            if data:
                yield kind, data
            kind, data = "message", ""
        elif name == "event":
            kind = value.strip()
        elif name == "data":
            data += value.removeprefix(" ")


def _now_ms() -> int:
    return int(time.time() * 1000)
