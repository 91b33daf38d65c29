"""The command line of the monitor."""

import argparse
import json
import logging
import secrets
import sys
from pathlib import Path
from typing import Any

from edge.command import run_command
from edge.config import BrokerSection, broker_settings
from edge.errors import ConfigError
from edge.extras import need
from edge.mqtt.broker import parse_broker
from monitor import assets
from monitor.history.limits import Limits


def parser() -> argparse.ArgumentParser:
    """What may stand on the command line."""
    made = argparse.ArgumentParser(
        prog="python -m monitor", description="A web page of all rooms, live, from what arrives by MQTT."
    )
    made.add_argument("--broker", required=True, metavar="HOST[:PORT]", help="the MQTT broker")
    made.add_argument(
        "--listen", default="127.0.0.1:8080", metavar="ADDRESS:PORT", help="where to serve (%(default)s)"
    )
    made.add_argument(
        "--store",
        type=Path,
        default=Path("picanary-monitor.db"),
        metavar="FILE",
        help="where to keep what arrives (%(default)s)",
    )
    made.add_argument(
        "--keep-days",
        type=float,
        default=400.0,
        metavar="DAYS",
        help="how long records are kept; their summaries stay for years (%(default)g)",
    )
    made.add_argument(
        "--keep-gb",
        type=float,
        default=8.0,
        metavar="GB",
        help="how large that file may become: then the oldest records make way (%(default)g)",
    )
    made.add_argument("--wait", action="store_true", help="start also while the broker is away")
    made.add_argument("--json", action="store_true", help="say what happens in JSON, one object a line")
    made.add_argument("--debug", action="store_true", help="log more; show tracebacks")
    entry = made.add_argument_group("when the broker asks who is there")
    entry.add_argument("--username", metavar="NAME")
    entry.add_argument("--password-file", type=Path, metavar="FILE")
    entry.add_argument("--tls", action="store_true", help="speak TLS; the port is then 8883 unless given")
    entry.add_argument("--cafile", type=Path, metavar="FILE", help="the authority to trust")
    entry.add_argument("--certfile", type=Path, metavar="FILE")
    entry.add_argument("--keyfile", type=Path, metavar="FILE")
    return made


def listen_address(text: str) -> tuple[str, int]:
    """`ADDRESS:PORT` to (address, port); port 0 is a free one. Raises ConfigError."""
    if text.endswith(":0"):
        return parse_broker(text[:-2])[0], 0
    try:
        return parse_broker(text, 8080)
    except ConfigError as error:
        raise ConfigError(
            f"--listen {text!r} must be ADDRESS:PORT, with an IPv6 address in brackets"
        ) from error


def kept(days: float, gigabytes: float) -> Limits:
    """How much history stays. Raises ConfigError."""
    for name, value, most in (("--keep-days", days, 100_000.0), ("--keep-gb", gigabytes, 100_000.0)):
        if not 0.0 < value <= most:
            raise ConfigError(f"{name} {value:g} must be more than 0 and at most {most:,.0f}")
    summaries = tuple(max(days, each) for each in Limits().summaries_days)
    return Limits(days, summaries, int(gigabytes * 1e9))


def run(options: argparse.Namespace) -> int:
    """Serve until a signal. Raises PicanaryError."""
    logging.basicConfig(
        level=logging.DEBUG if options.debug else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for module in ("msgspec", "starlette", "uvicorn"):
        need(module, "monitor")
    assets.check()
    from monitor.server import bind
    from monitor.service import Settings, serve

    section = BrokerSection(
        address=options.broker,
        username=options.username,
        password_file=options.password_file,
        tls=options.tls,
        cafile=options.cafile,
        certfile=options.certfile,
        keyfile=options.keyfile,
    )
    limits = kept(options.keep_days, options.keep_gb)
    broker = broker_settings(section, f"picanary-monitor-{secrets.token_hex(4)}")
    with bind(*listen_address(options.listen)) as listener:
        return serve(Settings(broker, listener, options.store, options.wait, limits), _speaker(options.json))


def _speaker(as_json: bool) -> Any:
    def say(news: dict[str, Any]) -> None:
        if as_json:
            print(json.dumps(news), flush=True)
        elif "page" in news:
            print(f"Listening to {news['broker']}, keeping what arrives in {news['store']}", flush=True)
            print(f"The page: {news['page']}", flush=True)

    return say


def main(arguments: list[str] | None = None) -> int:
    """Run; returns the exit status."""
    return run_command("monitor", parser(), run, arguments)


if __name__ == "__main__":
    sys.exit(main())
