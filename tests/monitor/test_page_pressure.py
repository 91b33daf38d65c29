"""Pressure on the page: a chart of its own, with the model's expectation or without."""

from typing import Any

from tests.monitor import test_page
from tests.monitor.browser import expect
from tests.monitor.messages import record
from tests.monitor.test_page import Scene, chart, value

browser, scene = test_page.browser, test_page.scene
CHANNELS = [
    {"name": "temperature", "key": "temperature_c", "unit": "°C"},
    {"name": "humidity", "key": "humidity_pct", "unit": "%"},
    {"name": "pressure", "key": "pressure_hpa", "unit": "hPa"},
]


def test_a_pressure_that_no_model_judges_has_a_chart_in_hectopascal_and_no_expectation(scene: Scene) -> None:
    scene.room.born(channels=CHANNELS)
    scene.room.records(*[record(seq, pressure_hpa=1000.0 + seq / 10) for seq in range(1, 31)])
    page = scene.open("#/device/cellar")
    expect(value(page, "pressure_hpa")).to_have_text("1003.0")
    expect(chart(page, "pressure_hpa").locator("canvas")).to_be_visible()
    expect(chart(page, "pressure_hpa").locator("h2")).to_have_text("Pressure")
    expect(chart(page, "pressure_hpa").locator(".unit")).to_have_text("hPa")
    number = page.locator('.number[data-channel="pressure_hpa"]')
    expect(number.locator(".beside")).to_have_text("no expectation")
    assert page.locator('[data-testid="chart"]').evaluate_all(
        "all => all.map(one => one.dataset.channel)"
    ) == [
        "temperature_c",
        "humidity_pct",
        "pressure_hpa",
        "score",
    ]
    chart(page, "pressure_hpa").locator(".u-over").hover()
    readout = page.get_by_test_id("readout").locator('[data-channel="pressure_hpa"]')
    expect(readout).to_contain_text("\u202fhPa")
    expect(readout).not_to_contain_text("expected")


def test_a_judged_pressure_has_its_expectation_and_a_band_that_is_never_nothing(scene: Scene) -> None:
    scene.room.born(channels=CHANNELS)
    judged: dict[str, Any] = {
        "expected": {"temperature_c": 21.4, "humidity_pct": 45.2, "pressure_hpa": 1013.1},
        "spread": {"temperature_c": 0.02, "humidity_pct": 1.0, "pressure_hpa": 0.3},
    }
    scene.room.records(*[record(seq, pressure_hpa=1013.2, **judged) for seq in range(1, 4)])
    page = scene.open("#/device/cellar")
    pressure = page.locator('.number[data-channel="pressure_hpa"] .beside')
    expect(pressure).to_have_text("expected 1013.1\u00a0±\u00a00.3\u202fhPa")
    temperature = page.locator('.number[data-channel="temperature_c"] .beside')
    expect(temperature).to_have_text("expected 21.4\u00a0±\u00a00.1\u202f°C")


def test_a_barometer_that_failed_leaves_a_hole_and_no_zero(scene: Scene) -> None:
    scene.room.born(channels=CHANNELS)
    fault: dict[str, Any] = {
        "q": "missing",
        "state": "sensor_fault",
        "score": None,
        "anomaly": None,
        "expected": {},
    }
    scene.room.records(
        record(1, pressure_hpa=1013.2),
        record(2, **{**fault, "spread": {}, "pressure_hpa": None, "why": "the sensor gave no pressure"}),
    )
    page = scene.open("#/device/cellar")
    expect(value(page, "pressure_hpa")).to_have_text("–")
    expect(page.get_by_test_id("condition")).to_have_text("sensor fault")
    expect(chart(page, "pressure_hpa")).to_have_attribute("data-faults", "1")
    expect(chart(page, "pressure_hpa")).to_have_attribute("data-anomalies", "0")
