"""What page tests stand on: a browser, a monitor with one agent, pages that note what goes wrong in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import mosquitto
from tests.monitor.browser import PATIENCE_MS, chromium, expect, open_page, sync_api
from tests.monitor.messages import record
from tests.monitor.running import Agent, agent, monitor


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    """One for all tests of a file; `browser, scene = scenes.browser, scenes.scene` takes both in."""
    with chromium() as launched:
        yield launched


@dataclass
class Scene:
    """A monitor with one agent, and pages that note what goes wrong in them."""

    browser: sync_api.Browser
    url: str
    room: Agent
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str = "", *, width: int = 1440, scheme: str = "light") -> sync_api.Page:
        """A page in a browser profile of its own."""
        return open_page(self.browser, self.url, self.wrong, path, width=width, scheme=scheme)


@pytest.fixture
def scene(browser: sync_api.Browser, tmp_path: Path) -> Iterator[Scene]:
    """An empty monitor. At the end no page may have complained, or asked another host."""
    expect.set_options(timeout=PATIENCE_MS)
    with (
        mosquitto() as broker,
        monitor(broker, tmp_path / "m.db") as (running, _),
        agent(broker) as room,
    ):
        made = Scene(browser, running.server.url, room)
        yield made
        for context in browser.contexts:
            context.close()
    assert made.wrong == [], made.wrong


def strange(seq: int, **other: Any) -> dict[str, Any]:
    """An anomalous record."""
    return record(seq, state="anomalous", score=4.2, temperature_c=17.0, why="much too cold", **other)


def value(page: sync_api.Page, channel: str = "temperature_c") -> sync_api.Locator:
    return page.locator(f'[data-testid="value"][data-channel="{channel}"]')


def chart(page: sync_api.Page, channel: str = "temperature_c") -> sync_api.Locator:
    return page.locator(f'[data-testid="chart"][data-channel="{channel}"]')
