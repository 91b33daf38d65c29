"""The heat map of a large fleet in a real browser: frames a second while somebody looks and records come."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.part import Part, Row, below
from tests.bench.workplace import Workplace
from tests.brokers import mosquitto
from tests.monitor import crowd
from tests.monitor.browser import chromium, open_page, sync_api
from tests.monitor.messages import record
from tests.monitor.running import Agent, agent, monitor

DEVICES, COLUMNS = 1042, 96  # 100,032 cells
LOOK_S = 5.0
EACH_S = 2.0  # a record of every device so often
FRAMES_LEAST = 50.0

# Counts frames for so long; `act` does something in each of them.
_COUNT = """async ([seconds, act]) => {
    const map = document.querySelector('[data-testid="heatmap"]');
    const box = map.getBoundingClientRect();
    const acts = {
        pan: (i) => { map.scrollTop = (i * 7) % (map.scrollHeight - map.clientHeight); },
        hover: (i) => map.dispatchEvent(new PointerEvent("pointermove", {
            clientX: box.left + (i * 11) % box.width,
            clientY: box.top + (i * 5) % box.height, bubbles: true })),
        rest: () => {},
    };
    const first = await new Promise(requestAnimationFrame);
    let [frames, last, longest] = [0, first, 0];
    while (last - first < 1000 * seconds) {
        acts[act](frames);
        const now = await new Promise(requestAnimationFrame);
        longest = Math.max(longest, now - last);
        last = now;
        frames += 1;
    }
    return [1000 * frames / (last - first), longest];
}"""


def measure(place: Workplace) -> Part:
    """Panning, pointing and resting, while nothing comes and while the whole fleet reports."""
    folder = place.fresh("heatmap")
    crowd.fill(folder / "m.db", DEVICES)
    rows = []
    with mosquitto() as broker, monitor(broker, folder / "m.db") as (running, client):
        rows += _answers(client)
        with chromium() as browser, agent(broker) as publisher:
            page = open_page(browser, running.server.url, [], "#/")
            cells = page.wait_for_function(
                "() => { const one = document.querySelector('[data-testid=heatmap]');"
                " return Number(one?.dataset.cells) || 0; }"
            ).json_value()
            page.locator('[data-testid="device-row"]').first.wait_for()
            for name, act in (("panned", "pan"), ("pointed at", "hover")):
                rows.append(_frames(page, f"{cells:,} cells, {name}", act, "nothing comes meanwhile"))
            with reporting(publisher):
                for name, act in (("panned", "pan"), ("pointed at", "hover"), ("left alone", "rest")):
                    how = f"{DEVICES / EACH_S:.0f} records a second come meanwhile"
                    rows.append(_frames(page, f"{cells:,} cells, {name}, live", act, how))
    return Part("Heat map", rows)


def _answers(client) -> list[Row]:
    """The cells as the monitor gives them."""
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        size = len(client.get("/api/fleet/heat", params={"columns": COLUMNS}).raise_for_status().content)
        spent.append(1000 * (time.perf_counter() - start))
    how = f"{DEVICES:,} devices x {COLUMNS} columns, {size / 1e3:,.0f} KB before gzip"
    return [
        Row("the cells, asked for the first time", f"{spent[0]:,.0f} ms", f"{how}; read from the store"),
        Row("the cells, asked for again", f"{min(spent[1:]):.0f} ms", how, **below(min(spent[1:]), 50, "ms")),
    ]


def _frames(page: sync_api.Page, what: str, act: str, how: str) -> Row:
    rate, longest = page.evaluate(_COUNT, [LOOK_S, act])
    where = f"headless Chromium, software rendering, 1440 x 900; {how}; longest frame {longest:.0f} ms"
    target = f"{FRAMES_LEAST:.0f} or more"
    return Row(what, f"{rate:.0f} frames a second", where, target, bool(rate >= FRAMES_LEAST))


@contextmanager
def reporting(publisher: Agent) -> Iterator[None]:
    """Every device publishes a record each so often."""
    ending = threading.Event()

    def publish() -> None:
        seq = crowd.A_DAY
        while not ending.is_set():
            seq, start = seq + 1, time.monotonic()
            for number in range(DEVICES):
                publisher.device = crowd.name_of(number)
                state = "anomalous" if (number + seq) % 20 == 0 else "normal"
                score = 2.0 if state == "anomalous" else 0.01 * (seq % 90)
                now_ms = int(time.time() * 1000)
                publisher.records(record(seq, epoch=crowd.EPOCH, state=state, score=score, ts_ms=now_ms))
                if ending.wait(max(0.0, start + EACH_S * number / DEVICES - time.monotonic())):
                    return

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(10)
