"""`python -m deploy rollout BUNDLE`: its flags, and how it ends.

Exit status 0: all have it. 1: stopped, and taken back. 2: what the user can mend. 3: some are without it.
130: interrupted; the same command goes on.
"""

import argparse
import signal
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from deploy.rollout import recall
from deploy.rollout.air import Air, on_air
from deploy.rollout.beginning import begin, goes_on, read_offer
from deploy.rollout.course import Course
from deploy.rollout.desk import Desk
from deploy.rollout.ending import outcome
from deploy.rollout.lines import Lines
from deploy.rollout.plan import Plan, seconds_of
from deploy.rollout.state import ENDED, Phase, State, StateFile, claimed
from edge.broker_flags import add_entry, section
from edge.config import broker_settings
from edge.errors import ConfigError
from edge.extras import need

TICK_S = 0.2


class Show(AbstractContextManager["Show"], Protocol):
    """How it is shown: lines, or a picture."""

    def tell(self, what: str, text: str, **facts: Any) -> None:
        """It happened."""

    def draw(self, state: State) -> None:
        """As it is now."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What may stand behind `python -m deploy rollout`."""
    add = command.add_argument
    add("bundle", type=Path, metavar="BUNDLE", help="the model, signed")
    add(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="devices such as 'cellar-*'; repeatable",
    )
    add("--devices", action="append", default=[], metavar="A,B", help="these; repeatable (default: all)")
    add(
        "--canary", default="5%", metavar="SHARE", help="so many first: 5%% or 3 (default: 5%%, at least one)"
    )
    add("--waves", default="25%,100%", metavar="SHARES", help="then so many in all (default: 25%%,100%%)")
    add(
        "--watch",
        default="30m",
        metavar="TIME",
        help="watch each wave so long at least (default: %(default)s)",
    )
    add("--min-records", type=int, default=30, metavar="N", help="and until each has made N (default: 30)")
    add(
        "--bad-share",
        type=float,
        default=10.0,
        metavar="PERCENT",
        help="stop when more are unwell (default: 10)",
    )
    add(
        "--most-alarms",
        type=float,
        metavar="N",
        help="a device and week (default: 20 times the model's budget)",
    )
    add("--take", default="10m", metavar="TIME", help="a device that is awake takes it within (%(default)s)")
    add("--offline", default="2m", metavar="TIME", help="away for longer is unwell (default: %(default)s)")
    add("--wait", default="0s", metavar="TIME", help="so long at the end for devices that are asleep")
    add(
        "--trusted",
        type=Path,
        action="append",
        default=[],
        metavar="KEY.pub",
        help="must be signed by one of them",
    )
    add("--state", type=Path, metavar="FILE", help="how far it is (default: BUNDLE.rollout)")
    add("--fresh", action="store_true", help="begin anew, whatever that file says")
    add("--withdraw", action="store_true", help="take it back from all who were given it")
    add("--json", action="store_true", help="a JSON object a line on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    broker = command.add_argument_group("the broker, and who we are to it")
    broker.add_argument("--broker", required=True, metavar="HOST[:PORT]", help="the MQTT broker")
    add_entry(broker)


def run(options: argparse.Namespace) -> int:
    """Until it is over. Raises PicanaryError."""
    offer = read_offer(options.bundle, options.trusted)
    plan = _plan(options, offer.budget_a_week)
    wait_s = seconds_of(options.wait, "--wait")
    broker = broker_settings(section(options), "")
    show = _show(options.json)
    path = options.state or options.bundle.with_name(options.bundle.name + ".rollout")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # through the contexts' ends, like Ctrl-C
    with claimed(path) as file:
        known = None if options.fresh else file.read()
        if options.withdraw and known is None:
            raise ConfigError(f"{path} is not there, so nobody knows who was given {offer.bundle.label}")
        if known is not None and (last_word := goes_on(known, offer, plan, path, options.withdraw)):
            show.tell("end", last_word, status=1)
            return 1
        with on_air(broker) as air:
            desk, is_new = begin(air, offer, plan, known, show.tell)
            course = Course(desk, lambda: file.write(desk.state), wait_s)
            if options.withdraw and desk.state.phase not in (Phase.BACK, *ENDED):
                recall.stop(desk, "somebody asked for it")
            elif is_new:
                course.begin()
            with show:
                return _go(course, desk, air, file, show)


def _go(course: Course, desk: Desk, air: Air, file: StateFile, show: Show) -> int:
    """Step by step."""
    births, is_over = air.births, False
    try:
        while not is_over:
            course.hear(air.hear(TICK_S))
            there = air.connected
            if there != desk.there:
                desk.tell("broker", "connected again" if there else air.trouble, connected=there)
            if air.births != births:
                births, desk.there = air.births, False  # what was on its way may be lost
            is_over = course.step(time.monotonic(), there=there)
            show.draw(desk.state)
    except KeyboardInterrupt:
        file.write(desk.state)
        show.tell("interrupted", "interrupted; the same command goes on from here")
        raise
    status, text = outcome(desk.state)
    show.tell("end", text, status=status)
    show.draw(desk.state)
    return status


def _plan(options: argparse.Namespace, budget_a_week: float) -> Plan:
    return Plan(
        canary=options.canary,
        waves=tuple(each.strip() for each in options.waves.split(",") if each.strip()),
        watch_s=seconds_of(options.watch, "--watch"),
        min_records=options.min_records,
        bad_share=options.bad_share / 100,
        most_alarms=20.0 * budget_a_week if options.most_alarms is None else options.most_alarms,
        take_s=seconds_of(options.take, "--take"),
        offline_s=seconds_of(options.offline, "--offline"),
        devices=tuple(name for given in options.devices for name in given.split(",") if name),
        only=tuple(options.only),
    )


def _show(as_json: bool) -> Show:
    if as_json or not sys.stdout.isatty():
        return Lines(as_json=as_json)
    need("rich", "deploy")
    from deploy.rollout.table import Picture

    return Picture()
