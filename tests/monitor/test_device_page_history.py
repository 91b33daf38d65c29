"""Links to a stretch, files of it, gaps and bands, a year on summaries, fingers, and how it fits."""

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from monitor.changes import Changes
from monitor.store import Store
from tests.brokers import mosquitto
from tests.monitor import scene as scenes
from tests.monitor.browser import expect, sync_api
from tests.monitor.history import lively
from tests.monitor.messages import event, record
from tests.monitor.pixels import contrasts_too_low, pixels_like
from tests.monitor.running import agent, monitor, until
from tests.monitor.scene import Scene, chart, strange
from tests.monitor.timeline import (
    LAST,
    SECONDS,
    address,
    an_hour,
    at,
    ends,
    middle,
    opened,
    shown,
    until_fixed,
)

browser, scene = scenes.browser, scenes.scene


def test_a_link_shows_the_same_again_and_panning_writes_no_history(scene):
    an_hour(scene.room)
    page = opened(scene, "range=10min")
    entries = page.evaluate("history.length")
    page.get_by_test_id("readout").focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    until_fixed(page)
    page.keyboard.press("+")
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_timeout(400)  # the address follows a pause
    again = scene.open(page.url.partition("/#")[2] and "#" + page.url.partition("#")[2])
    expect(again.get_by_test_id("timeline")).to_have_attribute("data-shown", re.compile(r"\d+"))
    expect(again.get_by_test_id("stretch")).to_have_text(page.get_by_test_id("stretch").inner_text())
    assert page.evaluate("history.length") == entries


@pytest.mark.parametrize(
    ("query", "name"), [("range=1week", "1 week"), ("", "10 min"), ("range=2min", "2 min")]
)
def test_a_link_names_a_range(scene, query, name):
    an_hour(scene.room)
    page = opened(scene, query)
    expect(page.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="1 day").click()
    until(lambda: page.wait_for_timeout(50) or address(page) == {"range": "1day"})


@pytest.mark.parametrize(
    "query", ["from=9&to=3", "from=x", "range=%F0%9F", "from=1e300&to=1e301", "range=-1s"]
)
def test_a_broken_link_shows_the_first_range(scene, query):
    an_hour(scene.room)
    page = opened(scene, query)
    expect(page.get_by_role("button", name="10 min")).to_have_attribute("aria-pressed", "true")


def test_files_of_what_is_shown_can_be_taken_away(scene):
    an_hour(scene.room)
    page = opened(scene, f"from={at(100)}&to={at(160)}")
    page.get_by_test_id("download").click()
    for form in ("csv", "parquet"):
        path = f"/api/devices/cellar/export.{form}?from_ms={at(100)}&to_ms={at(160)}"
        expect(page.get_by_test_id(f"download-{form}")).to_have_attribute("href", path)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("download-csv")).to_be_hidden()


def test_a_gap_is_shown_as_a_gap_and_the_expected_band_lies_behind_the_line(scene):
    scene.room.born()
    scene.room.records(*[record(seq) for seq in range(1, 21)])
    scene.room.records(*[record(seq) for seq in range(41, 61)])
    page = opened(scene, f"from={at(1)}&to={at(60)}")
    blue = pixels_like(page, "temperature_c", (31, 95, 174))
    assert ends(blue) == pytest.approx([0.0, 0.32, 0.68, 1.0], abs=0.03)
    band = pixels_like(page, "temperature_c", (90, 105, 125), alpha=(20, 80))
    assert band["count"] > 2 * blue["count"]
    assert ends(band) == pytest.approx([0.0, 0.32, 0.68, 1.0], abs=0.03)
    box = middle(page)
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 60)
    expect(page.get_by_test_id("readout-state")).to_have_text(re.compile("normal|gap"))


STEP_S = 300.0


@contextmanager
def long_history(browser: sync_api.Browser, path: Path, days: int) -> Iterator[Scene]:
    """A scene whose room has that many days of a record in five minutes, up to now."""
    end_ms, each = int(time.time()) // 60 * 60_000, round(86_400 / STEP_S)
    with closing(Store(path)) as store:
        for day in range(days):
            seqs = range(each * day + 1, each * day + each + 1)
            times = {seq: end_ms - round((each * days - seq) * STEP_S * 1000) for seq in seqs}
            odd = {"state": "anomalous", "score": 6.5, "anomaly": True} if day == days // 2 else {}
            store.commit(Changes(records=[("cellar", lively(seq, ts_ms=times[seq], **odd)) for seq in seqs]))
    with mosquitto() as broker, monitor(broker, path) as (running, _), agent(broker) as room:
        room.born(period_s=STEP_S)
        made = Scene(browser, running.server.url, room)
        yield made
        for context in browser.contexts:
            context.close()
        assert made.wrong == []


