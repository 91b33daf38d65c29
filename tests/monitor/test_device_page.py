"""A room's history in a real browser: zoom, pan, brush, one cursor, links, long stretches, gaps."""

import re

import pytest

from tests.monitor import scene as scenes
from tests.monitor.browser import expect
from tests.monitor.messages import record
from tests.monitor.running import until
from tests.monitor.scene import chart, strange
from tests.monitor.timeline import (
    SECONDS,
    an_hour,
    at,
    drag,
    middle,
    opened,
    shown,
    until_fixed,
)

browser, scene = scenes.browser, scenes.scene


def test_a_drag_over_a_chart_zooms_into_that_stretch_and_a_double_click_goes_back(scene):
    an_hour(scene.room)
    page = opened(scene)
    box = middle(page)
    y = box["y"] + 60
    drag(page, (box["x"] + box["width"] * 0.25, y), (box["x"] + box["width"] * 0.5, y))
    from_ms, to_ms = until_fixed(page)
    whole = at(360) - at(1)
    assert from_ms == pytest.approx(at(1) + 0.25 * whole, abs=30 * SECONDS)
    assert to_ms == pytest.approx(at(1) + 0.5 * whole, abs=30 * SECONDS)
    expect(page.get_by_test_id("stretch")).to_contain_text(" to ")
    expect(page.get_by_test_id("back-to-now")).to_be_visible()
    scene.room.records(record(400))
    expect(page.get_by_test_id("ledger")).to_contain_text("400 sent, 361 received, 39 missing")
    assert shown(page) == (from_ms, to_ms), "what was zoomed into stays put"
    page.mouse.dblclick(box["x"] + 100, y)
    expect(page.get_by_role("button", name="1 h")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("back-to-now")).to_be_hidden()


def test_the_wheel_with_ctrl_zooms_around_the_pointer_and_without_it_the_page_scrolls(scene):
    an_hour(scene.room)
    page = opened(scene)
    box = middle(page)
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 60)
    page.mouse.wheel(0, 200)
    until(lambda: page.evaluate("scrollY") > 0)
    assert shown(page) == (-1.0, -1.0)
    page.evaluate("scrollTo(0, 0)")
    until(lambda: page.evaluate("scrollY") == 0)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    from_ms, to_ms = until_fixed(page)
    part = (at(1) + 0.25 * (at(360) - at(1)) - from_ms) / (to_ms - from_ms)
    assert part == pytest.approx(0.25, abs=0.03), "what is under the pointer stays there"
    assert to_ms - from_ms < 0.7 * (at(360) - at(1))


def test_a_drag_with_shift_pans_and_buttons_and_keys_do_too(scene):
    an_hour(scene.room)
    page = opened(scene, f"from={at(200)}&to={at(260)}")
    box = middle(page)
    page.keyboard.down("Shift")
    drag(page, (box["x"] + 200, box["y"] + 60), (box["x"] + 200 + box["width"] * 0.5, box["y"] + 60))
    page.keyboard.up("Shift")
    moved = until_fixed(page, (at(200), at(260)))
    assert moved[0] == pytest.approx(at(170), abs=15 * SECONDS)
    assert moved[1] - moved[0] == pytest.approx(at(260) - at(200), abs=2)
    page.get_by_role("button", name="Earlier").click()
    earlier = until_fixed(page, moved)
    assert earlier[0] == pytest.approx(moved[0] - 300 * SECONDS, abs=2)
    page.get_by_test_id("readout").focus()
    page.keyboard.press("Shift+ArrowRight")
    assert until_fixed(page, earlier)[0] == pytest.approx(earlier[0] + 150 * SECONDS, abs=2)


