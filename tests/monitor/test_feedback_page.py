"""A person says whether an alarm was true, in a real browser; everyone else sees it at once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.monitor import scene as scenes
from tests.monitor.browser import expect, sync_api
from tests.monitor.messages import EPOCH, NOON, event, record
from tests.monitor.pixels import contrasts_too_low
from tests.monitor.running import until

EVENT = f"#/device/cellar/event/{EPOCH}/31"
EVIL = '<img src=x onerror="window.pwned=1"><b>bold</b>'


browser, scene = scenes.browser, scenes.scene


@dataclass
class Alarmed:
    """A monitor with one room that had an alarm."""

    scene: scenes.Scene
    client: httpx.Client

    def open(self, path: str = EVENT, *, width: int = 1440, scheme: str = "light") -> sync_api.Page:
        """A page in a browser profile of its own."""
        return self.scene.open(path, width=width, scheme=scheme)

    def kept(self) -> list[tuple[int, str | None, str]]:
        """(event, verdict, note) of what the monitor has."""
        labels = self.client.get("/api/devices/cellar/labels").json()["labels"]
        return [(each["event"], each["verdict"], each["note"]) for each in labels]

    def say(self, verdict: str, words: str) -> None:
        """Of the alarm, without a page."""
        path = f"/api/devices/cellar/labels/{EPOCH}/31"
        self.client.put(path, json={"verdict": verdict, "note": words}).raise_for_status()

    def forgive(self, what: str) -> None:
        """Chromium says in the console that a request failed, which was the point."""
        until(lambda: any(what in line for line in self.scene.wrong))
        self.scene.wrong[:] = [line for line in self.scene.wrong if what not in line]


@pytest.fixture
def alarmed(scene: scenes.Scene) -> Iterator[Alarmed]:
    room = scene.room
    room.born()
    room.records(*[record(seq) for seq in range(1, 31)])
    room.records(*[scenes.strange(seq) for seq in range(31, 35)], *[record(seq) for seq in range(35, 50)])
    room.send("event", event(31, "end", 34))
    with httpx.Client(base_url=scene.url, timeout=60) as client:
        until(lambda: client.get("/api/devices/cellar/events").json().get("events"))
        yield Alarmed(scene, client)


def button(page: sync_api.Page, verdict: str) -> sync_api.Locator:
    return page.locator(f'[data-testid="feedback"] button[data-verdict="{verdict}"]')


def note(page: sync_api.Page) -> sync_api.Locator:
    return page.get_by_test_id("feedback-note")


def status(page: sync_api.Page) -> sync_api.Locator:
    return page.get_by_test_id("feedback-status")


def test_a_verdict_and_a_note_save_themselves_and_are_there_after_a_reload(alarmed):
    page = alarmed.open()
    expect(page.get_by_test_id("feedback-said")).to_have_text("Nobody has said yet")
    button(page, "false_alarm").click()
    expect(button(page, "false_alarm")).to_have_attribute("aria-pressed", "true")
    expect(status(page)).to_have_text("saved")
    note(page).fill(EVIL)
    until(lambda: alarmed.kept() == [(31, "false_alarm", EVIL)])
    expect(status(page)).to_have_text("saved")
    button(page, "true_alarm").click()
    until(lambda: alarmed.kept() == [(31, "true_alarm", EVIL)])
    page.reload()
    expect(button(page, "true_alarm")).to_have_attribute("aria-pressed", "true")
    expect(button(page, "false_alarm")).to_have_attribute("aria-pressed", "false")
    expect(note(page)).to_have_value(EVIL)
    expect(page.get_by_test_id("feedback-said")).to_contain_text("Said true alarm, ")
    assert page.evaluate("window.pwned") is None


def test_a_note_that_is_being_typed_is_saved_when_the_page_goes_elsewhere(alarmed):
    page = alarmed.open()
    note(page).press_sequentially("a window")
    page.evaluate("location.hash = '#/device/cellar'")
    until(lambda: alarmed.kept() == [(31, None, "a window")])
    expect(page.get_by_test_id("label-badge")).to_contain_text("unsure")


def test_what_one_browser_says_another_shows_and_a_half_typed_note_there_is_left_alone(alarmed):
    mine, theirs, rooms = alarmed.open(), alarmed.open(), alarmed.open("#/device/cellar")
    expect(rooms.get_by_test_id("event-row")).to_have_count(1)
    expect(rooms.get_by_test_id("label-badge")).to_have_count(0)
    expect(note(theirs)).to_be_visible()
    expect(note(mine)).to_be_visible()
    button(mine, "false_alarm").click()
    expect(button(theirs, "false_alarm")).to_have_attribute("aria-pressed", "true")
    expect(rooms.get_by_test_id("label-badge")).to_contain_text("false alarm")
    theirs.route("**/labels/**", lambda route: route.abort())  # what is typed stays typed
    note(theirs).press_sequentially("half a")
    note(mine).fill("the boiler")
    until(lambda: alarmed.kept() == [(31, "false_alarm", "the boiler")])
    button(mine, "true_alarm").click()
    expect(button(theirs, "true_alarm")).to_have_attribute("aria-pressed", "true")
    expect(note(theirs)).to_have_value("half a")
    expect(status(theirs)).to_contain_text("not saved")
    alarmed.forgive("ERR_FAILED")


def test_a_verdict_is_taken_back_and_the_badge_goes(alarmed):
    alarmed.say("true_alarm", "window")
    page, rooms = alarmed.open(), alarmed.open("#/device/cellar")
    expect(rooms.get_by_test_id("label-badge")).to_contain_text("true alarm")
    page.get_by_test_id("feedback-withdraw").click()
    until(lambda: alarmed.kept() == [])
    expect(button(page, "true_alarm")).to_have_attribute("aria-pressed", "false")
    expect(note(page)).to_have_value("")
    expect(page.get_by_test_id("feedback-withdraw")).to_be_hidden()
    expect(button(page, "true_alarm")).to_be_focused()
    expect(rooms.get_by_test_id("label-badge")).to_have_count(0)


def test_all_of_it_works_by_keyboard_and_says_what_it_is(alarmed):
    page = alarmed.open()
    group = page.get_by_role("group", name="Was this a true alarm?")
    expect(group).to_be_visible()
    button(page, "true_alarm").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    until(lambda: alarmed.kept() == [(31, "false_alarm", "")])
    expect(button(page, "false_alarm")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Note")).to_be_focused()
    page.keyboard.type("boiler")
    page.keyboard.press("Tab")
    until(lambda: alarmed.kept() == [(31, "false_alarm", "boiler")])
    expect(page.get_by_role("status").filter(has_text="saved")).to_have_count(1)


def test_what_cannot_be_saved_is_said_and_the_words_stay(alarmed):
    page = alarmed.open()
    expect(note(page)).to_be_visible()
    full = '{"error": "the monitor cannot write this just now: disk full"}'
    page.route("**/labels/**", lambda route: route.fulfill(status=503, body=full))
    note(page).fill("the boiler")
    expect(status(page)).to_contain_text("not saved: the monitor cannot write this just now: disk full")
    expect(note(page)).to_have_value("the boiler")
    page.unroute("**/labels/**")
    button(page, "false_alarm").click()
    until(lambda: alarmed.kept() == [(31, "false_alarm", "the boiler")])
    expect(status(page)).to_have_text("saved")
    alarmed.forgive("503")


def test_a_stretch_is_marked_as_a_missed_alarm_elsewhere_shown_and_taken_back(alarmed):
    page, other = alarmed.open("#/device/cellar"), alarmed.open("#/device/cellar")
    expect(page.get_by_test_id("event-row")).to_have_count(1)
    expect(page.get_by_test_id("mark-missed")).to_be_hidden()
    page.evaluate(f"location.hash = '#/device/cellar?from={NOON + 50_000}&to={NOON + 110_000}'")
    page.get_by_test_id("mark-missed").click()
    expect(page.get_by_test_id("missed")).to_contain_text(re.compile(r"\d\d:\d\d.* to .*\d\d:\d\d"))
    expect(other.get_by_test_id("missed")).to_be_visible()
    (found,) = alarmed.client.get("/api/devices/cellar/labels").json()["missed"]
    assert (found["from_ms"], found["to_ms"]) == (NOON + 50_000, NOON + 110_000)
    other.get_by_test_id("missed").get_by_role("link").click()
    expect(other).to_have_url(re.compile(f"from={NOON + 50_000}&to={NOON + 110_000}"))
    page.get_by_role("button", name=re.compile("take back the missed alarm")).click()
    expect(page.get_by_test_id("missed")).to_be_hidden()
    expect(other.get_by_test_id("missed")).to_be_hidden()
    assert alarmed.client.get("/api/labels").json()["missed"] == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_it_is_legible_and_large_enough_for_a_thumb(alarmed, width, scheme):
    for verdict in ("false_alarm", "true_alarm"):
        alarmed.say(verdict, "the boiler")
        page = alarmed.open(width=width, scheme=scheme)
        expect(button(page, verdict)).to_have_attribute("aria-pressed", "true")
        assert contrasts_too_low(page) == []
    # at once: the charts above are still being drawn, and move it
    boxes = page.get_by_test_id("feedback").evaluate(
        "one => [...one.querySelectorAll('button')].map(each => each.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) == 4 and min(box["height"] for box in boxes) >= 40
    assert len({box["y"] for box in boxes[:3]}) == 1, "the three stand in one line"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
