"""How long a page takes from nothing to charts, in a real Chromium: a year of a room; a day of another."""

import statistics
from contextlib import closing
from pathlib import Path

from monitor.changes import Changes
from monitor.ledger import Ledger
from monitor.message import decode_record
from monitor.store import Store
from tests.bench.machine import file_system
from tests.bench.part import Part, Row, below
from tests.bench.records import a_day
from tests.bench.remembering import DAY_MS, EPOCH, YEAR, year
from tests.bench.workplace import Workplace
from tests.brokers import mosquitto
from tests.monitor import messages
from tests.monitor.browser import chromium, sync_api
from tests.monitor.flood import running

TRIES = 9
PATIENCE_MS = 120_000
# Notes when the charts of the device that is open have been drawn, and the browser has come to rest after it.
NOTE = """() => {
  new MutationObserver((_, watch) => {
    if (!document.querySelector("[data-testid=timeline][data-shown]")) return;
    watch.disconnect();
    const note = () => { document.documentElement.dataset.drawn = performance.now(); };
    requestAnimationFrame(() => setTimeout(note));
  }).observe(document, { subtree: true, childList: true, attributes: true });
}"""
# From the request of a room's charts until they are drawn.
TURN = """async ([room, hash]) => {
  performance.clearResourceTimings();
  location.hash = hash;
  const isDrawn = () => document.querySelector(`[data-device="${room}"] [data-testid=timeline][data-shown]`);
  while (!isDrawn()) await new Promise(requestAnimationFrame);
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const drawn = performance.now();
  const asked = performance.getEntriesByType("resource")
    .filter(({ name }) => name.includes(`/${room}/series?`) && name.includes("to_ms="));
  return drawn - Math.min(...asked.map(({ startTime }) => startTime));
}"""


def measure(place: Workplace) -> Part:
    """The page of a year."""
    folder = place.fresh("opening")
    day = [decode_record(body) for body in a_day(place.bundle, EPOCH)]
    year(folder, day, file_system(folder)[0])
    total = YEAR * len(day)
    with closing(Store(folder / "m.db")) as store:  # what the records alone do not tell
        words = {"info": messages.info(device="room"), "status": messages.status("online")}
        store.commit(Changes(ledgers={("room", EPOCH): Ledger(1, total)}, devices={"room": words}))
    return Part("The page opens", [_row(pages(folder / "m.db", "room"), total)])


def pages(store: Path, room: str) -> list[float]:
    """Seconds until the year up to a room's newest record is drawn, try by try."""
    with mosquitto() as broker, running(broker, store, "--keep-days", "100000") as monitor:
        last_ms = monitor.device(room)["newest"]["ts_ms"]
        address = f"{monitor.url}#/device/{room}?from={last_ms - 365 * DAY_MS}&to={last_ms}"
        with chromium() as browser:
            return [opened(browser, address) for _ in range(TRIES)]


def _row(took: list[float], total: int) -> Row:
    median = statistics.median(took)
    how = f"{total:,} records of one device at 0.1 Hz; from the address to charts, Chromium with an empty "
    how += f"cache; median of {len(took)}, fastest {min(took):.2f} s, slowest {max(took):.2f} s"
    return Row("the page of a year of one device", f"{median:.2f} s", how, **below(median, 1, "s"))


def opened(browser: "sync_api.Browser", address: str) -> float:
    """Seconds from the address to charts, with nothing kept from before."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        page.add_init_script(f"({NOTE})()")
        page.goto(address)
        page.wait_for_selector("html[data-drawn]", state="attached", timeout=PATIENCE_MS)
        return float(page.evaluate("Number(document.documentElement.dataset.drawn)")) / 1000.0
    finally:
        context.close()


def turned(page: "sync_api.Page", room: str, stretch: str) -> float:
    """Milliseconds from the request for a room's charts to the drawing, in a page that is open."""
    return float(page.evaluate(TURN, [room, f"#/device/{room}?{stretch}"]))
