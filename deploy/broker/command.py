"""`python -m deploy broker DIR`: its flags, and what it says."""

import argparse
import json
import shlex
import stat
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from deploy.broker.access_list import DEVICE, DOCTOR, ROLES
from deploy.broker.authority import SOON, check_bind, check_host
from deploy.broker.introduction import HOME, check_home, edge_section, flags
from deploy.broker.ledger import read_ledger
from deploy.broker.place import SHARED, Place
from deploy.broker.registrar import Handed, Registrar, establish
from deploy.broker.settings import Listener

Say = Callable[[str], None]
# mosquitto reads these anew only when it starts
_NEEDS_START = {"picanary.conf", "mosquitto.conf", "ca.crt"}
_USES = {
    "monitor": "python -m monitor {flags}",
    "rollout": "python -m deploy rollout BUNDLE {flags}",
    "home-assistant": "Home Assistant: Settings, MQTT, broker options: its three files from {folder}",
}


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What may stand behind `python -m deploy broker`."""
    add = command.add_argument
    add("folder", type=Path, metavar="DIR", help="where the authority is, or is to be")
    add("--host", action="append", default=[], metavar="NAME", help="how devices call the broker; repeatable")
    add("--port", type=int, metavar="N", help="where it listens (default: 8883)")
    add("--bind", metavar="ADDRESS", help="listen on this address alone (default: all)")
    add("--at", metavar="PATH", help="where DIR/mosquitto will stand on its machine (default: where it is)")
    add("--debug", action="store_true", help="show tracebacks")
    actions = command.add_subparsers(dest="action", metavar="ACTION")
    for role in ROLES:
        if role != DOCTOR:
            _add_role(actions.add_parser(f"add-{role}", help=f"let a {role.replace('-', ' ')} in"), role)
    revoke = actions.add_parser("revoke", help="let a name in no more")
    revoke.add_argument("name", metavar="NAME")
    renew = actions.add_parser("renew", help="new certificates, by default for all that run out soon")
    renew.add_argument("names", nargs="*", metavar="NAME")
    _add_out(renew)
    listing = actions.add_parser("list", help="who is in, and for how long")
    listing.add_argument("--json", action="store_true", help="for programs")


def _add_role(command: argparse.ArgumentParser, role: str) -> None:
    command.add_argument("name", metavar="NAME", help="the device id" if role == DEVICE else None)
    _add_out(command)


def _add_out(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--out", type=Path, metavar="FOLDER", help="for the files (default: DIR/handout/NAME)"
    )
    command.add_argument(
        "--files-at", default=HOME, metavar="PATH", help="where they will stand on the device (%(default)s)"
    )


def run(options: argparse.Namespace, say: Say = print) -> int:
    """Do it, and say what comes next. Raises ConfigError."""
    place = Place(options.folder)
    if options.action == "list":
        return _list(place, options.json, say)
    if options.action is not None and not place.established:
        Registrar(place)  # says so, and makes nothing
    with place.claimed():
        if options.action is None:
            return _establish(place, options, say)
        registrar = Registrar(place)
        _ACTIONS.get(options.action, _add)(registrar, options, say)
        _tell_mosquitto(registrar, registrar.refresh(), say)
    return 0


def _establish(place: Place, options: argparse.Namespace, say: Say) -> int:
    new = not place.established
    hosts = [check_host(host) for host in options.host]
    bind = None if options.bind is None else check_bind(options.bind)
    wanted = {"port": options.port, "bind": bind, "at": options.at and options.at.rstrip("/")}
    given = {name: value for name, value in wanted.items() if value is not None}
    known = Listener(str(place.mosquitto)) if new else read_ledger(place.ledger).listener
    registrar = establish(place, hosts, replace(known, **given))
    changed = registrar.refresh()
    if new:
        _first_words(registrar, say)
    else:
        _tell_mosquitto(registrar, changed, say)
    return 0


def _first_words(registrar: Registrar, say: Say) -> None:
    place, at = registrar.place, registrar.ledger.listener.at
    say(f"{place.folder} has an authority now, until {registrar.until:%Y-%m-%d}. Whoever has the key in")
    say(f"{place.authority} can be anybody: it stays here; keep a copy of that folder offline.")
    if closed := _closed_to_mosquitto(place, at):
        say(f"mosquitto, a user of its own, cannot look into {closed}, so nothing there is of use to it:")
        say(f"  delete {place.folder}, and begin again with --at /etc/mosquitto/picanary")
    say("On the broker's machine:")
    say("  sudo apt-get install mosquitto")
    if at != str(place.mosquitto):
        say(
            f"  {shlex.join(['sudo', 'cp', '-rT', str(place.mosquitto), at])}  # from another machine: scp -r"
        )
    say(f"  {shlex.join(['sudo', 'chown', '-R', 'root:mosquitto', at])}")
    say(
        f"  {shlex.join(['sudo', 'ln', '-sf', f'{at}/picanary.conf', '/etc/mosquitto/conf.d/picanary.conf'])}"
    )
    say("  sudo systemctl restart mosquitto")
    say(f"Then let somebody in: python -m deploy broker {shlex.quote(str(place.folder))} add-device NAME")


def _closed_to_mosquitto(place: Place, at: str) -> Path | None:
    """The folder above its files that only an owner or a group may enter, as most homes are."""
    above = place.mosquitto.parents if at == str(place.mosquitto) else ()
    return next((folder for folder in above if not folder.stat().st_mode & stat.S_IXOTH), None)


def _tell_mosquitto(registrar: Registrar, changed: set[str], say: Say) -> None:
    """What changed counts from mosquitto's next reload on, or start."""
    if not changed:
        say("nothing changed for mosquitto")
        return
    mosquitto, at = registrar.place.mosquitto, registrar.ledger.listener.at
    say(f"new for mosquitto: {', '.join(sorted(changed))}")
    if at != str(mosquitto):
        paths = [str(mosquitto / name) for name in sorted(changed)]
        say(f"  {shlex.join(['sudo', 'cp', '-t', at, *paths])}  # from another machine: scp")
    say(f"  sudo systemctl {'restart' if changed & _NEEDS_START else 'reload'} mosquitto")


