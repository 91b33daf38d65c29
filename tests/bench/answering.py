"""From publish to page, in a real Chromium; and a day at 1 Hz over HTTP out of 100 million records."""

import json
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from monitor.changes import Changes
from monitor.store import Store
from tests.bench.machine import file_system
from tests.bench.opening import turned
from tests.bench.part import Part, Row, below
from tests.bench.remembering import CROWD, DAY_MS, POINTS, SECONDS, copied
from tests.bench.workplace import Workplace
from tests.brokers import mosquitto
from tests.monitor import messages
from tests.monitor.browser import chromium, expect, open_page
from tests.monitor.flood import Running, heard, running
from tests.monitor.history import lively

TRIES = 40
# Notes when the newest temperature of the page changes.
WATCH = """() => {
  window.seen = [];
  const figure = document.querySelector('.number[data-channel="temperature_c"] .figure');
  new MutationObserver(() => window.seen.push([figure.textContent, Date.now()]))
    .observe(figure, { childList: true, characterData: true, subtree: true });
}"""


def measure(place: Workplace) -> Part:
    """Both; the store takes minutes to fill."""
    rows = latency(place.fresh("latency"))
    return Part("The monitor answers", [*rows, *serve(place.fresh("serve"))])


def latency(folder: Path) -> list[Row]:
    """The wall time of one machine at both ends."""
    wrong: list[str] = []
    took: list[float] = []
    with heard(folder / "m.db") as (monitor, room), chromium() as browser:
        room.publish("picanary/v1/cellar/info", messages.info())
        room.publish("picanary/v1/cellar/data", messages.data(messages.record(1)))
        room.settle()
        page = open_page(browser, monitor.url, wrong, "#/device/cellar")
        figure = page.locator('.number[data-channel="temperature_c"] .figure')
        expect(figure).to_have_text("21.5")
        page.evaluate(WATCH)
        for seq in range(2, TRIES + 2):
            shown = f"{seq + 10}.0"
            made = messages.data(messages.record(seq, temperature_c=seq + 10.0))
            start = time.time()
            room.publish("picanary/v1/cellar/data", made)
            room.settle()
            expect(figure).to_have_text(shown)
            took.append(dict(page.evaluate("window.seen"))[shown] / 1000.0 - start)
            time.sleep(0.13 * (seq % 5))  # at any moment between two commits
    if wrong:
        raise RuntimeError(f"the page complained: {wrong}")
    worst = max(took)
    how = (
        f"{TRIES} records one by one, through a mosquitto and the store, until the page's text has changed; "
    )
    how += f"worst {worst:.2f} s"
    return [
        Row(
            "from publish to page",
            f"{statistics.median(took):.2f} s",
            how,
            "below 0.5 s, the worst",
            worst < 0.5,
        )
    ]


def serve(folder: Path) -> list[Row]:
    """Columns for the charts, as the page asks for them."""
    path, kind = folder / "m.db", file_system(folder)[0]
    records = [lively(seq, step_ms=1000) for seq in range(1, SECONDS + 1)]
    with closing(Store(path)) as store:
        store.commit(Changes(records=[("room-0", one) for one in records]))
        while store.tidy(records[-1].record.ts_ms):
            pass
    with closing(sqlite3.connect(path)) as file:
        copied(file)
        total = file.execute("SELECT sum(count) FROM chunks").fetchone()[0]
    first_ms = records[0].record.ts_ms
    with mosquitto() as broker, running(broker, path, "--keep-days", "100000") as monitor:
        took = [_asked(monitor, number, first_ms) for number in (7, 7, 300, 555, 801, 1100, 1101)]
        drawn = [*_drawn(monitor.url, (8, 301, 556, 802, 1102, 1103, 1104), first_ms)]
    median = statistics.median(each for each, _ in took)
    how = f"{total / 1e6:.0f} million records of {CROWD} devices on {kind}; HTTP and JSON included, "
    how += f"{took[0][1]:,} rows; median of {len(took)}, slowest {1e3 * max(each for each, _ in took):.0f} ms"
    middle, slowest = statistics.median(drawn), max(drawn)
    seen = f"from the request to the charts in Chromium; median of {len(drawn)}, slowest {slowest:.0f} ms"
    return [
        Row("a day at 1 Hz, served", f"{1e3 * median:.0f} ms", how, **below(1e3 * median, 50, "ms")),
        Row("a day at 1 Hz, drawn", f"{middle:.0f} ms", seen, **below(middle, 200, "ms")),
    ]


def _drawn(url: str, numbers: tuple[int, ...], first_ms: int) -> Iterator[float]:
    """Milliseconds for each of these rooms, one after the other in one page."""
    stretch = f"from={first_ms}&to={first_ms + DAY_MS}"
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}#/device/room-0?{stretch}")
        page.wait_for_selector("[data-testid=timeline][data-shown]", timeout=60_000)
        for number in numbers:
            yield turned(page, f"room-{number}", stretch)


def _asked(monitor: Running, number: int, first_ms: int) -> tuple[float, int]:
    start = time.perf_counter()
    where = f"/api/devices/room-{number}/series?from_ms={first_ms}&to_ms={first_ms + DAY_MS}&points={POINTS}"
    body = monitor.pages.get(where).content
    spent = time.perf_counter() - start
    return spent, len(json.loads(body)["ts_ms"])
