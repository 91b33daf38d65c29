"""`python -m deploy`: `push`, `card`, `image`: to a Pi; `status`, `rollout`, `broker`; `demo`: at home."""

import argparse
import json
import sys
from pathlib import Path

from deploy import demo
from deploy.broker import command as broker
from deploy.card import command as card
from deploy.children import Stopped
from deploy.image import command as image
from deploy.push import command as push
from deploy.rollout import command as rollout
from edge.command import INTERRUPTED, run_command
from edge.errors import ConfigError

DEMO_FAILED = 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    named = "push|status|card|image|broker|rollout|demo"
    parts = command.add_subparsers(dest="part", required=True, metavar=named)
    push.add_arguments(parts.add_parser("push", help="put picanary on Pis, over ssh"))
    push.add_status_arguments(parts.add_parser("status", help="what runs on Pis, and how old its news are"))
    card.add_arguments(parts.add_parser("card", help="make a freshly flashed card the appliance, offline"))
    image.add_arguments(parts.add_parser("image", help="an image of its own for a card (experimental)"))
    broker.add_arguments(parts.add_parser("broker", help="a mosquitto that lets each device only be itself"))
    rollout.add_arguments(parts.add_parser("rollout", help="a new model for many devices, over the air"))
    _add_demo(parts.add_parser("demo", help="all of picanary on this machine"))
    return command


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
    parts = {
        "push": push.run,
        "status": push.run_status,
        "card": card.run,
        "image": image.run,
        "broker": broker.run,
        "rollout": rollout.run,
        "demo": _demo,
    }
    return parts[options.part](options)


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
