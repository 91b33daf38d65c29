"""The demo as a user runs it: the command, the page in a real browser, the figures, the end."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from monitor import assets
from tests.brokers import is_listening
from tests.demos import PATIENCE_S, START_S, Demo, left_over, running, until
from tests.monitor.browser import chromium, expect, open_page, sync_api

pytestmark = pytest.mark.timeout(900)  # it trains a real model, and other work may share the machine

SECONDS = 45
FIGURES = ("readings taken", "readings received", "readings missing", "faults put in", "faults found")


@dataclass(frozen=True, slots=True)
class Sight:
    """What a person sees of the newest reading."""

    temperature: str
    newest: str
    end_of_chart: str  # the time under a cursor on the chart's last point


@dataclass(frozen=True, slots=True)
class EventRow:
    """A line of the page's list of events."""

    state: str
    onset_ms: int
    text: str


@dataclass(slots=True)
class Story:
    """A demo from start to end, as seen on its page."""

    demo: Demo
    status: int = -1
    sights: list[Sight] = field(default_factory=list)
    rows: list[EventRow] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """One demo of SECONDS for all tests: a model takes about a minute to train."""
    if shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin") is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    if not assets.are_here():
        pytest.skip("the page's chart library is not in place: run python -m monitor.assets")
    with (
        chromium() as browser,
        running(tmp_path_factory.mktemp("demo"), "--for", str(SECONDS)) as demo,
    ):
        told = Story(demo)
        watch(told, browser)
        told.status = demo.process.wait(SECONDS + PATIENCE_S)
        yield told


def watch(told: Story, browser: sync_api.Browser) -> None:
    """Look at the page from before the first reading until a fault has come and gone."""
    demo = told.demo
    demo.wait_for("<- the page")
    page = open_page(browser, f"http://127.0.0.1:{demo.port}/", told.wrong)
    expect(page.get_by_test_id("empty")).to_be_visible()
    drawn = page.get_by_test_id("chart").locator("canvas").first  # the heat map has one too, hidden
    expect(drawn).to_be_visible(timeout=1000 * START_S)
    told.sights.append(look(page))
    until(lambda: differs(told.sights[0], look(page)))
    told.sights.append(look(page))

    marked = '[data-testid="chart"]:not([data-anomalies="0"][data-faults="0"])'
    expect(page.locator(marked)).to_have_count(3, timeout=1000 * SECONDS)
    over = page.get_by_test_id("event-row").filter(has_text="lasted")
    expect(over.first).to_be_visible(timeout=1000 * SECONDS)
    told.rows += [event_row(row) for row in page.get_by_test_id("event-row").all()]
    page.context.close()  # before the demo's end, which would rightly be an error on the console


def value(page: sync_api.Page) -> sync_api.Locator:
    return page.locator('[data-testid="value"][data-channel="temperature_c"]')


def look(page: sync_api.Page) -> Sight:
    charts = page.get_by_role("group", name="Charts")
    readout = page.get_by_test_id("readout-time")

    def pointed() -> str:
        charts.press("End")
        return readout.inner_text()

    until(lambda: bool(pointed()))  # a chart that is still empty has nothing to point at
    newest = page.locator(".heard").inner_text()
    return Sight(value(page).inner_text(), newest, pointed().split()[0])


def differs(one: Sight, other: Sight) -> bool:
    """In every part."""
    return (
        one.temperature != other.temperature
        and one.newest != other.newest
        and one.end_of_chart < other.end_of_chart
    )


def event_row(row: sync_api.Locator) -> EventRow:
    onset = row.locator("time").get_attribute("datetime")
    onset_ms = round(1000 * datetime.fromisoformat(onset or "").timestamp())
    return EventRow(row.get_attribute("data-state") or "", onset_ms, row.inner_text())


def test_the_page_fills_by_itself_and_its_values_move(story: Story) -> None:
    first, later = story.sights
    assert re.fullmatch(r"−?\d+\.\d", first.temperature)
    assert re.search(r"\d\d:\d\d:\d\d", first.newest)
    assert differs(first, later)


def test_a_fault_that_the_simulator_puts_in_turns_up_as_an_event_with_a_sentence(story: Story) -> None:
    truth = {record["ts_ms"]: record for record in story.demo.records()}
    assert all(truth[row.onset_ms]["state"] == row.state for row in story.rows)
    found = [row for row in story.rows if truth[row.onset_ms]["fault"] is not None]
    assert found
    assert all(truth[row.onset_ms]["why"].lower() in row.text.lower() for row in found)


def test_the_page_asks_nobody_but_its_monitor_and_has_no_errors(story: Story) -> None:
    assert story.wrong == []


def test_a_demo_that_ends_by_itself_prints_figures_and_loses_no_reading(story: Story) -> None:
    taken, received, missing, faults, found = (story.demo.figure(name) for name in FIGURES)
    assert taken == received == len(story.demo.records())
    assert missing == 0
    assert taken > 6 * SECONDS  # twelve a second, on a machine that has little else to do
    assert faults >= found >= 1
    assert "false alarms" in story.demo.said


def test_the_exit_status_says_whether_the_demo_worked(story: Story) -> None:
    _, received, missing, faults, found = (story.demo.figure(name) for name in FIGURES)
    worked = received > 0 and missing == 0 and faults > 0 and 2 * found >= faults
    assert story.status == (0 if worked else 1)
    assert ("python -m deploy demo: " in story.demo.complained) is not worked


def test_a_demo_that_has_ended_leaves_no_process_and_no_port(story: Story) -> None:
    assert story.status >= 0
    assert left_over(story.demo.folder) == []
    assert not is_listening(story.demo.port)


def test_ctrl_c_while_it_runs_stops_all_of_it(story: Story) -> None:
    with running(story.demo.folder) as demo:  # there is a model already
        demo.wait_for("the first reading is on the page")
        assert "using the model of the last demo" in demo.said
        parts = left_over(demo.folder)
        assert [any(word in part for part in parts) for word in ("mosquitto", "monitor", "edge")] == [
            True
        ] * 3
        os.killpg(demo.process.pid, signal.SIGINT)
        assert demo.process.wait(PATIENCE_S) == 0
        assert demo.said.endswith("stopped\n")
        assert left_over(demo.folder) == []
        assert not is_listening(demo.port)
