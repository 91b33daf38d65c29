"""Live frames to every open page: server-sent events, one frame per commit for all devices.

A page that has one device open gets the whole of that one too, and the short news of the others.
A page that comes back within a minute gets what it missed (Last-Event-ID); one that was away for
longer, or cannot keep up, is told to load everything again. Nobody's slowness costs memory.
"""

import asyncio
import itertools
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

KEPT_FRAMES = 240
KEPT_BYTES = 16 * 1024 * 1024
QUEUE_FRAMES = 40
HEARTBEAT_S = 15.0
RETRY_MS = 2000

FORGOTTEN_S = 60.0  # after which a page that went away has to load everything again

_END = None


@dataclass(frozen=True, slots=True)
class Frame:
    """JSON without line breaks: for everyone, and what is more for who looks at one device."""

    everyone: bytes  # an object that is not empty; no bytes at all: load everything again
    by_device: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """In bytes, all of it."""
        return len(self.everyone) + sum(map(len, self.by_device.values()))

    def seen_by(self, device: str | None) -> bytes:
        """The one object for a page on which that device is open: its news are under `open`."""
        whole = self.by_device.get(device) if device is not None else None
        return self.everyone if whole is None else b'%s,"open":%s}' % (self.everyone[:-1], whole)


Sent = tuple[str, Frame]  # with its id


class Live:
    """Fan-out. `publish` and `close` may be called from any thread, the rest from the event loop."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._newest = f"{self._run}-0"  # the id of the last frame
        self._kept: deque[Sent] = deque(maxlen=KEPT_FRAMES)
        self._kept_bytes = 0
        self._queues: set[asyncio.Queue[Sent | None]] = set()
        self._left_at = -FORGOTTEN_S  # when the last page went away, monotonic
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def is_heard(self) -> bool:
        """Whether any page is there, or may come back for what it missed."""
        return bool(self._queues) or time.monotonic() - self._left_at < FORGOTTEN_S

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the event loop that the pages are served from."""
        self._loop = loop

    def publish(self, news: bytes | Callable[[], Frame]) -> None:
        """One frame to all; one that has to be made is made at once, if anybody is there to hear it."""
        if isinstance(news, bytes):
            frame = Frame(news)
        elif self.is_heard:
            frame = news()
        else:
            self._soon(self._skip)
            return
        self._soon(lambda: self._fan_out(frame))

    def close(self) -> None:
        """End every stream, so that the server can end."""
        self._soon(self._end_all)

    def _soon(self, action: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and every stream with it
                self._loop.call_soon_threadsafe(action)

    def _fan_out(self, frame: Frame) -> None:
        self._newest = f"{self._run}-{next(self._numbers)}"
        sent = (self._newest, frame)
        if len(self._kept) == KEPT_FRAMES:
            self._let_go()
        self._kept.append(sent)
        self._kept_bytes += frame.size
        while len(self._kept) > 1 and self._kept_bytes > KEPT_BYTES:
            self._let_go()
        for queue in self._queues:
            if queue.full():
                _empty(queue)
                queue.put_nowait((sent[0], Frame(b"")))
            else:
                queue.put_nowait(sent)

    def _let_go(self) -> None:
        self._kept_bytes -= self._kept.popleft()[1].size

    def _skip(self) -> None:
        """A frame that was not made: whoever has an id from before must load everything again."""
        self._fan_out(Frame(b""))  # also for a page that has come in this moment
        self._kept.clear()
        self._kept_bytes = 0

    def _end_all(self) -> None:
        self._closed = True
        for queue in self._queues:
            _empty(queue)
            queue.put_nowait(_END)

    def _missed(self, last_id: str) -> list[Sent]:
        """What came after that id; a call to start over when that is no longer known."""
        if last_id == self._newest:
            return []
        kept = list(self._kept)
        if last_id == f"{self._run}-0" and kept and kept[0][0] == f"{self._run}-1":
            return kept
        for place, (frame_id, _) in enumerate(kept):
            if frame_id == last_id:
                return kept[place + 1 :]
        return [(self._newest, Frame(b""))]

    async def stream(self, last_id: str | None, device: str | None = None) -> AsyncIterator[bytes]:
        """The body of one response, until the page goes away or the monitor ends.

        `device` is the one that is open on the page.
        """
        queue: asyncio.Queue[Sent | None] = asyncio.Queue(QUEUE_FRAMES)
        self._queues.add(queue)
        try:
            missed = self._missed(last_id) if last_id else []
            # a page that has heard nothing yet must be able to say so when it comes back
            yield f"retry: {RETRY_MS}\nid: {last_id or self._newest}\nevent: hello\ndata: {{}}\n\n".encode()
            for sent in missed:
                yield _encode(sent, device)
            while not self._closed:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        news = await queue.get()
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if news is _END:
                    return
                yield _encode(news, device)
        finally:
            self._queues.discard(queue)
            self._left_at = time.monotonic()


def _encode(sent: Sent, device: str | None) -> bytes:
    frame_id, frame = sent
    if not frame.everyone:
        return f"id: {frame_id}\nevent: reset\ndata: {{}}\n\n".encode()
    return b"id: %s\ndata: %s\n\n" % (frame_id.encode(), frame.seen_by(device))


def _empty(queue: asyncio.Queue[Sent | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
