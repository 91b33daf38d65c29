"""The live stream: nothing is lost in silence, and nobody's slowness costs memory."""

import asyncio
import random
import socket
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from monitor import live
from monitor.live import Frame, Live
from monitor.server import Server, bind
from tests.monitor.running import until


async def take(stream: AsyncIterator[bytes], count: int) -> list[bytes]:
    """The next so many pieces of a stream."""
    return [await asyncio.wait_for(anext(stream), 5) for _ in range(count)]


def bound() -> Live:
    made = Live()
    made.bind(asyncio.get_running_loop())
    return made


def identity(piece: bytes) -> str:
    return piece.split(b"\n")[0].removeprefix(b"id: ").decode()


def test_every_page_gets_every_frame():
    async def scenario():
        hub = bound()
        pages = [hub.stream(None) for _ in range(3)]
        for page in pages:
            assert (await take(page, 1))[0].startswith(b"retry: ")
        hub.publish(b'{"a":1}')
        return [(await take(page, 1))[0] for page in pages]

    pieces = asyncio.run(scenario())
    assert len(set(pieces)) == 1
    assert pieces[0].endswith(b'data: {"a":1}\n\n')


def test_a_page_that_comes_back_gets_what_it_missed():
    async def scenario():
        hub = bound()
        page = hub.stream(None)
        await take(page, 1)
        hub.publish(b"1")
        (first,) = await take(page, 1)
        await page.aclose()
        hub.publish(b"2")
        hub.publish(b"3")
        await asyncio.sleep(0)
        return (await take(hub.stream(identity(first)), 3))[1:]

    assert [piece.split(b"data: ")[1] for piece in asyncio.run(scenario())] == [b"2\n\n", b"3\n\n"]


@pytest.mark.parametrize(
    "last_id", ["another-run-7", "<script>", "0", "RUN-7", "RUN-None", "RUN-²", "RUN-" + 5000 * "9"]
)
def test_a_page_that_was_away_too_long_is_told_to_start_over(last_id):
    async def scenario():
        hub = bound()
        hub.publish(b"1")
        await asyncio.sleep(0)
        await take(hub.stream(None), 1)
        return await take(hub.stream(last_id.replace("RUN", hub._run)), 2)

    hello, answer = asyncio.run(scenario())
    assert b"event: reset" in answer
    # what it has is not taken for something, should it be cut off between the two
    assert b"\nid: %s\n" % last_id.encode() not in hello or last_id == "RUN-None"


def test_a_page_that_cannot_keep_up_is_told_to_start_over_and_goes_on():
    async def scenario():
        hub = bound()
        slow = hub.stream(None)
        await take(slow, 1)
        waiting = asyncio.ensure_future(anext(slow))
        await asyncio.sleep(0)
        for number in range(live.LATE_FRAMES + 1):
            hub.publish(str(number).encode())
        pieces = [await asyncio.wait_for(waiting, 5)]
        hub.publish(b"after")
        return pieces + await take(slow, 1)

    first, then = asyncio.run(scenario())
    assert b"event: reset" in first
    assert then.endswith(b"data: after\n\n")


def test_a_page_that_is_a_little_behind_gets_every_frame():
    async def scenario():
        hub = bound()
        slow = hub.stream(None)
        await take(slow, 1)
        waiting = asyncio.ensure_future(anext(slow))
        await asyncio.sleep(0)
        for number in range(live.LATE_FRAMES):
            hub.publish(str(number).encode())
        return [await asyncio.wait_for(waiting, 5), *await take(slow, live.LATE_FRAMES - 1)]

    pieces = asyncio.run(scenario())
    assert [piece.split(b"data: ")[1] for piece in pieces] == [b"%d\n\n" % n for n in range(live.LATE_FRAMES)]


def test_a_quiet_stream_gives_signs_of_life(monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.01)

    async def scenario():
        return await take(bound().stream(None), 3)

    assert asyncio.run(scenario())[1:] == [b": still here\n\n"] * 2


def test_closing_ends_every_stream():
    async def scenario():
        hub = bound()
        pages = [hub.stream(None) for _ in range(2)]
        for page in pages:
            await take(page, 1)
        hub.close()
        return [[piece async for piece in page] for page in pages]

    assert asyncio.run(scenario()) == [[], []]


def frame(number: int) -> Frame:
    return Frame(b'{"n":%d}' % number, {"attic": b'"of the attic"', "cellar": b'"of the cellar"'})