def test_a_year_opens_on_summaries_with_lowest_and_highest_and_the_band_behind(browser, tmp_path):
    expect.set_options(timeout=60_000)
    with long_history(browser, tmp_path / "m.db", 366) as scene:
        page = opened(scene, "range=1year")
        timeline = page.get_by_test_id("timeline")
        expect(timeline).to_have_attribute("data-summed", "true")
        expect(chart(page)).to_have_attribute("data-anomalies", "1")
        envelope = pixels_like(page, "temperature_c", (31, 95, 174), alpha=(40, 120))
        assert envelope["count"] > 2000
        assert ends(envelope) == pytest.approx([0.0, 1.0], abs=0.03)
        assert pixels_like(page, "temperature_c", (31, 95, 174))["count"] > 500, "the line of means"
        box = middle(page)
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 60)
        readout = page.get_by_test_id("readout").locator('[data-channel="temperature_c"]')
        expect(readout).to_contain_text(re.compile(r"\d to \d+\.\d, expected"))
        scene.room.records(newest(366, temperature_c=44.0))
        expect(page.get_by_test_id("value").first).to_have_text("44.0")
        page.mouse.move(5, 5)
        expect(readout).to_contain_text("44.0")

        # from the year into a day of it, at once: what is there is stretched until finer rows come
        page.get_by_role("button", name="1 day").click()
        expect(timeline).to_have_attribute("data-summed", "false")
        page.get_by_role("button", name="1 year").click()
        expect(timeline).to_have_attribute("data-summed", "true")


def newest(days: int, **other: Any) -> dict[str, Any]:
    """The next record of such a history."""
    return record(days * 288 + 1, ts_ms=int(time.time() * 1000), **other)


def test_of_several_stretches_in_a_row_the_last_is_drawn_whatever_answer_comes_last(scene):
    an_hour(scene.room)
    page = opened(scene, "range=2min")
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)
        if len(held) > 1:
            route.continue_()

    page.route("**/series?**from_ms=**", hold)
    page.get_by_role("button", name="10 min").click()
    until(lambda: page.wait_for_timeout(50) or held)
    page.get_by_role("button", name="1 h").click()
    until(lambda: page.wait_for_timeout(50) or shown_rows(page) == 360)
    with suppress(sync_api.Error):  # it was called off
        held[0].continue_()
    page.wait_for_timeout(300)
    assert shown_rows(page) == 360


def shown_rows(page: sync_api.Page) -> int:
    return int(page.get_by_test_id("timeline").get_attribute("data-shown") or 0)


def touch(page: sync_api.Page, *moves: tuple[float, float]) -> None:
    """One finger down, along those places, and up."""
    session = page.context.new_cdp_session(page)
    for place, (x, y) in enumerate(moves):
        kind = "touchMove" if place else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_pans_the_charts_sideways_and_scrolls_the_page_up_and_down(scene):
    an_hour(scene.room)
    context = scene.browser.new_context(
        viewport={"width": 360, "height": 800}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(scene.url + f"#/device/cellar?from={at(200)}&to={at(260)}")
    expect(page.get_by_test_id("timeline")).to_have_attribute("data-shown", re.compile(r"\d+"))
    chart(page).scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, 200)")
    box = middle(page)
    x, y = box["x"] + 60, box["y"] + 60
    touch(page, *[(x + 12 * step, y) for step in range(12)])
    moved = until_fixed(page, (at(200), at(260)))
    assert moved[0] < at(200) - 60 * SECONDS
    assert moved[1] - moved[0] == pytest.approx(600 * SECONDS, abs=2)
    page.wait_for_timeout(400)
    before, stretch = page.evaluate("scrollY"), shown(page)
    touch(page, *[(x, y - 12 * step) for step in range(12)])
    until(lambda: page.wait_for_timeout(50) or page.evaluate("scrollY") > before)
    assert shown(page) == stretch


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_history_fits_a_phone_and_a_desk_by_day_and_by_night(scene, width, scheme):
    an_hour(scene.room)
    scene.room.records(strange(361))
    scene.room.send("event", event(361, "start", 361))
    page = opened(scene, f"from={at(100)}&to={at(300)}", width=width, scheme=scheme)
    expect(page.get_by_test_id("back-to-now")).to_be_visible()
    expect(page.get_by_test_id("event-row")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert contrasts_too_low(page) == []
    if width == 360:
        small = page.locator(
            ".timeline button:visible, .timeline summary, .event-list a, .filters select"
        ).evaluate_all(
            "all => all.filter(one => one.getBoundingClientRect().height < 39.5).map(one => one.textContent)"
        )
        assert small == []


def test_records_that_come_before_the_strip_of_all_history_do_not_hide_what_was_before_them(scene):
    an_hour(scene.room)
    page = scene.open(width=360)
    expect(page.get_by_text("cellar").first).to_be_visible()
    summary = f"{scene.url}api/devices/cellar"
    until(lambda: page.request.get(summary).json()["counts"]["received"] == LAST - 1)
    held = []
    page.route(lambda url: "/series" in url and "from_ms" not in url, lambda route: held.append(route))
    page.evaluate("location.hash = '#/device/cellar?range=1h'")
    expect(page.get_by_test_id("timeline")).to_have_attribute("data-shown", "360")
    until(lambda: page.wait_for_timeout(50) or held)
    for seq in range(LAST, LAST + 5):
        scene.room.records(record(seq))
        expect(page.get_by_test_id("ledger")).to_contain_text(f"{seq} received")
    for each in held:
        each.continue_()
    expect(page.locator(".overview .window")).to_be_visible()
    readout = page.get_by_test_id("readout")
    readout.focus()
    page.keyboard.press("Home")
    rows = int(readout.get_attribute("aria-valuemax")) - int(readout.get_attribute("aria-valuenow"))
    assert rows > 350, "only the newest are left in the charts"
