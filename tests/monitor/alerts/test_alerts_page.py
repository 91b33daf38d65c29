"""The page of alerts in a real browser: what is wrong, who takes care of it, and quiet when it is wanted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.mqtt.broker import BrokerSettings
from monitor.alerts.rules import DEFAULTS, Group, Rule, Rules
from monitor.alerts.settings import Settings as AlertSettings
from monitor.alerts.settings import WebhookTable
from monitor.server import bind
from monitor.service import Monitor, Settings
from tests.brokers import mosquitto
from tests.monitor import messages
from tests.monitor import scene as scenes
from tests.monitor.alerts.receivers import Hooks, webhook_receiver
from tests.monitor.browser import PATIENCE_MS, expect, open_page, sync_api
from tests.monitor.messages import event, record
from tests.monitor.pixels import contrasts_too_low
from tests.monitor.running import Agent, agent, until

browser = scenes.browser
EVIL = '<img src=x onerror="window.pwned=1">'
QUICK = Rules(dict.fromkeys(DEFAULTS, Rule(after_s=0.0, calm_s=0.0, cooldown_min=0.0)), Group(3, 2.0))


@dataclass
class Place:
    """A monitor that tells a webhook, and its page."""

    browser: sync_api.Browser
    monitor: Monitor
    room: Agent
    hooks: Hooks
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str = "#/alerts", **how: object) -> sync_api.Page:
        return open_page(self.browser, self.monitor.server.url, self.wrong, path, **how)  # type: ignore[arg-type]

    def strange(self) -> None:
        self.room.born()
        self.room.send("event", event(2, "start", 2, why=f"much too cold {EVIL}", observed={}))
        self.room.records(record(1), record(2, state="anomalous", temperature_c=17.0, score=4.2))

    def calm(self) -> None:
        self.room.send("event", event(2, "end", 3))
        self.room.records(record(3))


@pytest.fixture
def place(browser: sync_api.Browser, tmp_path: Path) -> Iterator[Place]:
    expect.set_options(timeout=PATIENCE_MS)
    with mosquitto() as broker, webhook_receiver() as hooks, agent(broker) as room:
        alerts = AlertSettings(rules=QUICK, webhooks={"ops": WebhookTable(url=hooks.url)})
        known = BrokerSettings("127.0.0.1", broker.port, "monitor")
        running = Monitor(Settings(known, bind("127.0.0.1", 0), tmp_path / "m.db", alerts=alerts))
        try:
            running.start()
            made = Place(browser, running, room, hooks)
            yield made
            for context in browser.contexts:
                context.close()
        finally:
            running.stop()
    assert made.wrong == []


def test_an_alert_rings_is_acknowledged_and_becomes_past(place: Place) -> None:
    page = place.open("#/")
    bell = page.get_by_test_id("bell")
    expect(bell).to_have_attribute("aria-label", "Alerts: none open")
    place.strange()
    expect(bell).to_have_attribute("aria-label", "Alerts: 1 not acknowledged")
    expect(page.locator("#alert-news")).to_contain_text("cellar: much too cold")
    bell.click()
    row = page.get_by_test_id("open-alerts").get_by_test_id("alert")
    expect(row).to_contain_text(f"much too cold {EVIL}")
    expect(row).to_contain_text("so far")

    row.get_by_role("button", name="Acknowledge").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Note").fill("on my way")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("Acknowledged by Ada")
    expect(row).to_contain_text(": on my way")
    expect(row.get_by_role("button", name="Acknowledge")).to_have_count(0)
    expect(bell).to_have_attribute("aria-label", "Alerts: 1 open, all acknowledged")

    place.calm()
    expect(page.get_by_test_id("open-alerts")).to_have_text("Nothing is wrong")
    past = page.get_by_test_id("past-alerts").get_by_test_id("alert")
    expect(past).to_contain_text("Acknowledged by Ada")
    expect(past).to_contain_text("lasted")
    expect(bell).to_have_attribute("aria-label", "Alerts: none open")
    assert [
        each["what"] for each in until(lambda: len(place.hooks.letters) == 2 and place.hooks.letters)
    ] == [
        "onset",
        "recovery",
    ]
    assert page.evaluate("window.pwned") is None
    page.reload()
    expect(past).to_contain_text("Acknowledged by Ada")


def test_a_snoozed_room_is_told_of_when_the_snooze_is_ended(place: Place) -> None:
    place.strange()
    page = place.open()
    row = page.get_by_test_id("open-alerts").get_by_test_id("alert")
    row.get_by_role("button", name="Snooze").click()
    expect(row.get_by_role("button", name="15 min")).to_be_focused()
    page.keyboard.press("Escape")
    expect(row.get_by_role("button", name="Snooze")).to_be_focused()
    page.keyboard.press("Enter")
    row.get_by_role("button", name="1 hour").click()
    expect(page.get_by_test_id("snoozes")).to_contain_text("cellar snoozed until")
    expect(row).to_contain_text("snoozed")
    until(lambda: len(place.hooks.letters) == 1)  # the onset, before the snooze
    place.calm()
    until(lambda: len(place.hooks.letters) == 2)
    place.room.records(record(4, state="anomalous", temperature_c=17.0, score=4.2))
    expect(row).to_be_visible()
    until(lambda: place.monitor.alerts.shown().open)
    assert place.monitor.alerts.shown().open[0]["told"] is False
    page.get_by_role("button", name="End the snooze of cellar").click()
    until(lambda: len(place.hooks.letters) == 3)
    expect(page.get_by_test_id("snoozes")).to_be_empty()


def test_all_rooms_can_be_snoozed_at_once(place: Place) -> None:
    page = place.open()
    page.get_by_role("button", name="Snooze all").click()
    page.get_by_role("button", name="8 hours").click()
    expect(page.get_by_test_id("snoozes")).to_contain_text("All rooms snoozed until")
    place.strange()
    expect(page.get_by_test_id("open-alerts").get_by_test_id("alert")).to_contain_text("snoozed")
    assert place.hooks.letters == []


def test_a_channel_shows_how_it_is_and_can_be_tried(place: Place) -> None:
    page = place.open()
    channel = page.get_by_test_id("channel")
    expect(channel).to_contain_text("webhook.ops")
    expect(channel).to_contain_text("nothing sent yet")
    page.get_by_role("button", name="Send a test by webhook.ops").click()
    expect(channel).to_contain_text("delivered")
    assert place.hooks.letters[0]["what"] == "test"
    place.hooks.answers = [503]
    page.get_by_role("button", name="Send a test by webhook.ops").click()
    expect(channel).to_contain_text("the receiver answered 503")
    expect(channel).to_contain_text("1 waiting")
    page.get_by_role("button", name="Send a test by webhook.ops").click()  # which also tries what waits
    expect(channel).not_to_contain_text("waiting")
    assert len(place.hooks.letters) == 4


def test_many_rooms_that_fail_at_once_are_one_row(place: Place) -> None:
    for number in range(12):
        place.room.device = f"room-{number:02}"
        place.room.send("status", messages.status("offline"), retain=True)
    page = place.open()
    row = page.get_by_test_id("open-alerts").get_by_test_id("alert")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("12 devices are offline")
    expect(row).to_contain_text("and 5 more")
    assert [each["title"] for each in place.hooks.letters] == ["12 of 12 devices are offline"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_page_fits_and_can_be_read(place: Place, width: int, scheme: str) -> None:
    place.strange()
    page = place.open(width=width, scheme=scheme)
    row = page.get_by_test_id("open-alerts").get_by_test_id("alert")
    expect(row).to_be_visible()
    row.get_by_role("button", name="Snooze").click()
    row.get_by_role("button", name="Acknowledge").click()
    assert contrasts_too_low(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if width == 360:
        touched = page.locator(".alerts button:visible, .alerts input:visible, .bell").all()
        assert [each for each in touched if (each.bounding_box() or {})["height"] < 40] == []
