"""`python -m deploy push HOST...` and `status HOST...`: their flags, and what becomes of them."""

import argparse
import shlex
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploy import wheel as wheels
from deploy.all_in_one import command as all_in_one
from deploy.all_in_one.command import Together
from deploy.push.one_host import push, roll_back
from deploy.push.order import PATIENCE_S, Order
from deploy.push.progress import Progress
from deploy.push.several import FAILED, for_each, sum_up
from deploy.push.status import Status, status_of
from deploy.push.store import WheelStore
from deploy.ssh import Host
from edge.config import read_config
from edge.errors import ConfigError, PicanaryError

AT_ONCE = 4


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What may stand behind `python -m deploy push`."""
    add = command.add_argument
    _add_hosts(command)
    add("--bundle", type=Path, metavar="FILE", help="the model (default: the one that is there)")
    add("--config", type=Path, metavar="FILE", help="edge.toml (default: the handout's, or the one there)")
    add("--handout", type=Path, metavar="DIR", help="what `deploy broker DIR add-device NAME` made")
    add("--wheel", type=Path, metavar="FILE", help="a picanary wheel (default: built from this checkout)")
    add("--wheelhouse", type=Path, metavar="DIR", help="take the other wheels from there alone")
    add("--online", action="store_true", help="let the host's own pip fetch them")
    add("--extra", action="append", default=[], metavar="NAME", help="an extra to install, such as pi")
    add("--pip-option", action="append", default=[], metavar="OPT", help="passed to pip; may be repeated")
    add(
        "--service",
        action=argparse.BooleanOptionalAction,
        help="run it as a systemd service (default: where systemd and root are)",
    )
    add(
        "--patience",
        type=float,
        default=PATIENCE_S,
        metavar="S",
        help="so long the first record of the service may take (default: 90)",
    )
    all_in_one.add_flags(command)
    add("--dry-run", action="store_true", help="say each step, and change nothing there")
    add("--rollback", action="store_true", help="back to the release before")
    add("--debug", action="store_true", help="show tracebacks")


def add_status_arguments(command: argparse.ArgumentParser) -> None:
    """What may stand behind `python -m deploy status`."""
    _add_hosts(command)
    command.add_argument("--json", action="store_true", help="a JSON object a line, for programs")
    command.add_argument("--debug", action="store_true", help="show tracebacks")


def _add_hosts(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "hosts",
        nargs="+",
        metavar="USER@HOST",
        help="as for ssh: an alias of your ssh configuration will do; several are done side by side",
    )
    add("--at-once", type=int, default=AT_ONCE, metavar="N", help="so many of them (default: 4)")
    add("--prefix", metavar="DIR", help="where to, without root (default: /opt/picanary, with root or sudo)")
    add("--port", type=int, metavar="N", help="ssh's port there")
    add("--ssh-option", action="append", default=[], metavar="'-X Y'", help="passed to ssh; may be repeated")


def run(options: argparse.Namespace) -> int:
    """Push or roll back. Raises what a single host failed for; of several, their summary says it."""
    hosts = _hosts(options)
    if options.rollback:
        return _do(hosts, options, lambda host, say: roll_back(host, _standing_order(options), say))
    if len(hosts) > 1:
        _require_for_all(options)
    together = _together(hosts, options)
    with _order(options) as order:
        if together is not None:
            all_in_one.require_page(order.wheel)
            more = tuple(sorted({*order.extras, *together.extras}))
            order = replace(order, ready=together.handout, extras=more, additions=together.files)
        found = order.wheelhouse
        store = WheelStore(order.wheel, found, () if order.online else order.pip_options)
        return _do(hosts, options, lambda host, say: push(host, order, store, say))


def _together(hosts: list[str], options: argparse.Namespace) -> Together | None:
    """What makes that one host all in one. Raises ConfigError or HostError."""
    all_in_one.check(options)
    if not options.all_in_one:
        return None
    if len(hosts) > 1:
        raise ConfigError("--all-in-one is for one Pi: each has a name and keys of its own")
    with _connected(hosts[0], options, alone=True) as host:
        name = host.run("ask its name", "uname -n").strip().split(".")[0]
    for line in all_in_one.notes(options):
        print(line, flush=True)
    return all_in_one.prepare(options, name, options.dry_run, lambda line: print(line, flush=True))


def run_status(options: argparse.Namespace) -> int:
    """Look at all of them. Exit status 1 when one is not well."""
    hosts = _hosts(options)
    order = _standing_order(options)
    found: dict[str, Status] = {}

    def look(target: str, _: Callable[[str], None]) -> bool:
        try:
            with _connected(target, options, len(hosts) == 1) as host:
                found[target] = status_of(host, order)
        except PicanaryError as error:
            found[target] = Status(host=target, error=str(error).removeprefix(f"{target}: "))
        return False

    for_each(hosts, look, options.at_once)
    for host in hosts:
        status = found[host]
        print(status.to_json() if options.json else "\n".join(status.lines), flush=True)
    return 0 if all(status.well for status in found.values()) else FAILED


def _hosts(options: argparse.Namespace) -> list[str]:
    if options.at_once < 1:
        raise ConfigError("--at-once must be 1 or more")
    return list(dict.fromkeys(options.hosts))


def _require_for_all(options: argparse.Namespace) -> None:
    """Two devices of one name would turn each other out. Raises ConfigError."""
    if options.handout is not None:
        raise ConfigError("--handout is of one device: push to one host at a time")
    if options.config is not None and "device" in _table(options.config, "agent"):
        raise ConfigError(
            f"{options.config} names a device, and there are several hosts: leave out `device` under "
            "[agent], so that each has its host's name"
        )


def _table(path: Path, section: str) -> Any:
    read_config(path)
    return tomllib.loads(path.read_text(encoding="utf-8")).get(section, {})


def _do(
    hosts: list[str], options: argparse.Namespace, act: Callable[[Host, Callable[[str], None]], bool]
) -> int:
    """One host speaks for itself; of several each gets a line of its own, and there is a summary."""

    def job(target: str, say: Callable[[str], None]) -> bool:
        with _connected(target, options, len(hosts) == 1) as host:
            return act(host, say)

    if len(hosts) == 1:
        job(hosts[0], lambda line: print(line, flush=True))
        return 0
    outcomes = for_each(hosts, job, options.at_once, Progress(hosts, sys.stdout))
    return sum_up(outcomes, print)


def _connected(target: str, options: argparse.Namespace, alone: bool) -> Host:
    words = [word for option in options.ssh_option for word in _words(option)]
    if options.port is not None:
        words += ["-p", str(options.port)]
    return Host(target, words, asks=alone)


def _words(option: str) -> list[str]:
    try:
        return shlex.split(option)
    except ValueError as error:
        raise ConfigError(f"--ssh-option {option!r}: a quotation mark has no other: {error}") from error


@contextmanager
def _order(options: argparse.Namespace) -> Iterator[Order]:
    """All that is asked for, and the wheel, built once for all hosts. Raises ConfigError, WheelError."""
    with tempfile.TemporaryDirectory(prefix="picanary-wheel-") as folder:
        order = Order(
            wheel=Path(folder) if options.wheel is None else wheels.check(options.wheel),
            bundle=options.bundle,
            config=options.config,
            handout=options.handout,
            prefix=options.prefix,
            service=options.service,
            extras=tuple(sorted(set(options.extra))),
            wheelhouse=options.wheelhouse,
            online=options.online,
            pip_options=tuple(options.pip_option),
            patience_s=options.patience,
            dry_run=options.dry_run,
            alone=options.all_in_one is False,
        ).check()
        if options.wheel is None:
            print("building the wheel", flush=True)
            order = order.with_wheel(wheels.build(Path(folder)))
        yield order


def _standing_order(options: argparse.Namespace) -> Order:
    """For what needs no wheel: only where it is counts."""
    return Order(
        wheel=Path(),
        prefix=options.prefix,
        service=getattr(options, "service", None),
        patience_s=getattr(options, "patience", PATIENCE_S),
        dry_run=getattr(options, "dry_run", False),
    ).check()