def _add(registrar: Registrar, options: argparse.Namespace, say: Say) -> None:
    role = options.action.removeprefix("add-")
    check_home(options.files_at)
    handed = registrar.add(role, options.name, options.out)
    if handed is None:
        again = shlex.join([str(registrar.place.folder), "renew", options.name])
        say(f"{options.name} is in already; lost its files? python -m deploy broker {again}")
    else:
        _introduce(registrar, handed, options.files_at, say)


def _introduce(registrar: Registrar, handed: Handed, home: str, say: Say) -> None:
    until = f"{handed.entry.ends:%Y-%m-%d}"
    say(f"{handed.folder}: key and certificate of the {handed.role} {handed.name}, until {until}")
    if handed.role == DEVICE:
        text = edge_section(handed.name, registrar.ledger, home)
        registrar.place.put(handed.folder / "edge.toml", text.encode(), SHARED)
        say(f"  bring the files to {home} on the device, with what edge.toml says; then delete them here")
    else:
        words = flags(handed.name, registrar.ledger, handed.folder)
        say(f"  {_USES[handed.role].format(flags=words, folder=handed.folder)}")


def _renew(registrar: Registrar, options: argparse.Namespace, say: Say) -> None:
    check_home(options.files_at)
    renewed = registrar.renew(options.names, options.out)
    for handed in renewed:
        _introduce(registrar, handed, options.files_at, say)
    if renewed:
        say("their old certificates count until they run out; after a theft: revoke, then add anew")
    else:
        say("no certificate runs out soon")


def _revoke(registrar: Registrar, options: argparse.Namespace, say: Say) -> None:
    gone = registrar.revoke(options.name)
    say(f"{options.name} is let in no more, with {', '.join(entry.serial for entry in gone)}")
    say("  it counts from mosquitto's next reload on, also for connections that are open:")


def _list(place: Place, as_json: bool, say: Say) -> int:
    registrar = Registrar(place)
    now = datetime.now(UTC)
    ends = {"authority": registrar.until, "broker": registrar.server_until()}
    if as_json:
        told = {name: end.isoformat() for name, end in ends.items()}
        entries = [asdict(entry) for entry in registrar.ledger.entries]
        say(json.dumps({**told, "hosts": registrar.ledger.hosts, "certificates": entries}))
        return 0
    rows = [("the " + name, "", end) for name, end in ends.items()]
    newest = [entry for entry in registrar.ledger.newest() if entry.role != DOCTOR]
    rows += [(entry.name, entry.role, entry.ends) for entry in sorted(newest, key=lambda each: each.name)]
    for name, role, end in rows:
        warning = "" if end > now + SOON else "  has run out" if end < now else "  runs out soon: renew"
        say(f"{name:<24} {role:<15} until {end:%Y-%m-%d}{warning}")
    return 0


_ACTIONS = {"renew": _renew, "revoke": _revoke}
