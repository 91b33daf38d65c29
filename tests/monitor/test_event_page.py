"""One event in a real browser: its sentence, who is to blame, what was around it, what was like it before."""

import re
from typing import Any

import pytest

from tests.monitor import scene as scenes
from tests.monitor.browser import expect, sync_api
from tests.monitor.messages import EPOCH, NOON, advisory, event, record
from tests.monitor.pixels import contrasts_too_low, red_pixels
from tests.monitor.scene import Scene, chart, strange

browser, scene = scenes.browser, scenes.scene
EVIL = '<img src=x onerror="window.pwned=1"><b>bold</b>'
DAMP: dict[str, Any] = {
    "channel": "humidity_pct",
    "observed": {"temperature_c": 21.5, "humidity_pct": 81.2},
    "expected": {"temperature_c": 21.4, "humidity_pct": 52.1},
    "spread": {"temperature_c": 0.2, "humidity_pct": 4.1},
    "share": {"temperature_c": 0.06, "humidity_pct": 0.94},
    "score": 7.1,
    "why": "more water in the air than the temperature explains",
}


def at(seq: int) -> int:
    return NOON + 10_000 * seq


def a_history(room: Any) -> None:
    """Six hundred records, strange from 300 to 438: for 23 minutes."""
    room.born()
    for first in range(1, 601, 50):
        room.records(
            *[strange(seq) if 300 <= seq <= 438 else record(seq) for seq in range(first, first + 50)]
        )
    room.send("event", event(300, "end", 442, **DAMP, end_ms=at(438)))


def opened(scene: Scene, number: int = 300, **other: Any) -> sync_api.Page:
    page = scene.open(f"#/device/cellar/event/{EPOCH}/{number}", **other)
    expect(page.get_by_test_id("event-sentence")).to_be_visible()
    expect(page.get_by_test_id("timeline")).to_have_attribute("data-shown", re.compile(r"\d+"))
    return page


def texts(page: sync_api.Page, channel: str) -> list[str]:
    row = page.get_by_test_id("event-table").locator(f'tr[data-channel="{channel}"]')
    return [text.replace("\u202f", " ") for text in row.locator("th, td").all_inner_texts()]


def test_an_event_says_what_a_person_would_say_who_is_to_blame_and_all_its_facts(scene):
    a_history(scene.room)
    page = opened(scene)
    sentence = page.get_by_test_id("event-sentence").inner_text().replace("\u202f", " ")
    assert sentence.lower() == "humidity 81 %, expected 52 ± 4, for 23 minutes"
    expect(page.get_by_test_id("event-why")).to_have_text(DAMP["why"])
    assert texts(page, "humidity_pct")[:4] == ["Humidity", "81 %", "52 ± 4 %", "+29 %"]
    assert texts(page, "temperature_c")[:4] == ["Temperature", "21.5 °C", "21.4 ± 0.2 °C", "+0.1 °C"]
    bar = page.get_by_role("meter", name="Part of the humidity in the score")
    assert float(bar.get_attribute("value") or 0) == 0.94
    expect(page.locator("[data-blamed=true]")).to_have_attribute("data-channel", "humidity_pct")
    facts = dict(zip(page.locator("dt").all_inner_texts(), page.locator("dd").all_inner_texts(), strict=True))
    assert facts["Worst score"] == "7.10, alarm at 1.0"
    assert (facts["Lasted"], facts["Model"], facts["Source"]) == ("23 minutes", "room 1", "simulated")
    assert facts["Began"] != facts["Ended"]


def test_the_charts_show_the_event_and_half_its_length_around_it(scene):
    a_history(scene.room)
    page = opened(scene)
    expect(chart(page)).to_have_attribute("data-anomalies", "1")
    assert red_pixels(page) > 100
    box = chart(page).locator(".u-over").bounding_box()
    state = page.get_by_test_id("readout-state")
    for part, word in ((0.1, "normal"), (0.27, "anomalous"), (0.73, "anomalous"), (0.9, "normal")):
        page.mouse.move(box["x"] + part * box["width"], box["y"] + 50)
        expect(state).to_have_text(word)
    page.get_by_role("button", name="2 min").click()
    expect(chart(page)).to_have_attribute("data-anomalies", "0")


def test_within_its_band_the_agents_own_sentence_is_the_headline(scene):
    a_history(scene.room)
    calm = {"observed": {"humidity_pct": 52.0}, "why": "nothing has moved for hours"}
    scene.room.send("event", event(500, "end", 506, **{**DAMP, **calm}))
    page = opened(scene, 500)
    expect(page.get_by_test_id("event-sentence")).to_have_text("nothing has moved for hours, for 60 seconds")
    expect(page.get_by_test_id("event-why")).to_have_text("")


