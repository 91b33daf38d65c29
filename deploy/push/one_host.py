"""Code, bundle and configuration to one Pi: the steps, in order, each safe to be the last."""

import contextlib
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.inspection import NEEDED_MIB, Inspection, inspect, misgivings, require_space
from deploy.push.delivery import Delivery
from deploy.push.installation import Installation
from deploy.push.order import BUNDLE, SYSTEM_PREFIX, USER_PREFIX, Content, Order
from deploy.push.standing import Standing, standing
from deploy.push.store import WheelStore
from deploy.service import NAME, UNITS
from deploy.ssh import Host, HostError
from edge.errors import ConfigError

Say = Callable[[str], None]
CONFIGURATION = "/etc/picanary/edge.toml"


@dataclass(frozen=True, slots=True)
class Place:
    """Where picanary is, or will be, on a host."""

    prefix: str
    root: bool  # by way of sudo
    service: bool


def push(host: Host, order: Order, store: WheelStore, say: Say) -> bool:
    """Put a release on a host and switch to it; `say` gets a line for each step. Whether anything changed.

    Whatever goes wrong leaves the release before at work. Raises ConfigError, WheelhouseError or HostError.
    """
    say(f"looking at {host.target}")
    seen = inspect(host)
    place = place_of(host, order, seen)
    stands = standing(host, place.prefix, place.service, place.root)
    tell(seen, stands, say)
    brought = order.config or order.handout or order.ready
    if place.service and not brought and not stands.configured:
        raise HostError(
            f"{host.target}: there is no {CONFIGURATION} for the service: push one with "
            "--config FILE or --handout DIR, or push with --no-service"
        )
    delivery = make_delivery(order, seen, place, stands, store, say)
    installation = Installation(host, place.prefix, place.root)
    if stands.current == delivery.release and (stands.verified or not place.service):
        return _again(installation, order, place, stands, say)
    if delivery.release not in stands.whole:
        require_space(host, place.prefix, stands.free_mib)
    if order.dry_run:
        _foretell(delivery, place, stands, say)
        return False
    with installation.reserved(), _removed_on_failure(installation):
        _send(installation, delivery, stands, say)
        _take(installation, order, place, say)
    return True


def place_of(host: Host, order: Order, seen: Inspection) -> Place:
    """The prefix, whether its files are to belong to root, and whether there is a service."""
    able = seen.systemd and seen.power != "user" and order.prefix is None
    if order.service and not able:
        raise HostError(
            f"{host.target}: a service needs systemd, root or sudo without a password, and no --prefix: "
            "push with --no-service"
        )
    service = able if order.service is None else order.service
    if order.prefix is not None:
        prefix = order.prefix if order.prefix.startswith("/") else f"{seen.home}/{order.prefix}"
        return Place(prefix.rstrip("/"), False, service)
    if seen.power == "user":
        return Place(f"{seen.home}/{USER_PREFIX}", False, service)
    return Place(SYSTEM_PREFIX, seen.power == "sudo", service)


def tell(seen: Inspection, stands: Standing, say: Say) -> None:
    """What a host is, and what may go wrong with it."""
    version = ".".join(str(number) for number in seen.version)
    memory = [f"{seen.memory_mib} MiB of memory"] if seen.memory_mib else []
    system = [seen.system] if seen.system else []
    told = [*system, seen.machine, f"Python {version}", *memory, f"{stands.free_mib} MiB free", seen.power]
    say("  " + ", ".join(told) + (", systemd" if seen.systemd else ""))
    for line in misgivings(seen):
        say(f"  {line}")


def make_delivery(
    order: Order, seen: Inspection, place: Place, stands: Standing, store: WheelStore, say: Say
) -> Delivery:
    """What this host is to get. Raises ConfigError or WheelhouseError."""
    files: dict[str, Content] = {**order.additions, f"wheels/{order.wheel.name}": order.wheel}
    if not order.online:
        folder = store.wheels(seen.target, order.extras, say)
        files |= {f"wheels/{path.name}": path for path in sorted(folder.glob("*.whl"))}
    if order.bundle is not None:
        files[BUNDLE] = order.bundle
    handed = order.handed(place.prefix, place.service)
    if handed is not None:
        files["edge.toml"] = handed.configuration.encode()
        files |= {f"secret/{name}": content for name, content in handed.secrets.items()}
        if drop_in := handed.drop_in():
            files["credentials.conf"] = drop_in.encode()
    if place.service:
        files[NAME] = UNITS / NAME
        if "pi" in order.extras and seen.gpio:
            files["gpio.conf"] = UNITS / "gpio.conf"
    settings = {
        "extras": ",".join(order.extras),
        "python": seen.python,
        "python_version": seen.target[1],
        "prefix": place.prefix,
        "service": NAME if place.service else "",
        "offline": "no" if order.online else "yes",
        "pip_options": shlex.join(order.pip_options) if order.online else "",
        "patience_s": f"{order.patience_s:g}",
        **({"all_in_one": "no"} if order.alone else {}),
    }
    return Delivery(order.wheel, files, settings, stands.carried)