def test_zooming_out_ends_with_all_there_is_and_panning_ends_at_now_and_follows_it(scene):
    an_hour(scene.room)
    page = opened(scene, f"from={at(200)}&to={at(260)}")
    page.get_by_test_id("readout").focus()
    for _ in range(5):
        page.keyboard.press("-")
    expect(page.get_by_role("button", name="all")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("+")
    expect(page.get_by_test_id("back-to-now")).to_be_hidden()
    scene.room.records(strange(361))
    expect(chart(page)).to_have_attribute("data-anomalies", "1")
    page.get_by_role("button", name="Earlier").click()
    expect(chart(page)).to_have_attribute("data-anomalies", "0")
    for _ in range(2):
        page.get_by_role("button", name="Later").click()
    expect(page.get_by_test_id("back-to-now")).to_be_hidden()
    expect(chart(page)).to_have_attribute("data-anomalies", "1")


def test_one_cursor_stands_in_all_charts_and_one_readout_tells_all_of_it(scene):
    an_hour(scene.room)
    scene.room.records(strange(361))
    page = opened(scene)
    readout = page.get_by_test_id("readout")
    expect(page.get_by_test_id("readout-state")).to_have_text("newest, anomalous")
    box = middle(page)
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    expect(readout).to_have_attribute("data-pointed", "true")
    expect(page.get_by_test_id("readout-state")).to_have_text("normal")
    expect(readout.locator('[data-channel="temperature_c"]')).to_contain_text("expected 21.4\u00a0±\u00a00.2")
    expect(readout.locator('[data-channel="humidity_pct"]')).to_contain_text("45.0\u202f%")
    expect(readout.locator('[data-channel="score"]')).to_contain_text("0.30")
    places = page.locator(".charts .u-cursor-x").evaluate_all(
        "all => all.map(one => new DOMMatrix(getComputedStyle(one).transform).m41)"
    )
    assert len(places) == 3
    assert max(places) - min(places) < 1.5
    assert places[0] == pytest.approx(box["width"] * 0.5, abs=2)


def test_keys_move_the_cursor_row_by_row_and_a_screen_reader_hears_each(scene):
    an_hour(scene.room)
    page = opened(scene, "range=10min")
    readout = page.get_by_role("slider", name="Cursor over the charts")
    readout.focus()

    def told() -> str:
        return readout.get_attribute("aria-valuetext") or ""

    page.keyboard.press("End")
    until(lambda: "temperature 20.0\u202f°C" in told())
    assert re.search(r"expected 21\.4.*; humidity 45\.0.*; score 0\.30", told())
    page.keyboard.press("ArrowLeft")
    until(lambda: "temperature 23.9\u202f°C" in told())
    page.keyboard.press("PageUp")
    until(lambda: "temperature 22.9\u202f°C" in told())
    page.keyboard.press("Home")
    until(lambda: "temperature 22.0\u202f°C" in told() or "temperature 22.1\u202f°C" in told())


def test_the_overview_shows_the_whole_and_its_window_is_dragged_and_resized(scene):
    an_hour(scene.room)
    page = opened(scene, f"from={at(240)}&to={at(300)}")
    strip = page.get_by_test_id("overview")
    strip.scroll_into_view_if_needed()
    box = page.get_by_test_id("overview-window").bounding_box()
    whole = strip.bounding_box()
    assert box["width"] / whole["width"] == pytest.approx(60 / 359, abs=0.01)
    y = box["y"] + 20
    centre = box["x"] + box["width"] / 2
    drag(page, (centre, y), (centre - whole["width"] * 0.25, y))
    moved = until_fixed(page, (at(240), at(300)))
    assert moved[0] == pytest.approx(at(240) - 0.25 * 3590 * SECONDS, abs=30 * SECONDS)
    assert moved[1] - moved[0] == pytest.approx(600 * SECONDS, abs=2)
    handle = page.get_by_test_id("overview-right").bounding_box()
    drag(page, (handle["x"] + 5, y), (handle["x"] + 5 + whole["width"] * 0.1, y))
    wider = until_fixed(page, moved)
    assert wider[0] == pytest.approx(moved[0], abs=2)
    assert wider[1] == pytest.approx(moved[1] + 359 * SECONDS, abs=30 * SECONDS)
    page.mouse.click(whole["x"] + whole["width"] * 0.8, y)
    assert until_fixed(page, wider)[0] > wider[0], "beside the window a click brings it there"


def test_the_overview_is_three_sliders_for_the_keyboard(scene):
    an_hour(scene.room)
    page = opened(scene, f"from={at(240)}&to={at(300)}")
    window = page.get_by_role("slider", name="Shown stretch", exact=True)
    expect(window).to_have_attribute("aria-valuetext", re.compile(" to "))
    window.press("ArrowLeft")
    moved = until_fixed(page, (at(240), at(300)))
    assert moved == (at(234), at(294))
    page.get_by_role("slider", name="Beginning of the shown stretch").press("ArrowRight")
    narrower = until_fixed(page, moved)
    assert narrower == (at(240), at(294))
    page.get_by_role("slider", name="End of the shown stretch").press("End")
    expect(page.get_by_test_id("back-to-now")).to_be_hidden()
