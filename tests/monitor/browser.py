"""A real headless Chromium for tests, and pages that note what goes wrong in them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="needs picanary[test]: playwright")
expect = sync_api.expect

SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE_MS = 60_000


@contextmanager
def chromium() -> Iterator[sync_api.Browser]:
    """A running browser. Skips the test, with a sentence, when Chromium is not installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield launched
        launched.close()


def open_page(
    browser: sync_api.Browser,
    url: str,
    wrong: list[str],
    path: str = "",
    *,
    width: int = 1440,
    scheme: str = "light",
) -> sync_api.Page:
    """A page of the monitor at `url`, in a browser profile of its own.

    `wrong` gets a line for each console error or warning, and for each request to another host.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, service_workers="block"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda said: _note(wrong, said.type, said.text))
    page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
    page.on("request", lambda request: _check_host(wrong, url, request.url))
    page.goto(url + path)
    return page


def _note(wrong: list[str], kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        wrong.append(f"console {kind}: {text}")


def _check_host(wrong: list[str], home: str, asked: str) -> None:
    if not asked.startswith(home):
        wrong.append(f"asked another host: {asked}")