def _again(installation: Installation, order: Order, place: Place, stands: Standing, say: Say) -> bool:
    """The same release again: nothing is to do, unless its service is down."""
    if not place.service or stands.active == "active":
        say(f"nothing to change: {stands.current} is there" + (" and runs" if place.service else ""))
        return False
    if order.dry_run:
        say(f"would start {NAME}, which is {stands.active or 'not there'}; nothing else would change")
        return False
    say(f"{stands.current} is there, but its service is {stands.active or 'not'}: starting it")
    with installation.reserved():
        say(f"  {installation.restart(order.patience_s)}")
    return True


def _foretell(delivery: Delivery, place: Place, stands: Standing, say: Say) -> None:
    missing = delivery.missing(stands.delivered)
    steps = [f"send {len(missing)} files, {delivery.size(missing) / 1e6:.1f} MB"]
    if delivery.release not in stands.whole:
        steps.append(f"install {place.prefix}/releases/{delivery.release}, {NEEDED_MIB} MiB at most")
    steps.append("check it: the agent with a simulated sensor" + (", edge doctor" if place.service else ""))
    steps.append(f"switch {place.prefix}/current from {stands.current or 'nothing'} to {delivery.release}")
    if place.service:
        back = stands.current or "nothing: there is no release before it"
        steps.append(f"restart {NAME}, and wait until a record is in its journal; else switch back to {back}")
    steps.append(f"keep {stands.current or 'no other release'} to roll back to, remove older ones")
    for step in steps:
        say(f"would {step}")
    say("nothing was changed there (--dry-run)")


def _send(installation: Installation, delivery: Delivery, stands: Standing, say: Say) -> None:
    missing = delivery.missing(stands.delivered)
    kept = sum(name.startswith("wheels/") and name not in missing for name in delivery.sums)
    has = f"; it has {kept} of the wheels" if kept else ""
    say(f"sending {len(missing)} files, {delivery.size(missing) / 1e6:.1f} MB{has}")
    installation.send(delivery, missing)


def _take(installation: Installation, order: Order, place: Place, say: Say) -> None:
    say("installing (a Pi takes some minutes)")
    installation.install()
    say("checking")
    for line in installation.check().splitlines():
        say(f"  {line}")
    say("switching" + (", and waiting for a record of the service" if place.service else ""))
    for line in installation.replace(order.patience_s).splitlines():
        say(f"  {line}")
    installation.prune()
    if not place.service:
        say(f"no service: start it with {place.prefix}/current/venv/bin/python -m edge --config FILE")


@contextmanager
def _removed_on_failure(installation: Installation) -> Iterator[None]:
    try:
        yield
    except (Exception, KeyboardInterrupt):  # Ctrl-C too leaves no half release behind
        with contextlib.suppress(HostError, ConfigError):
            installation.remove()
        raise


def roll_back(host: Host, order: Order, say: Say) -> bool:
    """Switch to the release before, verified like a new one. Raises HostError when there is none."""
    seen = inspect(host)
    place = place_of(host, order, seen)
    stands = standing(host, place.prefix, place.service, place.root)
    if not stands.previous or stands.previous not in stands.whole or stands.previous == stands.current:
        raise HostError(f"{host.target}: there is no release before {stands.current or 'the first'}")
    if order.dry_run:
        say(f"would switch from {stands.current} back to {stands.previous}; nothing was changed (--dry-run)")
        return False
    say(f"going back from {stands.current} to {stands.previous}")
    installation = Installation(host, place.prefix, place.root)
    with installation.reserved():
        for line in installation.roll_back(order.patience_s).splitlines():
            say(f"  {line}")
    return True
