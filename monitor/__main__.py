"""The command line of the monitor."""

import argparse
import json
import logging
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.broker_flags import add_entry, section
from edge.command import run_command
from edge.config import BrokerSection, broker_settings
from edge.errors import ConfigError
from edge.extras import need
from edge.mqtt.broker import BrokerSettings, parse_broker
from monitor import assets
from monitor.access import command as token
from monitor.history.limits import Limits
from monitor.top import command as top


def parser() -> argparse.ArgumentParser:
    """What may stand on the command line."""
    made = argparse.ArgumentParser(
        prog="python -m monitor",
        description="A web page of all rooms, live, from what arrives by MQTT.",
        epilog="python -m monitor top: the same rooms in the terminal, of a monitor that runs. "
        "python -m monitor token FILE: make the token that --token-file asks for.",
    )
    made.add_argument("--broker", metavar="HOST[:PORT]", help="the MQTT broker")
    made.add_argument(
        "--embedded-broker",
        nargs="?",
        const="127.0.0.1:1883",
        metavar="ADDRESS:PORT",
        help="start one here instead (%(const)s)",
    )
    made.add_argument(
        "--listen",
        default="127.0.0.1:8080",
        metavar="ADDRESS:PORT",
        help="where to serve (%(default)s); systemd: at the socket of its socket unit",
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
    made.add_argument(
        "--alerts", type=Path, metavar="FILE", help="whom to tell when something is wrong (docs/alerts.toml)"
    )
    made.add_argument("--wait", action="store_true", help="start also while the broker is away")
    made.add_argument("--json", action="store_true", help="say what happens in JSON, one object a line")
    made.add_argument("--debug", action="store_true", help="log more; show tracebacks")
    add_entry(made.add_argument_group("when the broker asks who is there"))
    _add_door(made.add_argument_group("who may see the page, and how it is reached"))
    return made


def _add_door(door: Any) -> None:
    door.add_argument("--token-file", type=Path, metavar="FILE", help="ask for the token of that file")
    door.add_argument("--open", action="store_true", help="let everybody in, from other machines too")
    door.add_argument("--web-certfile", type=Path, metavar="FILE", help="serve over TLS (https)")
    door.add_argument("--web-keyfile", type=Path, metavar="FILE", help="unless it is in the same file")
    door.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="HOST",
        help="by this name too the page may be asked for; may be repeated",
    )


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
    from monitor.access.door import DoorFiles, hang, warning
    from monitor.alerts.settings import read_settings
    from monitor.server import SYSTEMD, bind, inherited
    from monitor.service import Settings, serve

    limits = kept(options.keep_days, options.keep_gb)
    alerts = read_settings(options.alerts) if options.alerts else None
    files = DoorFiles(
        options.token_file, options.web_certfile, options.web_keyfile, tuple(options.name), options.open
    )
    named = options.listen != SYSTEMD
    with bind(*listen_address(options.listen)) if named else inherited() as listener:
        door = hang(files, listener, options.listen)
        _warn(warning(door, listener))
        with _broker(options) as broker:
            settings = Settings(broker, listener, options.store, options.wait, limits, alerts, door)
            return serve(settings, _speaker(options.json))


@contextmanager
def _broker(options: argparse.Namespace) -> Iterator[BrokerSettings]:
    """The broker that is named, or one of our own for as long as that. Raises PicanaryError."""
    client_id = f"picanary-monitor-{secrets.token_hex(4)}"
    if (options.broker is None) == (options.embedded_broker is None):
        both = "leave out one of them" if options.broker else "neither was given"
        raise ConfigError(
            "name the MQTT broker with --broker HOST[:PORT], or have one started here with "
            f"--embedded-broker [ADDRESS:PORT]; {both}"
        )
    named = section(options)
    if options.broker is not None:
        yield broker_settings(named, client_id)
        return
    if named != BrokerSection():
        raise ConfigError("--username, --tls and the like are for --broker: an embedded one asks nobody")
    from monitor.embedded_broker import EmbeddedBroker, place

    folder = options.store.with_name(f"{options.store.name}.broker")
    with EmbeddedBroker(*place(options.embedded_broker), folder) as own:
        _warn(own.warning)
        yield broker_settings(replace(named, address=own.address), client_id)


def _warn(sentence: str | None) -> None:
    if sentence is not None:
        logging.getLogger("monitor").warning(sentence)


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
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["top"]:
        return run_command("monitor top", top.parser(), top.run, given[1:])
    if given[:1] == ["token"]:
        return run_command("monitor token", token.parser(), token.run, given[1:])
    return run_command("monitor", parser(), run, given)


if __name__ == "__main__":
    sys.exit(main())
