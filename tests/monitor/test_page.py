"""The page in a real browser: it moves, it marks what is strange, and it trusts no text."""

import re

import pytest

from tests.brokers import mosquitto
from tests.monitor import scene as scenes
from tests.monitor.browser import expect
from tests.monitor.messages import advisory, event, record
from tests.monitor.pixels import blue_line, contrasts_too_low, red_pixels
from tests.monitor.running import agent, monitor
from tests.monitor.scene import Scene, chart, strange, value

browser, scene = scenes.browser, scenes.scene
__all__ = ["Scene", "browser", "chart", "scene", "strange", "value"]

EVIL = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script><b>bold</b>'


def test_before_any_room_is_heard_of_the_page_says_what_to_do_and_then_fills_by_itself(scene):
    page = scene.open()
    expect(page.get_by_test_id("empty")).to_contain_text("python -m edge")
    scene.room.born()
    scene.room.records(record(1, temperature_c=19.5))
    expect(page.get_by_test_id("device-row")).to_contain_text("cellar")
    expect(value(page)).to_have_text("19.5")
    expect(page.get_by_test_id("empty")).to_have_count(0)


def test_live_values_move_without_reloading(scene):
    scene.room.born()
    scene.room.records(*[record(seq) for seq in range(1, 31)])
    page = scene.open("#/device/cellar")
    expect(value(page)).to_have_text("21.5")
    expect(value(page, "humidity_pct")).to_have_text("45.0")
    expect(page.get_by_test_id("score")).to_have_text("0.30")
    page.evaluate("window.sameDocument = true")
    for seq, temperature in ((31, 22.3), (32, -3.5)):
        scene.room.records(record(seq, temperature_c=temperature))
        expect(value(page)).to_have_text(f"{temperature:.1f}".replace("-", "−"))
    expect(page.get_by_test_id("ledger")).to_contain_text("32 received, none missing")
    assert page.evaluate("window.sameDocument")


def test_an_anomaly_becomes_a_mark_in_every_chart_a_word_and_an_event(scene):
    scene.room.born()
    scene.room.records(*[record(seq) for seq in range(1, 31)])
    page = scene.open("#/device/cellar")
    expect(page.get_by_test_id("condition")).to_have_text("normal")
    expect(chart(page)).to_have_attribute("data-anomalies", "0")
    expect(chart(page).locator("canvas")).to_be_visible()
    assert red_pixels(page) == 0

    scene.room.records(strange(31), strange(32))
    scene.room.send("event", event(31, "start", 31))
    for channel in ("temperature_c", "humidity_pct", "score"):
        expect(chart(page, channel)).to_have_attribute("data-anomalies", "1")
    expect(page.get_by_test_id("condition")).to_have_text("anomalous")
    expect(page.get_by_test_id("why")).to_have_text("much too cold")
    row = page.get_by_test_id("event-row")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("4.4 °C below what was expected")
    expect(row).to_contain_text("still open")
    assert red_pixels(page) > 20

    scene.room.records(record(33))
    scene.room.send("event", event(31, "end", 33))
    expect(row).to_contain_text("lasted 20")
    expect(row).not_to_contain_text("open")
    expect(page.get_by_test_id("condition")).to_have_text("normal")
    expect(chart(page)).to_have_attribute("data-anomalies", "1")


def test_a_sensor_fault_is_no_anomaly(scene):
    scene.room.born()
    scene.room.records(*[record(seq) for seq in range(1, 21)])
    fault = {
        "state": "sensor_fault",
        "score": None,
        "temperature_c": None,
        "why": "no answer from the sensor",
    }
    scene.room.records(*[record(seq, **fault) for seq in (21, 22)])
    page = scene.open("#/device/cellar")
    expect(page.get_by_test_id("condition")).to_have_text("sensor fault")
    expect(chart(page)).to_have_attribute("data-faults", "1")
    expect(chart(page)).to_have_attribute("data-anomalies", "0")
    expect(value(page)).to_have_text("–")
    expect(page.get_by_test_id("score")).to_have_text("–")


