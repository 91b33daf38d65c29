"""A bad network on the loopback: a TCP proxy that stalls, resets, delays, loses, is slow, or is not there."""

import asyncio
import random
import socket
import struct
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

WINDOW = 65_536  # bytes under way at most: with a delay this bounds the rate, as on a real line
RESENT_S = 0.2  # what TCP's first retransmission of a lost segment costs
PATIENCE_S = 60.0


class Proxy:
    """Forwards connections to a port of the loopback. Any thread may call and set all of it.

    `rate` bytes a second each way and each connection, `delay_s` each way; `loss` is the share of
    segments that come only after a retransmission (TCP itself loses nothing). `connects` has the
    monotonic time of each connection that came.
    """

    def __init__(self, to: int, rate: float | None, delay_s: float, loss: float) -> None:
        self.rate, self.delay_s, self.loss = rate, delay_s, loss
        self.host = "127.0.0.1"
        self.connects: list[float] = []
        self.port = 0
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._resetting: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._do(self._listen())

    def reset(self) -> None:
        """Every connection gets a TCP reset now."""
        self._do(self._reset())

    def reset_every(self, seconds: float | None) -> None:
        """All connections get a reset, again and again; None ends it."""
        self._do(self._begin_resetting(seconds))

    def stall(self) -> None:
        """Nothing comes through any more, either way; connections stay, and new ones are accepted."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        """What was held back by `stall` comes through."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def refuse(self) -> None:
        """Drop out: reset what is there, and refuse what comes."""
        self._do(self._unlisten())
        self.reset()

    def accept(self) -> None:
        """Listen again, at the same port."""
        self._do(self._listen())

    def close(self) -> None:
        """Drop out for good."""
        self.reset_every(None)
        self.refuse()
        self._do(self._end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    async def _listen(self) -> None:
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.rate is not None:
            # else the kernel takes in at once what a slow line would leave with its sender
            door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        door.bind(("127.0.0.1", self.port))
        self.port = int(door.getsockname()[1])
        self._server = await asyncio.start_server(self._visit, sock=door, limit=self._chunk())

    async def _unlisten(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects.append(time.monotonic())
        self._open.add(writer)
        with suppress(OSError, asyncio.CancelledError):
            await self._flowing.wait()
            there = await asyncio.open_connection("127.0.0.1", self._to, limit=self._chunk())
            self._open.add(there[1])
            await asyncio.gather(self._carry(reader, there[1]), self._carry(there[0], writer))
        self._open.discard(writer)
        writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(self._chunk()):
                lost = random.random() < self.loss
                late_s = self.delay_s + RESENT_S * lost + (len(data) / self.rate if self.rate else 0.0)
                if late_s:
                    await asyncio.sleep(late_s)
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        await self._flowing.wait()  # a stalled line does not tell the end of a connection either
        self._open.discard(writer)
        writer.close()

    def _chunk(self) -> int:
        return WINDOW if self.rate is None else max(1, min(WINDOW, int(self.rate / 10)))

    async def _reset(self) -> None:
        for writer in list(self._open):
            wire = writer.get_extra_info("socket")
            with suppress(OSError):
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._open.clear()

    async def _begin_resetting(self, seconds: float | None) -> None:
        if self._resetting is not None:
            self._resetting.cancel()
            self._resetting = None
        if seconds is not None:
            self._resetting = asyncio.create_task(self._reset_on(seconds))

    async def _reset_on(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self._reset()

    async def _end_tasks(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def proxy(to: int, *, rate: float | None = None, delay_s: float = 0.0, loss: float = 0.0) -> Iterator[Proxy]:
    """A proxy to that port of the loopback, at a free port of its own.

    A line that is slow from the beginning also has a slow line's small buffers.
    """
    made = Proxy(to, rate, delay_s, loss)
    try:
        yield made
    finally:
        made.close()
