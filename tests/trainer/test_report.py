"""The report as a person gets it: one file, true to the run's figures, fit for phone and paper."""

import json
import re
import shutil

import pytest
from playwright.sync_api import sync_playwright

from edge.errors import RecordingError
from trainer import plots
from trainer.measures import NO_LABELS, duration, verdict
from trainer.report import write_report

METRICS = {
    "precision": 0.8123,
    "recall": 0.4312,
    "event_recall": 11 / 12,
    "events": 12,
    "events_found": 11,
    "false_alarms": 1,
    "false_alarms_per_week": 0.41,
    "median_delay_s": 412.0,
    "auc_pr": 0.72,
    "vus_pr": 0.755,
    "best_event_recall": 1.0,
    "by_kind": {"window_left_open": {"found": 2, "of": 3}, "spike": {"found": 9, "of": 9}},
    "loss": {"train": [1.0, 0.5], "validation": [1.1, 0.6]},
    "evaluated_on": "120960 later readings of a simulated room, with faults put in",
    "threshold": 1.0,
}
SETTINGS = {
    "name": "cellar",
    "seed": 7,
    "architecture": "masked",
    "data": {"found": ["time in column timestamp", "one reading in 10 s"], "sha256": "9f86d081884c7d65"},
    "window": {"length": 16, "channels": ["temperature", "humidity"]},
    "training": {"epochs": 20, "learning_rate": 0.003},
    "split": {"train": {"rows": 600, "from": "2025-01-01"}},
    "versions": {"python": "3.11.2"},
}


@pytest.fixture
def run(tmp_path):
    """A run folder with two real plots and one that the report has no caption for."""
    (tmp_path / "plots").mkdir()
    for name in ("loss", "error", "a_new_one"):
        plots.save(plots.loss_curve([1.0, 0.5], [1.1, 0.6]), tmp_path / "plots" / f"{name}.png")
    fill(tmp_path, METRICS, SETTINGS)
    return tmp_path


def fill(run, metrics, settings):
    (run / "metrics.json").write_text(json.dumps(metrics))
    (run / "settings.json").write_text(json.dumps(settings))


def words(page):
    """The page's text without its tags, white space made one."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split("</head>")[1]))


def test_the_report_says_what_was_found_in_a_sentence(run):
    page = write_report(run).read_text()
    assert "Found 11 of 12 faults, 0.41 false alarms a week." in page
    assert "with faults put in." in page


def test_every_measure_kind_and_setting_of_the_run_stands_in_the_report(run):
    text = words(write_report(run).read_text())
    for figure in ("92%", "0.812", "0.431", "0.720", "0.755", "100%", "7 min", "2 of 3", "window left open"):
        assert figure in text
    for setting in ("9f86d081884c7d65", "temperature, humidity", "0.003", "3.11.2", "one reading in 10 s"):
        assert setting in text
    assert f"python -m convert {run}" in text
    assert NO_LABELS not in text


def test_what_was_not_measured_says_why(run):
    nothing = dict.fromkeys(METRICS, None)
    fill(run, {**nothing, "events": 0, "false_alarms_per_week": 2.0, "by_kind": {}}, SETTINGS)
    text = words(write_report(run).read_text())
    assert text.count(NO_LABELS) == 7
    assert "No labelled faults to find, 2 false alarms a week." in text
    fill(run, {**METRICS, "precision": None, "median_delay_s": None}, SETTINGS)
    text = words(write_report(run).read_text())
    assert "nothing was flagged" in text
    assert "no fault was found" in text


def test_a_run_with_the_least_settings_and_no_plots_still_has_a_report(tmp_path):
    fill(tmp_path, {}, {"name": "bare"})
    assert "false alarms not measured" in words(write_report(tmp_path).read_text())


def test_names_from_the_data_cannot_become_markup(run):
    fill(run, METRICS, {**SETTINGS, "name": "<script>alert(1)</script>"})
    page = write_report(run).read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_same_run_gives_the_same_bytes(run):
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_a_run_path_with_a_blank_is_quoted_for_the_shell(run, tmp_path_factory):
    odd = tmp_path_factory.mktemp("runs") / "my room"
    shutil.copytree(run, odd)
    assert "&#39;" in write_report(odd).read_text().split("python -m convert ")[1][:10]


@pytest.mark.parametrize("name", ["metrics.json", "settings.json"])
@pytest.mark.parametrize("damage", ["absent", "{", "[1]", '{"name": 1, "data": 3, "by_kind": 3}'])
def test_a_folder_that_is_no_run_is_refused_in_a_sentence(run, name, damage):
    if damage == "absent":
        (run / name).unlink()
    else:
        (run / name).write_text(damage)
    with pytest.raises(RecordingError, match=r"python -m trainer|train again"):
        write_report(run)


def test_one_fault_and_one_alarm_are_written_in_the_singular():
    assert (
        verdict({"events": 1, "events_found": 0, "false_alarms_per_week": 1.0})
        == "Found 0 of 1 fault, 1 false alarm a week."
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (412, "7 min"), (7200, "2 h"), (12_600, "3.5 h"), (180_000, "2.1 days")],
)
def test_a_delay_is_written_for_a_person(seconds, text):
    assert duration(seconds) == text


def test_a_browser_shows_the_pictures_without_a_network_and_without_scrolling_sideways(run):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    report = write_report(run)
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        widths = page.eval_on_selector_all("img", "images => images.map(image => image.naturalWidth)")
        titles = page.eval_on_selector_all("figure h3", "titles => titles.map(title => title.textContent)")
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        browser.close()
    assert widths == [1350, 1350, 1350]
    assert titles == ["Reconstruction error and threshold", "Loss", "A new one"]
    assert overflow <= 0
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
