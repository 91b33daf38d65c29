"""Hands and eyes on the history of a room: opens it, drags in it, and tells what it shows."""

import re
from typing import Any
from urllib.parse import parse_qs

from tests.monitor.browser import expect, sync_api
from tests.monitor.messages import NOON, record
from tests.monitor.running import until
from tests.monitor.scene import Scene, chart

SECONDS = 1000
ADDRESS_AFTER_MS = 250  # of timeline.js
LAST = 361  # records of an hour at 0.1 Hz


def at(seq: int) -> int:
    """When that record was made."""
    return NOON + 10_000 * seq


def an_hour(room: Any) -> None:
    room.born()
    for first in range(1, LAST, 40):
        room.records(*[record(seq, temperature_c=20.0 + seq % 40 / 10) for seq in range(first, first + 40)])


def opened(scene: Scene, query: str = "range=1h", **other: Any) -> sync_api.Page:
    page = scene.open(f"#/device/cellar?{query}", **other)
    expect(page.get_by_test_id("timeline")).to_have_attribute("data-shown", re.compile(r"\d+"))
    return page


def shown(page: sync_api.Page) -> tuple[float, float]:
    """What the time axis of the charts reaches from and to."""
    ends = page.get_by_test_id("timeline").evaluate(
        """node => [...node.querySelectorAll('.overview .left, .overview .right')].map(
            one => one.getAttribute('aria-valuetext'))"""
    )
    assert all(ends)
    fixed = re.search(r"from=(-?\d+)&to=(-?\d+)", page.evaluate("location.hash"))
    return (float(fixed[1]), float(fixed[2])) if fixed else (-1.0, -1.0)


def address(page: sync_api.Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(page.url.partition("?")[2]).items()}


def until_fixed(page: sync_api.Page, before: tuple[float, float] = (-1.0, -1.0)) -> tuple[float, float]:
    """The stretch that stays put, once the address tells another one than before."""
    until(lambda: settled(page, before))
    return shown(page)


def settled(page: sync_api.Page, before: tuple[float, float]) -> bool:
    # The address follows a moving hand at intervals: the last is over when a later timer of the page is.
    page.evaluate("ms => new Promise(done => setTimeout(done, ms))", 2 * ADDRESS_AFTER_MS)
    return shown(page) not in (before, (-1.0, -1.0))


def middle(page: sync_api.Page) -> dict[str, float]:
    return chart(page).locator(".u-over").bounding_box()


def ends(pixels: dict[str, Any]) -> list[float]:
    """Where the stretches of a chart that have such pixels begin and end, in turn."""
    return [end for stretch in pixels["columns"] for end in stretch]


def drag(page: sync_api.Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()