def test_a_long_shift_is_listed_without_an_alarm_and_outlasts_an_anomaly(scene):
    scene.room.born()
    scene.room.records(*[record(seq) for seq in range(1, 31)])
    page = scene.open("#/device/cellar")
    scene.room.send("event", advisory(30, "start", 30))
    shift = page.locator('[data-testid="event-row"][data-state="advisory"]')
    anomaly = page.locator('[data-testid="event-row"][data-state="anomalous"]')
    expect(shift).to_contain_text("long shift, still open")
    expect(shift).to_contain_text("Temperature has been about 24.1 °C for hours", ignore_case=True)
    expect(shift).not_to_contain_text("score")
    scene.room.records(record(31))
    expect(shift).to_contain_text("for 10\u202fs so far")
    expect(page.get_by_test_id("condition")).to_have_text("normal")
    expect(page.get_by_test_id("device-row")).to_have_attribute("data-condition", "normal")
    expect(chart(page)).to_have_attribute("data-anomalies", "0")
    assert red_pixels(page) == 0
    assert contrasts_too_low(page) == []

    scene.room.records(strange(32))
    scene.room.send("event", event(32, "start", 32))
    expect(anomaly).to_contain_text("still open")
    scene.room.records(record(33))
    scene.room.send("event", event(32, "end", 33))
    expect(anomaly).to_contain_text("lasted 10")
    expect(shift).to_contain_text("long shift, still open")
    expect(page.get_by_test_id("condition")).to_have_text("normal")
    page.reload()
    expect(shift).to_contain_text("long shift, still open")

    scene.room.records(record(34))
    scene.room.send("event", advisory(30, "end", 34))
    expect(shift).to_contain_text("lasted 40")
    expect(shift).not_to_contain_text("open")


def test_a_young_room_fills_its_charts_and_a_broken_sensors_zero_does_not_flatten_them(scene):
    scene.room.born()
    scene.room.records(*[record(seq, temperature_c=21.0 + seq % 2) for seq in range(1, 30)])
    zero = {"temperature_c": 0.0, "score": None, "q": "rejected", "state": "sensor_fault"}
    scene.room.records(record(30, **zero), record(31))
    page = scene.open("#/device/cellar")
    expect(page.get_by_test_id("ledger")).to_contain_text("31 received")
    expect(chart(page)).to_have_attribute("data-faults", "1")
    line = blue_line(page)
    assert line["left"] < 0.15  # five minutes, where there is room for ten
    assert line["bottom"] - line["top"] > 0.4


def test_a_room_that_lives_fast_says_how_many_readings_come_in_a_second(scene):
    scene.room.born(period_s=1 / 12)
    scene.room.records(record(1))
    page = scene.open("#/device/cellar")
    expect(page.locator(".about")).to_contain_text("12 readings a second")


def test_an_open_event_says_how_long_it_lasts_and_one_of_a_dead_agent_is_past(scene):
    scene.room.born()
    scene.room.send("event", event(2, "start", 2))
    scene.room.records(record(1), strange(2), strange(3), strange(4))
    page = scene.open("#/device/cellar")
    row = page.get_by_test_id("event-row")
    expect(row).to_contain_text("for 20\u202fs so far")
    scene.room.records(strange(5))
    expect(row).to_contain_text("for 30\u202fs so far")
    scene.room.born("s2", epoch="f" * 16)
    scene.room.records(record(6, epoch="f" * 16))
    expect(row).to_contain_text("calm again")


def test_text_from_mqtt_stays_text(scene):
    scene.room.born(board=EVIL, source=EVIL, model=EVIL)
    scene.room.records(record(1, why=EVIL, model=EVIL, src=EVIL, boot=EVIL))
    scene.room.send("event", event(1, "start", 1, why=EVIL, channel=EVIL))
    page = scene.open("#/device/cellar")
    expect(page.get_by_test_id("why")).to_have_text(EVIL)
    expect(page.get_by_test_id("event-row")).to_contain_text(EVIL)
    assert page.locator("#device img, #device b, #device script, #fleet b").count() == 0
    assert page.evaluate("window.pwned") is None


