"""The README's picture, taken anew from a demo that runs.

    make demo                                       # and in another terminal:
    .venv/bin/python -m tests.monitor.screenshot http://127.0.0.1:8080/ docs/monitor.png

It waits until the room is anomalous and the charts mark it.
"""

import argparse
import sys
from pathlib import Path

import pytest

WIDTH = 1280
WAIT_S = 600
EVENTS = 2  # more would make a tall picture


def main() -> str | None:
    """Take it; a sentence when that cannot be done."""
    command = argparse.ArgumentParser(prog="python -m tests.monitor.screenshot", description=__doc__)
    command.add_argument("address", help="the monitor's page, as the demo prints it")
    command.add_argument("file", type=Path, help="where to write the PNG")
    command.add_argument("--device", default="demo", help="the room (default: demo)")
    command.add_argument("--dark", action="store_true", help="as it looks by night")
    options = command.parse_args()
    try:
        return take(options.address, options.device, options.file, "dark" if options.dark else "light")
    except pytest.skip.Exception as missing:
        return str(missing)


def take(address: str, device: str, file: Path, scheme: str) -> str | None:
    """One picture, down to the second event. What was wrong on the page, or None."""
    from tests.monitor.browser import chromium, expect, open_page

    wrong: list[str] = []
    with chromium() as browser:
        page = open_page(browser, address, wrong, f"#/device/{device}", width=WIDTH, scheme=scheme)
        marked = page.locator('[data-testid="chart"][data-channel="score"]:not([data-anomalies="0"])')
        expect(marked).to_be_visible(timeout=1000 * WAIT_S)
        expect(page.get_by_test_id("condition")).to_have_text("anomalous", timeout=1000 * WAIT_S)
        rows = page.get_by_test_id("event-row")
        box = rows.nth(min(rows.count(), EVENTS) - 1).bounding_box()
        page.set_viewport_size({"width": WIDTH, "height": round(box["y"] + box["height"])})
        page.locator('.score[data-alarm="true"]').wait_for(timeout=1000 * WAIT_S)
        page.screenshot(path=file)
    return "; ".join(wrong) or None


if __name__ == "__main__":
    sys.exit(main())
