"""Every view as axe-core sees it: on a phone and on a desk, by day and by night."""

from collections.abc import Callable

import pytest

from tests.monitor import scene as scenes
from tests.monitor.browser import expect, sync_api
from tests.monitor.messages import EPOCH, advisory, event, record
from tests.monitor.scene import Scene, chart, strange, value

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs picanary[test]: axe-core")

browser, scene = scenes.browser, scenes.scene
View = Callable[[sync_api.Page], None]


def fleet(page: sync_api.Page) -> None:
    expect(page.get_by_test_id("device-row").first).to_be_visible()


def device(page: sync_api.Page) -> None:
    expect(value(page)).to_be_visible()
    expect(chart(page, "score").locator("canvas")).to_be_visible()
    expect(page.get_by_test_id("event-row").first).to_be_visible()


def one_event(page: sync_api.Page) -> None:
    expect(page.get_by_test_id("event-sentence")).to_be_visible()


def alerts(page: sync_api.Page) -> None:
    expect(page.get_by_test_id("alerts")).to_be_visible()


VIEWS = {
    "#/": fleet,
    "#/device/cellar": device,
    f"#/device/cellar/event/{EPOCH}/20": one_event,
    "#/alerts": alerts,
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("path", VIEWS)
def test_axe_finds_no_violation(scene: Scene, path: str, width: int, scheme: str) -> None:
    scene.room.born()
    scene.room.records(*[record(seq) for seq in range(1, 20)], *[strange(seq) for seq in range(20, 25)])
    scene.room.send("event", event(20, "start", 20))
    scene.room.send("event", advisory(5, "end", 9))
    page = scene.open(path, width=width, scheme=scheme)
    VIEWS[path](page)
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
