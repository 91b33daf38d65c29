"""Live frames to every open page: server-sent events, one frame per commit for all devices.

A page that comes back within a minute gets what it missed (Last-Event-ID); one that was away for
longer, or cannot keep up, is told to load everything again. Nobody's slowness costs memory.
"""

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

KEPT_FRAMES = 240
KEPT_BYTES = 16 * 1024 * 1024
QUEUE_FRAMES = 40
HEARTBEAT_S = 15.0
RETRY_MS = 2000

_END = None
Frame = tuple[str, bytes]  # id, JSON without line breaks


class Live:
    """Fan-out. `publish` and `close` may be called from any thread, the rest from the event loop."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._kept: deque[Frame] = deque(maxlen=KEPT_FRAMES)
        self._queues: set[asyncio.Queue[Frame | None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the event loop that the pages are served from."""
        self._loop = loop

    def publish(self, data: bytes) -> None:
        """One frame to all."""
        self._soon(lambda: self._fan_out(data))

    def close(self) -> None:
        """End every stream, so that the server can end."""
        self._soon(self._end_all)

    def _soon(self, action: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and every stream with it
                self._loop.call_soon_threadsafe(action)

    def _fan_out(self, data: bytes) -> None:
        frame = (f"{self._run}-{next(self._numbers)}", data)
        self._kept.append(frame)
        while len(self._kept) > 1 and sum(len(kept) for _, kept in self._kept) > KEPT_BYTES:
            self._kept.popleft()
        for queue in self._queues:
            if queue.full():
                _empty(queue)
                queue.put_nowait((frame[0], b""))
            else:
                queue.put_nowait(frame)

    def _end_all(self) -> None:
        self._closed = True
        for queue in self._queues:
            _empty(queue)
            queue.put_nowait(_END)

    def _missed(self, last_id: str) -> list[Frame]:
        """What came after that id; a call to start over when that is no longer known."""
        kept = list(self._kept)
        for place, (frame_id, _) in enumerate(kept):
            if frame_id == last_id:
                return kept[place + 1 :]
        return [(kept[-1][0] if kept else f"{self._run}-0", b"")]

    async def stream(self, last_id: str | None) -> AsyncIterator[bytes]:
        """The body of one response, until the page goes away or the monitor ends."""
        queue: asyncio.Queue[Frame | None] = asyncio.Queue(QUEUE_FRAMES)
        self._queues.add(queue)
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            for frame in self._missed(last_id) if last_id else ():
                yield _encode(frame)
            while not self._closed:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        news = await queue.get()
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if news is _END:
                    return
                yield _encode(news)
        finally:
            self._queues.discard(queue)


def _encode(frame: Frame) -> bytes:
    frame_id, data = frame
    if not data:
        return f"id: {frame_id}\nevent: reset\ndata: {{}}\n\n".encode()
    return b"id: %s\ndata: %s\n\n" % (frame_id.encode(), data)


def _empty(queue: asyncio.Queue[Frame | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