def test_the_rooms_are_listed_worst_first(scene):
    scene.room.born()
    scene.room.records(record(1))
    scene.room.device = "attic"
    scene.room.born()
    scene.room.records(record(1))
    page = scene.open()
    rows = page.get_by_test_id("device-row")
    expect(rows).to_have_text([re.compile("attic.*normal"), re.compile("cellar.*normal")])
    scene.room.device = "cellar"
    scene.room.records(strange(2))
    expect(rows).to_have_text([re.compile("cellar.*anomalous"), re.compile("attic.*normal")])
    expect(rows.first).to_have_attribute("data-condition", "anomalous")


def test_a_page_without_its_monitor_says_so_and_comes_back(browser, tmp_path):
    with mosquitto() as broker, agent(broker) as room:
        with monitor(broker, tmp_path / "m.db") as (running, _):
            room.born()
            room.records(record(1))
            page = Scene(browser, running.server.url, room).open("#/device/cellar")
            expect(page.locator("#link")).to_have_text("live")
            broker.kill()
            expect(page.locator("#problem")).to_contain_text("the connection to the broker at 127.0.0.1")
            broker.start()
            expect(page.locator("#problem")).to_be_hidden()
        expect(page.locator("#link")).to_have_text("reconnecting")
        page.context.close()


def test_everything_can_be_reached_by_keyboard(scene):
    scene.room.born()
    scene.room.records(*[record(seq) for seq in range(1, 41)])
    page = scene.open()
    row = page.get_by_test_id("device-row")
    expect(row).to_have_count(1)
    row.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("room")).to_be_visible()
    button = page.get_by_role("button", name="2 min")
    for _ in range(20):
        page.keyboard.press("Tab")
        if button.evaluate("node => node === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    charts = page.get_by_role("group", name="Charts")
    charts.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_test_id("readout").locator('[data-channel="temperature_c"]')).to_contain_text("21.5")
    expect(page.get_by_test_id("readout")).to_have_attribute("data-pointed", "true")


def test_an_event_can_be_looked_at_and_left_again(scene):
    scene.room.born()
    scene.room.records(*[record(seq) for seq in range(1, 50)])
    scene.room.records(*[strange(seq) for seq in range(50, 60)])
    scene.room.records(*[record(seq) for seq in range(60, 400)][:50])
    scene.room.records(*[record(seq) for seq in range(110, 150)])
    scene.room.send("event", event(50, "end", 60))
    page = scene.open("#/device/cellar")
    expect(chart(page)).to_have_attribute("data-anomalies", "0")  # it is older than ten minutes
    page.get_by_test_id("event-row").click()
    expect(chart(page)).to_have_attribute("data-anomalies", "1")
    page.get_by_role("button", name="2 min").click()
    expect(chart(page)).to_have_attribute("data-anomalies", "0")
    page.get_by_role("button", name="all").click()
    expect(chart(page)).to_have_attribute("data-anomalies", "1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_it_fits_a_phone_and_a_desk_by_day_and_by_night(scene, width, scheme):
    scene.room.born()
    scene.room.records(*[record(seq, why="a long sentence " * 12) for seq in range(1, 31)])
    scene.room.send("event", event(20, "end", 25, why="unbroken" * 40))
    page = scene.open(width=width, scheme=scheme)
    row = page.get_by_test_id("device-row")
    expect(row).to_be_visible()
    row.click()
    expect(value(page)).to_be_visible()
    expect(chart(page, "score").locator("canvas")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert contrasts_too_low(page) == []
    if width == 360:
        expect(row).to_be_hidden()
        page.get_by_role("link", name="All rooms").click()
        expect(row).to_be_visible()