@pytest.mark.parametrize(
    ("device", "gets"),
    [(None, b'{"n":1}'), ("cellar", b'{"n":1,"open":"of the cellar"}'), ("hall", b'{"n":1}')],
)
def test_a_page_gets_all_of_the_device_that_is_open_on_it_and_of_no_other(device, gets):
    async def scenario():
        hub = bound()
        page = hub.stream(None, device)
        await take(page, 1)
        hub.publish(lambda: frame(1))
        return (await take(page, 1))[0]

    assert asyncio.run(scenario()).endswith(b"data: " + gets + b"\n\n")


def test_what_was_missed_comes_with_the_device_that_is_open_now():
    async def scenario():
        hub = bound()
        page = hub.stream(None)
        await take(page, 1)
        hub.publish(lambda: frame(1))
        (first,) = await take(page, 1)
        hub.publish(lambda: frame(2))
        await take(page, 1)
        await page.aclose()
        return (await take(hub.stream(identity(first), "attic"), 2))[1]

    assert asyncio.run(scenario()).endswith(b'data: {"n":2,"open":"of the attic"}\n\n')


def test_no_frame_is_made_while_nobody_hears_it_and_who_was_there_before_starts_over(monkeypatch):
    monkeypatch.setattr(live, "FORGOTTEN_S", 0.0)

    async def scenario():
        hub = bound()
        page = hub.stream(None)
        await take(page, 1)
        hub.publish(lambda: frame(1))
        (first,) = await take(page, 1)
        await page.aclose()
        hub.publish(lambda: pytest.fail("nobody is there"))
        await asyncio.sleep(0)
        return (await take(hub.stream(identity(first)), 2))[1]

    assert b"event: reset" in asyncio.run(scenario())


def test_what_is_kept_for_pages_that_come_back_is_bounded(monkeypatch):
    monkeypatch.setattr(live, "KEPT_BYTES", 10_000)

    async def scenario():
        hub = bound()
        page = hub.stream(None)
        await take(page, 1)
        for _ in range(50):
            hub.publish(lambda: Frame(b"1", {"attic": b"x" * 999}))
            await take(page, 1)
        return len(hub._kept)

    assert asyncio.run(scenario()) == 10


MEGABYTE = 1024 * 1024


@pytest.fixture
def served():
    """A hub behind a real server, and its port."""
    hub = Live()

    async def stream(request: Request) -> Response:
        return StreamingResponse(hub.stream(request.headers.get("last-event-id")))

    server = Server(Starlette(routes=[Route("/live", stream)]), bind("127.0.0.1", 0), hub)
    server.start()
    hub.server = server
    yield hub, httpx.URL(server.url).port
    server.stop()


@contextmanager
def greeted(port: int, last_id: str = "") -> Iterator[IO[bytes]]:
    """What a reader reads line by line, when it does; it has read the greeting."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as reader, reader.makefile("rb") as lines:
        known = f"last-event-id: {last_id}\r\n" if last_id else ""
        reader.sendall(f"GET /live HTTP/1.1\r\nhost: x\r\n{known}\r\n".encode())
        read_to(lines, b"event: hello\n")
        yield lines


def read_to(lines: IO[bytes], last: bytes) -> list[bytes]:
    read = [lines.readline()]
    while read[-1] != last:
        assert read[-1], "the stream has ended"
        read.append(lines.readline())
    return read


def test_readers_that_do_not_read_cost_no_memory_and_go_on_from_where_they_are_put(served, monkeypatch):
    monkeypatch.setattr(live, "KEPT_BYTES", 4 * MEGABYTE)
    hub, port = served
    with ExitStack() as stack:
        readers = [stack.enter_context(greeted(port)) for _ in range(8)]
        tracemalloc.start()
        for number in range(200):
            # each frame has its own bytes: 200 MB in all
            hub.publish(b'{"n":%d,"x":"%s"}' % (number, random.randbytes(512 * 1024).hex().encode()))
            until(lambda number=number: hub._newest == number + 1)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < (4 + 3 * len(readers)) * MEGABYTE, "more than a frame or two is on the way to each"
        for reader in readers[:2]:
            *_, named, _ = read_to(reader, b"event: reset\n")
            last_id = named.decode().removeprefix("id: ").strip()
            hub.publish(b'{"n":"next"}')
            with greeted(port, last_id) as again:
                assert b"event: reset\n" not in read_to(again, b'data: {"n":"next"}\n')


def test_a_reader_that_does_not_read_is_cut_off_at_the_end_without_a_trace(served, caplog):
    hub, port = served
    with greeted(port):
        for number in range(30):
            hub.publish(b'{"x":"%s"}' % (b"x" * MEGABYTE))
            until(lambda number=number: hub._newest == number + 1)
        hub.server.stop()
    assert "graceful shutdown exceeded" in caplog.text, "it was stuck"
    assert not any(said.exc_info for said in caplog.records)
