"""The live stream: nothing is lost in silence, and nobody's slowness costs memory."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from monitor import live
from monitor.live import Frame, Live


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


@pytest.mark.parametrize("last_id", ["another-run-7", "<script>", "0"])
def test_a_page_that_was_away_too_long_is_told_to_start_over(last_id):
    async def scenario():
        hub = bound()
        hub.publish(b"1")
        await asyncio.sleep(0)
        return (await take(hub.stream(last_id), 2))[1]

    assert b"event: reset" in asyncio.run(scenario())


def test_a_page_that_cannot_keep_up_is_told_to_start_over_and_goes_on():
    async def scenario():
        hub = bound()
        slow = hub.stream(None)
        await take(slow, 1)
        waiting = asyncio.ensure_future(anext(slow))
        await asyncio.sleep(0)
        for number in range(live.QUEUE_FRAMES * 3):
            hub.publish(str(number).encode())
        pieces = [await asyncio.wait_for(waiting, 5)]
        while not pieces[-1].endswith(b"data: %d\n\n" % (live.QUEUE_FRAMES * 3 - 1)):
            assert len(pieces) <= live.QUEUE_FRAMES
            pieces += await take(slow, 1)
        return pieces

    assert any(b"event: reset" in piece for piece in asyncio.run(scenario()))


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
