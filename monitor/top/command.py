"""`python -m monitor top`: the fleet in a terminal, live, or once as a plain table."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from edge.errors import ConfigError
from edge.extras import need
from monitor.top.feed import Feed, Page
from monitor.top.rows import Row, rows

DRAW_EVERY_S = 0.25
CLOCK_S = 1.0
WIDTH = 150  # of a table that goes into a file
TOKEN = "PICANARY_TOKEN"  # noqa: S105


def parser() -> argparse.ArgumentParser:
    """What may stand on the command line."""
    made = argparse.ArgumentParser(
        prog="python -m monitor top",
        description="All rooms of a running monitor in the terminal, worst first.",
    )
    made.add_argument(
        "--page", default="http://127.0.0.1:8080/", metavar="URL", help="the monitor's page (%(default)s)"
    )
    made.add_argument(
        "--bearer-file", type=Path, metavar="FILE", help=f"where the token stands, if not in {TOKEN}"
    )
    made.add_argument("--cafile", metavar="FILE", help="the authority to trust, of a page with TLS")
    made.add_argument("--once", action="store_true", help="print one plain table and end")
    made.add_argument("--debug", action="store_true", help="show tracebacks")
    return made


def run(options: argparse.Namespace) -> int:
    """Until q, or once. Raises ConfigError."""
    need("rich", "monitor")
    if not options.page.startswith(("http://", "https://")):
        raise ConfigError(f"--page {options.page!r} must begin with http:// or https://")
    feed = Feed(Page(options.page, _token(options.bearer_file), options.cafile))
    feed.load()
    if options.once or not (sys.stdin.isatty() and sys.stdout.isatty()):
        _print(feed)
        return 0
    return _follow(feed)


def _token(file: Path | None) -> str | None:
    """From a file or the environment: a command line can be read by everybody."""
    if file is None:
        return os.environ.get(TOKEN) or None
    try:
        token = file.read_text("ascii").strip()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is no token's file: it holds other signs than a token's") from error
    if not token or len(token.split()) != 1:
        raise ConfigError(f"{file} must hold one token and nothing else")
    return token


def _rows(feed: Feed) -> list[Row]:
    found: list[Row] = feed.read(lambda devices: rows(devices.values(), feed.now_ms()))
    return found


def _print(feed: Feed) -> None:
    from rich.console import Console

    from monitor.top import screen

    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print(screen.whole(_rows(feed), feed.problem))


def _follow(feed: Feed) -> int:
    from rich.console import Console
    from rich.live import Live

    from monitor.top.keyboard import Keyboard
    from monitor.top.screen import fits, picture, summary

    console, first = Console(highlight=False), 0
    with Keyboard() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        signal.signal(signal.SIGWINCH, lambda *_: keys.wake())
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # through the contexts' ends
        feed.on_news = keys.wake
        feed.start()
        while True:
            found = _rows(feed)
            head = summary(found, feed.problem, feed.is_live)
            page = fits(head, console)
            first = min(first, max(0, len(found) - page))
            live.update(picture(head, found, first, page), refresh=True)
            drawn = time.monotonic()
            key = keys.wait(CLOCK_S)
            if key == "quit":
                return 0
            first = _moved(first, key, page, len(found))
            if key is None:
                time.sleep(max(0.0, drawn + DRAW_EVERY_S - time.monotonic()))  # frames come in bursts


def _moved(first: int, key: str | None, page: int, count: int) -> int:
    """The first row that is shown, after a key."""
    steps = {"up": -1, "down": 1, "page up": -page, "page down": page, "home": -count, "end": count}
    return min(max(0, count - page), max(0, first + steps.get(key or "", 0)))
