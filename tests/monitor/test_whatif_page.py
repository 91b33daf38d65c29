"""The dial of the what-if in a real browser: mouse and keyboard, on a phone too, and on to a real agent."""

import os
from pathlib import Path

import pytest

from tests.brokers import mosquitto
from tests.edge.test_agent import agent as edge_agent
from tests.monitor import scene as scenes
from tests.monitor.browser import PATIENCE_MS, expect, open_page, sync_api
from tests.monitor.messages import EPOCH, NOON, event, record
from tests.monitor.running import monitor, until
from tests.monitor.scene import Scene

browser, scene = scenes.browser, scenes.scene
HOUR_MS = 3_600_000
HOURS = 14 * 24
STRENGTHS = (1.05, 1.1, 1.2, 1.3, 1.45, 1.6, 1.9, 2.6, 3.4, 6.0)


def live_through(scene: Scene) -> None:
    """Two weeks: 38 alarms of very different strength, and calm hours of which some came near."""
    scene.room.born(period_s=3600.0, level=1.0)
    rows = [record(seq, ts_ms=NOON + HOUR_MS * seq, score=0.2) for seq in range(1, HOURS + 1)]
    for seq in range(10, HOURS, 40):
        rows[seq] |= {"score": 0.85}
    for first in range(0, HOURS, 50):
        scene.room.records(*rows[first : first + 50])
    for number in range(38):
        seq = 4 + 8 * number
        when = {"onset_ms": NOON + HOUR_MS * seq, "end_ms": NOON + HOUR_MS * seq + 600_000}
        strength = STRENGTHS[number % len(STRENGTHS)]
        scene.room.send("event", event(seq, "end", seq, **when, ratio=strength))


def opened(scene: Scene, **how) -> sync_api.Page:
    """The page of the room with the section open."""
    page = scene.open("#/device/cellar", **how)
    expect(page.get_by_test_id("ledger")).to_contain_text(f"{HOURS} received", timeout=PATIENCE_MS)
    section = page.get_by_test_id("whatif")
    section.locator("summary").click()
    expect(page.get_by_test_id("whatif-headline")).to_have_text("As it is: 19 alarms a week")
    return page


def dial(page: sync_api.Page, level: str) -> None:
    page.get_by_test_id("whatif-field").fill(level)
    page.get_by_test_id("whatif-field").press("Enter")


def test_a_higher_level_says_what_would_not_have_come_and_a_lower_one_what_would_be_new(scene) -> None:
    live_through(scene)
    page = opened(scene)
    headline, detail = page.get_by_test_id("whatif-headline"), page.get_by_test_id("whatif-detail")
    expect(page.get_by_test_id("whatif-send")).to_be_disabled()
    dial(page, "3")
    expect(headline).to_have_text("3 alarms a week instead of 19")
    expect(detail).to_contain_text("In the last 2 weeks: 6 alarms instead of 38.")
    gone = page.get_by_test_id("whatif-gone")
    expect(gone).to_have_count(8)
    expect(page.get_by_test_id("whatif")).to_contain_text("Would not have come: 32")
    expect(page.get_by_test_id("whatif")).to_contain_text("and 24 more")
    assert (gone.first.locator("a").get_attribute("href") or "").startswith(f"#/device/cellar/event/{EPOCH}/")
    dial(page, "0.6")
    expect(headline).to_contain_text("a week instead of 19")
    expect(page.get_by_test_id("whatif")).to_contain_text("Would be new")
    expect(page.get_by_test_id("whatif-new").first).to_contain_text("of the level")
    expect(page.get_by_test_id("whatif")).to_contain_text("a rough guess")  # no minute was told
    page.get_by_role("button", name="Last week").click()
    expect(detail).to_contain_text("In the last week")