def test_an_event_that_goes_on_says_so_far_and_then_how_long_it_was(scene):
    scene.room.born()
    scene.room.records(*[record(seq) for seq in range(1, 31)], strange(31), strange(32))
    scene.room.send("event", event(31, "start", 31))
    page = opened(scene, 31)
    sentence = page.get_by_test_id("event-sentence")
    expect(sentence).to_contain_text("for 10 seconds so far")
    scene.room.records(strange(33))
    expect(sentence).to_contain_text("for 20 seconds so far")
    expect(chart(page)).to_have_attribute("data-anomalies", "1")
    scene.room.records(record(34))
    scene.room.send("event", event(31, "end", 34, score=9.9, end_ms=at(33)))
    expect(sentence).to_have_text(re.compile("for 20 seconds$"))
    expect(page.get_by_test_id("event-head")).to_contain_text("9.90")


def test_similar_events_before_and_the_neighbours_are_a_click_away(scene):
    a_history(scene.room)
    scene.room.send("event", event(100, "end", 250, **{**DAMP, "score": 6.0}))
    scene.room.send(
        "event", event(60, "end", 62, state="sensor_fault", score=None, channel=None, why="stuck")
    )
    page = opened(scene)
    similar = page.get_by_test_id("similar").get_by_test_id("event-row")
    expect(similar).to_have_count(1)
    expect(page.get_by_text("Next event")).to_have_attribute("aria-disabled", "true")
    similar.click()
    expect(page).to_have_url(re.compile(rf"/event/{EPOCH}/100$"))
    expect(page.get_by_test_id("event-sentence")).to_contain_text("for 25 minutes")
    page.get_by_test_id("event-older").click()
    expect(page.get_by_test_id("event-sentence")).to_contain_text("stuck")
    page.get_by_test_id("event-newer").click()
    expect(page).to_have_url(re.compile(rf"/event/{EPOCH}/100$"))
    page.get_by_test_id("event-room").click()
    expect(page.get_by_test_id("room")).to_be_visible()


def test_the_list_leads_to_the_event_by_keyboard_and_shows_what_was_said_of_it(scene):
    a_history(scene.room)
    page = scene.open("#/device/cellar?range=all")
    row = page.get_by_test_id("event-row")
    row.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="false alarm").click()
    expect(page.get_by_test_id("feedback-said")).to_contain_text("false alarm")
    page.go_back()
    expect(row.get_by_test_id("label-badge")).to_contain_text("false alarm")


def test_the_list_is_filtered_by_kind_and_by_the_stretch_shown_and_goes_on_page_by_page(scene):
    a_history(scene.room)
    for number in range(1, 30):
        scene.room.send("event", event(number, "end", number + 1))
    scene.room.send("event", advisory(590, "end", 595))
    page = scene.open(f"#/device/cellar?from={at(280)}&to={at(450)}")
    rows = page.get_by_test_id("event-row")
    expect(rows).to_have_count(20)
    page.get_by_test_id("events-older").click()
    expect(rows).to_have_count(31)
    expect(page.get_by_test_id("events-older")).to_be_hidden()
    page.get_by_test_id("events-kind").select_option("advisory")
    expect(rows).to_have_count(1)
    page.get_by_test_id("events-kind").select_option("")
    expect(rows).to_have_count(20)
    page.get_by_test_id("events-shown").check()
    expect(rows).to_have_count(1)
    expect(rows).to_have_attribute("data-key", f"{EPOCH}/300")
    page.get_by_role("button", name="all").click()
    expect(rows).to_have_count(20)


def test_text_from_mqtt_stays_text_in_the_view_of_an_event(scene):
    scene.room.born(model=EVIL)
    scene.room.records(record(1), strange(2))
    keys = {"channel": EVIL, "observed": {EVIL: 1.0}, "share": {EVIL: 1.0}}
    scene.room.send("event", event(2, "start", 2, why=EVIL, model=EVIL, **keys))
    page = opened(scene, 2)
    expect(page.get_by_test_id("event-sentence")).to_contain_text(EVIL)
    assert page.locator("#device img, #device b").count() == 0
    assert page.evaluate("window.pwned") is None


def test_an_event_that_nobody_has_heard_of_is_told_in_a_sentence(scene):
    scene.room.born()
    scene.room.records(record(1))
    page = scene.open(f"#/device/cellar/event/{EPOCH}/77")
    expect(page.locator("#problem")).to_contain_text("cellar has no event 77")
    scene.wrong.clear()  # the browser notes the 404


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_an_event_fits_a_phone_and_a_desk_by_day_and_by_night(scene, width, scheme):
    a_history(scene.room)
    scene.room.send("event", event(500, "start", 500, **{**DAMP, "why": "unbroken" * 40}))
    page = opened(scene, 500, width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert contrasts_too_low(page) == []
