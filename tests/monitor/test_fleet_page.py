"""The fleet's view in a real browser: one room, some dozens, thousands."""

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
from tests.monitor import scene as scenes
from tests.monitor.browser import PATIENCE_MS, expect, open_page, sync_api
from tests.monitor.messages import record
from tests.monitor.pixels import contrasts_too_low
from tests.monitor.running import Agent, agent, monitor, until
from tests.monitor.scene import Scene, value

browser, scene = scenes.browser, scenes.scene


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
