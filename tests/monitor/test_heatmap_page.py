"""The map of all rooms' last hours in a real browser: pointed at, walked, told apart."""

import re

from tests.monitor import crowd_scene
from tests.monitor import scene as scenes
from tests.monitor.browser import expect
from tests.monitor.crowd_scene import Crowd, drawn, rows
from tests.monitor.running import until

browser, thirty = scenes.browser, crowd_scene.thirty


def test_the_map_says_what_is_pointed_at_and_opens_the_room_at_that_time(thirty: Crowd) -> None:
    page = thirty.open()
    map_ = drawn(page)
    readout = page.get_by_test_id("heat-readout")
    box = map_.bounding_box()
    first = rows(page).first.get_attribute("data-device")
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 3)
    expect(readout).to_contain_text(f"{first} · ")
    expect(readout).to_contain_text("anomalous · worst score")
    page.mouse.move(box["x"] + 200, box["y"] + 3)
    expect(readout).to_contain_text(re.compile(f"{first} · .* · (normal|warming up)"))
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 3)
    expect(page.get_by_test_id("room")).to_have_attribute("data-device", first)
    assert re.search(rf"#/device/{first}\?from=\d+&to=\d+$", page.url)
    assert page.title() == f"{first} · picanary"
    page.go_back()
    expect(page.get_by_test_id("room")).to_be_hidden()
    assert page.title() == "picanary"
    expect(page.locator(f'[data-device="{first}"][data-testid="device-row"]')).to_be_focused()


def test_the_map_is_walked_by_keyboard(thirty: Crowd) -> None:
    page = thirty.open()
    map_ = drawn(page)
    readout = page.get_by_test_id("heat-readout")
    names = rows(page).evaluate_all("all => all.map((one) => one.dataset.device)")
    page.keyboard.press("/")
    map_.focus()
    page.keyboard.press("ArrowDown")
    expect(readout).to_contain_text(f"{names[1]} · ")
    now = readout.text_content()
    page.keyboard.press("ArrowLeft")
    expect(readout).not_to_have_text(now)
    expect(readout).to_have_attribute("aria-live", "polite")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    expect(readout).to_contain_text(f"{names[-1]} · ")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("room")).to_have_attribute("data-device", names[-1])
    expect(page.locator("#device")).to_be_focused()


def test_states_are_told_apart_without_colour(thirty: Crowd) -> None:
    page = thirty.open()
    drawn(page)
    greys = page.locator(".heat-legend canvas").evaluate_all(
        """all => all.map((one) => {
            const { data } = one.getContext("2d").getImageData(0, 0, one.width, one.height);
            const found = [];
            for (let i = 0; i < data.length; i += 4)
                found.push(Math.round((0.2126 * data[i] + 0.7152 * data[i + 1] + 0.0722 * data[i + 2]) / 12));
            return found.join(",");
        })"""
    )
    assert len(greys) == 8
    assert len(set(greys)) == len(greys)


def test_other_stretches_of_time_can_be_looked_at(thirty: Crowd) -> None:
    page = thirty.open()
    map_ = drawn(page)
    cells = map_.get_attribute("data-cells")
    page.get_by_role("group", name="Stretch of the map").get_by_role("button", name="7 days").click()
    expect(page.get_by_role("heading", name="All rooms, the last 7 days")).to_be_visible()
    expect(map_).not_to_have_attribute("data-cells", cells)
    high = map_.bounding_box()["height"]
    page.get_by_role("button", name="Lower rows").click()
    until(lambda: map_.bounding_box()["height"] < high)
