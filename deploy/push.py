"""Code, bundle and configuration to one Pi: the steps, in order, each safe to be the last."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from deploy import wheel as wheels
from deploy.inspection import Inspection, inspect, require_space
from deploy.release import Release
from deploy.service import Places, require_configuration, start
from deploy.ssh import Host, HostError
from edge.config import read_config
from edge.errors import ConfigError

SYSTEM_PREFIX = "/opt/picanary"
USER_PREFIX = ".local/share/picanary"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What to push, and how. `service` None means: where systemd and root are."""

    wheel: Path | None = None  # None: build it from the checkout
    bundle: Path | None = None
    config: Path | None = None
    prefix: str | None = None  # None: SYSTEM_PREFIX with root or sudo, else USER_PREFIX in the home
    service: bool | None = None
    extras: tuple[str, ...] = ()
    pip_options: tuple[str, ...] = ()
    places: Places = field(default_factory=Places)


def push(host: Host, order: Order, say: Say = print) -> Release:
    """Put a release on a host and switch to it; `say` gets a line for each step.

    Whatever goes wrong before the switch leaves the host as it was. Raises ConfigError,
    WheelError or HostError.
    """
    _require_files(order)
    say(f"looking at {host.target}")
    seen = inspect(host)
    version = ".".join(str(number) for number in seen.version)
    say(f"  {seen.machine}, Python {version}, {seen.power}{', systemd' if seen.systemd else ''}")
    service = _wants_service(host, order, seen)
    prefix, root = _place(order, seen)
    require_space(host, prefix)
    if service:
        carried = order.config is not None or _has_configuration(host, prefix)
        require_configuration(host, order.places, carried)
    with _wheel(order, say) as wheel:
        release = Release(host, prefix, _name(wheel), root)
        with _removed_on_failure(release):
            _prepare(release, wheel, order, seen, say)
        release.switch()
        say(f"switched {prefix}/current to {release.name}")
    release.prune()
    if service:
        say("starting picanary-edge.service")
        link = order.config is not None or _has_configuration(host, prefix)
        start(release, order.places, gpio="pi" in order.extras and seen.gpio, link=link)
    else:
        say(f"no service: start it with {prefix}/current/venv/bin/python -m edge --config FILE")
    return release


def _require_files(order: Order) -> None:
    if order.bundle is not None and not order.bundle.is_file():
        raise ConfigError(f"no such bundle: {order.bundle}")
    if order.config is not None:
        read_config(order.config)


def _wants_service(host: Host, order: Order, seen: Inspection) -> bool:
    able = seen.systemd and seen.power != "user" and order.prefix is None
    if order.service and not able:
        raise HostError(
            f"{host.target}: a service needs systemd, root or sudo without a password, and no --prefix: "
            "push with --no-service"
        )
    return able if order.service is None else order.service


def _place(order: Order, seen: Inspection) -> tuple[str, bool]:
    """The prefix, and whether its files are to belong to root."""
    if order.prefix is not None:
        return order.prefix if order.prefix.startswith("/") else f"{seen.home}/{order.prefix}", False
    if seen.power == "user":
        return f"{seen.home}/{USER_PREFIX}", False
    return SYSTEM_PREFIX, seen.power == "sudo"


def _has_configuration(host: Host, prefix: str) -> bool:
    script = 'if [ -f "$1/current/edge.toml" ]; then echo yes; fi'
    return bool(host.run("look at its release", script, prefix).strip())


@contextmanager
def _wheel(order: Order, say: Say) -> Iterator[Path]:
    if order.wheel is not None:
        yield wheels.check(order.wheel)
        return
    with tempfile.TemporaryDirectory(prefix="picanary-wheel-") as folder:
        say("building the wheel")
        yield wheels.build(Path(folder))


def _name(wheel: Path) -> str:
    """A release's name: sorts by time, tells what is in it."""
    digest = sha256(wheel.read_bytes()).hexdigest()[:8]
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{wheels.version(wheel)}-{digest}"


@contextmanager
def _removed_on_failure(release: Release) -> Iterator[None]:
    try:
        yield
    except BaseException:  # Ctrl-C too leaves no half release behind
        with contextlib.suppress(HostError):
            release.remove()
        raise


def _prepare(release: Release, wheel: Path, order: Order, seen: Inspection, say: Say) -> None:
    named = {wheel.name: wheel, "room.canary": order.bundle, "edge.toml": order.config}
    files = {name: path for name, path in named.items() if path is not None}
    say(f"copying {', '.join(path.name for path in files.values())}")
    release.create(files)
    say("installing (a Pi takes some minutes)")
    extras = f"[{','.join(order.extras)}]" if order.extras else ""
    release.install(seen, wheel.name + extras, order.pip_options)
    say("checking")
    say(f"  {release.check()}")
