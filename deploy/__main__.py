"""`python -m deploy push USER@HOST`, `card BOOTFS`: to a Pi. `broker`: who may say what. `demo`: at home."""

import argparse
import json
import shlex
import sys
from pathlib import Path

from deploy import demo
from deploy.broker import command as broker
from deploy.card import command as card
from deploy.children import Stopped
from deploy.push import Order, push
from deploy.ssh import Host
from edge.command import INTERRUPTED, run_command
from edge.errors import ConfigError

DEMO_FAILED = 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    parts = command.add_subparsers(dest="part", required=True, metavar="push|card|broker|demo")
    _add_push(parts.add_parser("push", help="put picanary on a Pi, over ssh"))
    card.add_arguments(parts.add_parser("card", help="make a freshly flashed card the appliance, offline"))
    broker.add_arguments(parts.add_parser("broker", help="a mosquitto that lets each device only be itself"))
    _add_demo(parts.add_parser("demo", help="all of picanary on this machine"))
    return command


def _add_push(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("host", metavar="USER@HOST", help="as for ssh: an alias of your ssh configuration will do")
    add("--bundle", type=Path, metavar="FILE", help="the model (default: the one that is there)")
    add("--config", type=Path, metavar="FILE", help="edge.toml (default: the one that is there)")
    add("--wheel", type=Path, metavar="FILE", help="a picanary wheel (default: built from this checkout)")
    add("--prefix", metavar="DIR", help="where to, without root (default: /opt/picanary, with root or sudo)")
    add("--extra", action="append", default=[], metavar="NAME", help="an extra to install, such as pi")
    add("--port", type=int, metavar="N", help="ssh's port there")
    add("--ssh-option", action="append", default=[], metavar="'-X Y'", help="passed to ssh; may be repeated")
    add("--pip-option", action="append", default=[], metavar="OPT", help="passed to pip; may be repeated")
    add(
        "--service",
        action=argparse.BooleanOptionalAction,
        help="run it as a systemd service (default: where systemd and root are)",
    )
    add("--debug", action="store_true", help="show tracebacks")


def _add_demo(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "--for",
        dest="seconds",
        type=float,
        metavar="S",
        help="stop so long after the first reading, and judge",
    )
    add("--port", type=int, default=8080, metavar="N", help="the page's port (default: 8080)")
    add("--dir", type=Path, default=Path("demo"), help="where its files go (default: demo)")
    add("--fresh", action="store_true", help="train anew, even if a model is there")
    add("--json", action="store_true", help="a JSON object a line on standard output")
    add("--debug", action="store_true", help="show tracebacks")


def main(arguments: list[str] | None = None) -> int:
    """Push or show. Exit status 2 with one sentence for what the user can mend."""
    return run_command("deploy", parser(), _act, arguments)


def _act(options: argparse.Namespace) -> int:
    return {"push": _push, "card": card.run, "broker": broker.run, "demo": _demo}[options.part](options)


def _push(options: argparse.Namespace) -> int:
    order = Order(
        wheel=options.wheel,
        bundle=options.bundle,
        config=options.config,
        prefix=options.prefix,
        service=options.service,
        extras=tuple(options.extra),
        pip_options=tuple(options.pip_option),
    )
    words = [word for option in options.ssh_option for word in shlex.split(option)]
    if options.port is not None:
        words += ["-p", str(options.port)]
    with Host(options.host, words) as host:
        push(host, order, lambda line: print(line, flush=True))
    return 0


def _demo(options: argparse.Namespace) -> int:
    if options.seconds is not None and not 0 < options.seconds < float("inf"):
        raise ConfigError("--for must be above zero seconds")
    if not 1 <= options.port <= 65535:
        raise ConfigError("--port must be from 1 to 65535")
    order = demo.Order(options.dir, options.port, options.seconds, options.fresh)
    show = _for_programs() if options.json else _for_people(options.seconds)
    try:
        summary = demo.run(order, show)
    except Stopped:
        show.say("stopped")
        return 0 if options.seconds is None else INTERRUPTED
    print(summary.to_json() if options.json else "\n".join(summary.lines()), flush=True)
    if failure := summary.failure():
        print(f"python -m deploy demo: {failure}", file=sys.stderr)
        return DEMO_FAILED
    return 0


def _for_people(seconds: float | None) -> demo.Show:
    ends = "Ctrl-C ends it" if seconds is None else f"it ends {seconds:g} s after the first reading"
    return demo.Show(
        say=lambda line: print(line, flush=True),
        page=lambda address: print(f"\n    {address}    <- the page; {ends}\n", flush=True),
    )


def _for_programs() -> demo.Show:
    return demo.Show(
        say=lambda line: print(line, file=sys.stderr, flush=True),
        page=lambda address: print(json.dumps({"page": address}), flush=True),
    )


if __name__ == "__main__":
    sys.exit(main())
