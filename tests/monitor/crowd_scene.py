"""What page tests of many rooms stand on: dozens with a day behind them, and thousands."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.service import Monitor
from tests.brokers import mosquitto
from tests.monitor import crowd
from tests.monitor.browser import PATIENCE_MS, expect, open_page, sync_api
from tests.monitor.messages import record
from tests.monitor.running import Agent, agent, monitor


@dataclass
class Crowd:
    """A monitor that knows many rooms."""

    browser: sync_api.Browser
    running: Monitor
    room: Agent
    wrong: list[str]

    def open(self, path: str = "#/", *, width: int = 1440, scheme: str = "light") -> sync_api.Page:
        return open_page(self.browser, self.running.server.url, self.wrong, path, width=width, scheme=scheme)

    def say(self, number: int, seq: int, **other: object) -> None:
        """A record of now."""
        self.room.device = crowd.name_of(number)
        made = {"epoch": crowd.EPOCH, "ts_ms": int(time.time() * 1000), "model": "cellar 7", **other}
        self.room.records(record(seq, **made))


@contextmanager
def crowded(browser: sync_api.Browser, folder: Path, devices: int, records: int) -> Iterator[Crowd]:
    expect.set_options(timeout=PATIENCE_MS)
    crowd.fill(folder / "m.db", devices, records=records)
    with mosquitto() as broker, monitor(broker, folder / "m.db") as (running, _), agent(broker) as room:
        made = Crowd(browser, running, room, [])
        yield made
        for context in browser.contexts:
            context.close()
    assert made.wrong == [], made.wrong


@pytest.fixture
def thirty(browser, tmp_path: Path) -> Iterator[Crowd]:
    with crowded(browser, tmp_path, 30, crowd.A_DAY) as made:
        yield made


@pytest.fixture(scope="module")
def thousands(browser, tmp_path_factory) -> Iterator[Crowd]:
    with crowded(browser, tmp_path_factory.mktemp("thousands"), 2000, 6) as made:
        yield made


def rows(page: sync_api.Page) -> sync_api.Locator:
    return page.get_by_test_id("device-row")


def chip(page: sync_api.Page, name: str) -> sync_api.Locator:
    return page.locator(f'[data-testid="chip"][data-chip="{name}"]')


def drawn(page: sync_api.Page) -> sync_api.Locator:
    """The map, once it has been."""
    map_ = page.get_by_test_id("heatmap")
    expect(map_).to_have_attribute("data-cells", re.compile("[1-9]"))
    return map_