def test_the_dial_moves_by_keyboard_and_says_where_it_is(scene) -> None:
    live_through(scene)
    page = opened(scene)
    slider, field = page.get_by_test_id("whatif-slider"), page.get_by_test_id("whatif-field")
    expect(slider).to_have_attribute("aria-valuetext", "1 times as calibrated")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(field).to_have_value("1.12")
    expect(slider).to_have_attribute("aria-valuetext", "1.12 times as calibrated")
    page.keyboard.press("End")
    expect(field).to_have_value("5")
    page.keyboard.press("Home")
    expect(field).to_have_value("0.5")
    dial(page, "9")  # out of range: stays
    expect(field).to_have_value("0.5")
    dial(page, "1")
    expect(page.get_by_test_id("whatif-headline")).to_have_text("As it is: 19 alarms a week")


def test_nothing_is_sent_without_a_yes_and_an_agent_that_is_away_is_said(scene) -> None:
    live_through(scene)
    asked = []
    page = opened(scene)
    page.on("request", lambda request: asked.append(request.method))
    dial(page, "2")
    page.get_by_test_id("whatif-send").click()
    expect(page.get_by_test_id("whatif-confirm")).to_be_focused()
    expect(page.get_by_role("group", name="Confirm")).to_contain_text("all alarm levels of cellar by 2?")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("whatif-confirm")).to_be_hidden()
    expect(page.get_by_test_id("whatif-send")).to_be_focused()
    assert "POST" not in asked
    page.get_by_test_id("whatif-send").click()
    page.get_by_test_id("whatif-confirm").click()
    outcome = page.get_by_test_id("whatif-outcome")
    expect(outcome).to_have_text("Sent 2; waiting for the device's answer")
    expect(outcome).to_contain_text("cellar has not answered within 30 seconds", timeout=60_000)
    assert asked.count("POST") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_it_fits_and_axe_finds_no_violation(scene, width, scheme) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs picanary[test]: axe-core"
    )
    live_through(scene)
    page = opened(scene, width=width, scheme=scheme)
    dial(page, "2")
    page.get_by_test_id("whatif-send").click()
    expect(page.get_by_test_id("whatif-confirm")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    if width == 360:
        small = page.get_by_test_id("whatif").locator("button:visible, input:visible, summary")
        heights = [box["height"] for box in (each.bounding_box() for each in small.all()) if box]
        assert min(heights) >= 40
    found = axe.Axe().run(page, context=".whatif", options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    if folder := os.environ.get("PICANARY_SCREENSHOTS"):
        page.get_by_test_id("whatif").screenshot(path=Path(folder) / f"whatif-{width}-{scheme}.png")


def test_a_level_goes_to_a_real_agent_and_comes_back(browser, tmp_path) -> None:
    wrong: list[str] = []
    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (running, client):
        simulated = ["--source", "simulator", "--speed", 2000, "--commit-s", 0.2]
        with edge_agent(tmp_path, *simulated, "--broker", f"127.0.0.1:{broker.port}"):

            def info() -> dict:
                return client.get("/api/devices/cellar").json().get("info") or {}

            until(lambda: info().get("level") == 1.0, 120)
            page = open_page(browser, running.server.url, wrong, "#/device/cellar")
            page.get_by_test_id("whatif").locator("summary").click()
            expect(page.get_by_test_id("whatif-headline")).to_contain_text("As it is")
            dial(page, "1.5")
            page.get_by_test_id("whatif-send").click()
            page.get_by_test_id("whatif-confirm").click()
            outcome = page.get_by_test_id("whatif-outcome")
            expect(outcome).to_contain_text(
                "Done: all alarm levels are 1.5 times as calibrated", timeout=60_000
            )
            until(lambda: info().get("level") == 1.5)
            expect(page.get_by_test_id("whatif-detail")).to_contain_text("The device is at 1.5 now")
            expect(page.get_by_test_id("whatif-send")).to_be_disabled()
            with running.store.reading() as run:
                levels = [level for (level,) in run("SELECT level FROM levels ORDER BY from_ms")]
            assert levels == [1.0, 1.5]
        page.context.close()
    assert wrong == []
