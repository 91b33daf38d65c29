"""Live frames to every open page: server-sent events, one frame per commit for all devices.

A page that has one device open gets the whole of that one too, and the short news of the others.
A page that comes back within a minute gets what it missed (Last-Event-ID); one that was away for
longer, or cannot keep up, is told to load everything again. Frames are kept once for all pages, and a
page only has its place among them: nobody's slowness costs memory.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

KEPT_FRAMES = 240
KEPT_BYTES = 16 * 1024 * 1024
LATE_FRAMES = 40  # a page that is there may be so far behind, and shows no older news
HEARTBEAT_S = 15.0
RETRY_MS = 2000

FORGOTTEN_S = 60.0  # after which a page that went away has to load everything again


@dataclass(frozen=True, slots=True)
class Frame:
    """JSON without line breaks: for everyone, and what is more for who looks at one device."""

    everyone: bytes  # an object that is not empty
    by_device: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """In bytes, all of it."""
        return len(self.everyone) + sum(map(len, self.by_device.values()))

    def seen_by(self, device: str | None) -> bytes:
        """The one object for a page on which that device is open: its news are under `open`."""
        whole = self.by_device.get(device) if device is not None else None
        return self.everyone if whole is None else b'%s,"open":%s}' % (self.everyone[:-1], whole)


@dataclass(slots=True, eq=False)
class _Page:
    """An open page."""

    device: str | None  # that is open on it
    at: int | None  # the number of the last frame that it has; None: it must load everything again
    news: asyncio.Event = field(default_factory=asyncio.Event)
    has_caught_up: bool = False


class Live:
    """Fan-out. `publish` and `close` may be called from any thread, the rest from the event loop."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)
        self._newest = 0  # the number of the last frame
        self._kept: deque[Frame] = deque()  # the newest is the last
        self._kept_bytes = 0
        self._pages: set[_Page] = set()
        self._left_at = -FORGOTTEN_S  # when the last page went away, monotonic
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def is_heard(self) -> bool:
        """Whether any page is there, or may come back for what it missed."""
        return bool(self._pages) or time.monotonic() - self._left_at < FORGOTTEN_S

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the event loop that the pages are served from."""
        self._loop = loop

    def expect(self) -> str:
        """A page asks for all devices, and will open its stream in a moment: the id to come with.

        What comes from now on is kept for it. From any thread.
        """
        self._left_at = time.monotonic()
        return self._id(self._newest)

    def publish(self, news: bytes | Callable[[], Frame]) -> None:
        """One frame to all; one that has to be made is made at once, if anybody is there to hear it."""
        if isinstance(news, bytes):
            frame = Frame(news)
        elif self.is_heard:
            frame = news()
        else:
            self._soon(self._skip)
            return
        self._soon(lambda: self._keep(frame))

    def close(self) -> None:
        """End every stream, so that the server can end."""
        self._soon(self._end_all)

    def _soon(self, action: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and every stream with it
                self._loop.call_soon_threadsafe(action)

    def _keep(self, frame: Frame) -> None:
        self._newest += 1
        self._kept.append(frame)
        self._kept_bytes += frame.size
        while len(self._kept) > KEPT_FRAMES or (len(self._kept) > 1 and self._kept_bytes > KEPT_BYTES):
            self._kept_bytes -= self._kept.popleft().size
        self._wake()

    def _skip(self) -> None:
        """A frame that was not made: whoever has an id from before must load everything again."""
        self._newest += 1
        self._kept.clear()
        self._kept_bytes = 0
        self._wake()  # a page that has come in this moment

    def _end_all(self) -> None:
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        for page in self._pages:
            page.news.set()

    async def stream(self, last_id: str | None, device: str | None = None) -> AsyncIterator[bytes]:
        """The body of one response, until the page goes away or the monitor ends.

        `device` is the one that is open on the page.
        """
        page = _Page(device, self._newest if last_id is None else self._number(last_id))
        self._pages.add(page)
        try:
            # a page that has heard nothing yet must be able to say so when it comes back
            yield f"retry: {RETRY_MS}\nid: {self._id(page.at)}\nevent: hello\ndata: {{}}\n\n".encode()
            while not self._closed:
                if page.at != self._newest:
                    yield self._next(page)
                    continue
                page.has_caught_up = True
                page.news.clear()
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await page.news.wait()
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._pages.discard(page)
            self._left_at = time.monotonic()

    def _next(self, page: _Page) -> bytes:
        """What a page that has not everything gets now: the next frame, or a call to start over."""
        behind = None if page.at is None else self._newest - page.at
        may_be = LATE_FRAMES if page.has_caught_up else KEPT_FRAMES
        if behind is None or behind > min(may_be, len(self._kept)):
            page.at = self._newest
            return f"id: {self._id(page.at)}\nevent: reset\ndata: {{}}\n\n".encode()
        page.at = self._newest - behind + 1
        return b"id: %s\ndata: %s\n\n" % (
            self._id(page.at).encode(),
            self._kept[-behind].seen_by(page.device),
        )

    def _id(self, number: int | None) -> str:
        return f"{self._run}-{number}"  # a page of None is not taken for one that has something

    def _number(self, frame_id: str) -> int | None:
        """Which frame of ours that is."""
        run, _, number = frame_id.rpartition("-")
        if run != self._run or not (number.isascii() and number.isdigit() and len(number) < 20):
            return None
        return int(number) if int(number) <= self._newest else None
