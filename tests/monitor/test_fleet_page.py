"""The fleet's view in a real browser: one room, some dozens, thousands."""

import re

import pytest

from tests.monitor import crowd_scene
from tests.monitor import scene as scenes
from tests.monitor.browser import expect, sync_api
from tests.monitor.crowd_scene import Crowd, chip, drawn, rows
from tests.monitor.messages import record
from tests.monitor.pixels import contrasts_too_low
from tests.monitor.scene import Scene, value

browser, scene = scenes.browser, scenes.scene
thirty, thousands = crowd_scene.thirty, crowd_scene.thousands


def test_one_room_is_a_list_with_small_facts_and_the_room_beside_it(scene: Scene) -> None:
    scene.room.born()
    scene.room.records(record(1), record(5))
    page = scene.open()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("3 missing · room 1 · simulated")
    expect(value(page)).to_have_text("21.5")
    expect(page.get_by_test_id("fleet-bar")).to_be_hidden()
    expect(page.get_by_test_id("heatmap")).to_be_hidden()
    assert page.title() == "cellar · picanary"
    scene.room.send("status", b'{"v":1,"state":"offline","session":"s1"}', retain=True)
    expect(rows(page)).to_contain_text(re.compile(r"offline.*stale for .+ · 3 missing"))


def test_dozens_of_rooms_are_counted_filtered_and_sought(thirty: Crowd) -> None:
    page = thirty.open()
    expect(rows(page)).to_have_count(30)
    assert page.title() == "picanary"
    expect(page.locator("#device")).to_be_hidden()
    expect(rows(page).first).to_contain_text("anomalous")
    expect(rows(page).last).to_contain_text("normal")
    for name, number in {"is offline": 1, "is sensor_fault": 1, "is no_model": 1, "missing": 2}.items():
        expect(chip(page, name).locator("b")).to_have_text(str(number))
    expect(chip(page, "model cellar 6").locator("b")).to_have_text("6")

    chip(page, "is offline").click()
    expect(rows(page)).to_have_text(
        [re.compile("room-0002.*offline.*stale for 1 h|room-0002.*offline.*stale")]
    )
    expect(chip(page, "is offline")).to_have_attribute("aria-pressed", "true")
    chip(page, "is sensor_fault").click()
    expect(rows(page)).to_have_count(2)
    chip(page, "is offline").click()
    chip(page, "is sensor_fault").click()
    chip(page, "missing").click()
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("2 missing")
    chip(page, "missing").click()
    chip(page, "model cellar 6").click()
    expect(rows(page)).to_have_count(6)
    chip(page, "model cellar 6").click()

    page.keyboard.press("/")
    expect(page.get_by_test_id("search")).to_be_focused()
    page.keyboard.type("0017")
    expect(rows(page)).to_have_text([re.compile("room-0017")])
    page.keyboard.type("x")
    expect(page.get_by_role("status").filter(has_text="No room is like that")).to_be_visible()
    page.keyboard.press("Escape")
    expect(rows(page)).to_have_count(30)


def test_a_record_moves_row_chip_and_cell(thirty: Crowd) -> None:
    page = thirty.open()
    map_ = drawn(page)
    expect(chip(page, "is anomalous").locator("b")).to_have_text("2")
    map_.focus()
    page.keyboard.press("End")
    thirty.say(1, 97, state="anomalous", score=7.5)
    row = page.locator('[data-device="room-0001"]')
    expect(row).to_have_attribute("data-condition", "anomalous")
    expect(row).to_contain_text("score 7.50")
    expect(chip(page, "is anomalous").locator("b")).to_have_text("3")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    readout = page.get_by_test_id("heat-readout")
    expect(readout).to_contain_text("room-0001")
    expect(readout).to_contain_text(re.compile(r"anomalous · worst score 7\.[1-5]"))


def test_of_thousands_only_rows_near_the_screen_exist_and_few_are_asked_for_at_once(thousands: Crowd) -> None:
    page = thousands.open()
    expect(chip(page, "is normal")).to_be_visible()
    expect(rows(page).first).to_be_visible()
    assert page.locator("#fleet").evaluate("node => node.offsetHeight") > 2000 * 40
    assert rows(page).count() < 60
    asked: list[int] = []
    open_now: set[str] = set()

    def began(request: sync_api.Request) -> None:
        if "/series" in request.url:
            open_now.add(request.url)
            asked.append(len(open_now))

    page.on("request", began)
    page.on("requestfinished", lambda request: open_now.discard(request.url))
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    last = page.locator("li[aria-posinset='2000']")
    expect(last).to_be_visible()
    expect(last.locator("svg")).to_be_attached()
    assert rows(page).count() < 60
    assert max(asked) <= 4  # three, and one that has just come back
    assert len(asked) < 60


def test_thousands_are_walked_by_keyboard_and_sought(thousands: Crowd) -> None:
    page = thousands.open()
    rows(page).first.focus()
    page.keyboard.press("End")
    expect(page.locator("li[aria-posinset='2000'] a")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("li[aria-posinset='1999'] a")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("room-1234")
    expect(rows(page)).to_have_text([re.compile("room-1234")])
    rows(page).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("room")).to_have_attribute("data-device", "room-1234")
    expect(rows(page)).to_have_attribute("aria-current", "page")


def test_news_of_one_of_thousands_are_seen_at_once(thousands: Crowd) -> None:
    page = thousands.open()
    drawn(page)
    page.keyboard.press("/")
    page.keyboard.type("room-1500")
    row = page.locator('[data-device="room-1500"]')
    expect(row).to_have_attribute("data-condition", "normal")
    for seq, (temperature, words) in enumerate([(33.3, "33.3"), (34.4, "34.4")], 7):
        thousands.say(1500, seq, temperature_c=temperature, state="anomalous", score=3.0)
        expect(row).to_contain_text(words)
    expect(row).to_have_attribute("data-condition", "anomalous")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_thousands_fit_a_phone_and_a_desk_by_day_and_by_night(
    thousands: Crowd, width: int, scheme: str
) -> None:
    page = thousands.open(width=width, scheme=scheme)
    drawn(page)
    expect(rows(page).first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert contrasts_too_low(page) == []
    if width == 360:
        low = page.locator("button:visible, input:visible").evaluate_all(
            "all => all.filter((one) => one.offsetHeight < 40).map((one) => one.textContent)"
        )
        assert low == []
    page.context.close()


def test_axe_finds_no_violation_in_the_fleet_of_thousands(thousands: Crowd) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs picanary[test]: axe-core"
    )
    page = thousands.open()
    drawn(page)
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
