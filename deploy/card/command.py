"""`python -m deploy card BOOTFS`: its flags, and what it says before and after it writes."""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy import wheel as wheels
from deploy.card import config_txt, first_boot, kernel_line
from deploy.card.boot_partition import FOLDER, BootPartition, boot_partition
from deploy.card.config_txt import Wiring
from deploy.card.handout import Handout, read_handout
from deploy.card.payload import Payload
from deploy.card.plan import Plan
from deploy.card.wheelhouse import Wheelhouse
from deploy.card.wifi import Wifi
from edge.errors import ConfigError
from edge.message import check_device
from edge.mqtt.broker import parse_broker

Say = Callable[[str], None]
_REGION = "cfg80211.ieee80211_regdom"  # as Imager writes the country, where it writes no network


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What may stand behind `python -m deploy card`."""
    add = command.add_argument
    add("folder", type=Path, metavar="BOOTFS", help="where the card's boot partition is mounted")
    add(
        "--dht",
        type=int,
        action="append",
        default=[],
        metavar="GPIO",
        help="a DHT11 or DHT22 there; repeatable",
    )
    add(
        "--i2c", action="append", default=[], metavar="NAME", help="an I2C sensor, such as bme280; repeatable"
    )
    add(
        "--bundle", type=Path, metavar="FILE", help="the model (default: the one that comes with the package)"
    )
    add("--config", type=Path, metavar="FILE", help="edge.toml (default: the handout's)")
    add("--handout", type=Path, metavar="DIR", help="what `deploy broker DIR add-device NAME` made")
    add("--broker", metavar="HOST[:PORT]", help="where to publish, without --config and --handout")
    add("--hostname", metavar="NAME", help="the machine's name, where Imager gave none")
    add("--ssh-key", type=Path, metavar="FILE", help="a public key, for the first user, beside Imager's")
    add("--wifi", metavar="NAME", help="a network, beside Imager's")
    add("--wifi-password-file", type=Path, metavar="FILE", help="its passphrase, on the first line")
    add("--country", metavar="CC", help="whose radio rules hold, such as DE; needed by --wifi")
    add("--wheel", type=Path, metavar="FILE", help="a picanary wheel (default: built from this checkout)")
    add(
        "--wheelhouse",
        type=Path,
        metavar="DIR",
        help="take the other wheels from there, and from there alone",
    )
    add(
        "--pip-option",
        action="append",
        default=[],
        metavar="OPT",
        help="passed to pip download; may be repeated",
    )
    add("--dry-run", action="store_true", help="show the edits as a diff, and write nothing")
    add("--debug", action="store_true", help="show tracebacks")


def run(options: argparse.Namespace, say: Say = print) -> int:
    """Look, say what will be, write. Raises ConfigError or WheelhouseError before anything is written."""
    card = boot_partition(options.folder)
    card.require_fresh()
    card.require_venv()
    order = _order(options)
    kind = first_boot.kind_of(card)
    edits = _edits(card, kind, order)
    system = card.system()
    say(f"{card.folder}: {system.release or 'unknown system'}, {system.bits}-bit, first boot by {kind}")
    with tempfile.TemporaryDirectory(prefix="picanary-card-") as folder, _wheel(options, say) as wheel:
        house = Wheelhouse(card.folder / FOLDER / "wheels", wheel, system.targets)
        if options.dry_run:
            found = house.there() or Path(folder)
            if found == Path(folder):
                say(f"wheels to fetch: {', '.join(' '.join(target) for target in system.targets)}")
        else:
            found = house.fetched(Path(folder), options.wheelhouse, options.pip_option, say)
        payload = Payload(
            wheel, found, order.bundle, order.handout, order.hostname, order.ssh_key, order.wifi
        )
        files = {**payload.files(), **edits}
        plan = Plan(card.folder, files, _stale(card.folder, files, options.dry_run))
        for line in _notes(card, kind, order):
            say(line)
        return _show(plan, say) if options.dry_run else _write(card, plan, payload, say)


@dataclass(frozen=True, slots=True)
class Order:
    """What to put on a card, checked."""

    wiring: Wiring
    bundle: Path | None
    handout: Handout
    hostname: str | None
    ssh_key: str | None
    wifi: Wifi | None


def _order(options: argparse.Namespace) -> Order:
    if options.bundle is not None and not options.bundle.is_file():
        raise ConfigError(f"no such bundle: {options.bundle}")
    if options.hostname is not None:
        check_device(options.hostname)
        if "_" in options.hostname or len(options.hostname) > 63:
            raise ConfigError(f"--hostname {options.hostname}: at most 63 letters, digits and '-'")
    return Order(
        wiring=Wiring(tuple(options.dht), tuple(options.i2c)).check(),
        bundle=options.bundle,
        handout=_handout(options),
        hostname=options.hostname,
        ssh_key=None if options.ssh_key is None else _public_key(options.ssh_key),
        wifi=_wifi(options),
    )


def _handout(options: argparse.Namespace) -> Handout:
    config, folder = options.config, options.handout
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"no such folder: {folder}")
    if config is None and folder is not None:
        config = folder / "edge.toml"
    if config is not None:
        if options.broker is not None:
            raise ConfigError(f"--broker: {config} says where to publish; leave one of them out")
        return read_handout(config, folder, options.bundle is not None)
    with tempfile.TemporaryDirectory(prefix="picanary-card-") as place:
        written = Path(place, "edge.toml")
        written.write_text(_configuration(options))
        return read_handout(written, None, options.bundle is not None)


def _configuration(options: argparse.Namespace) -> str:
    lines = ["# Written by python -m deploy card; docs/edge.toml has every setting.", "[agent]"]
    if options.hostname is not None:
        lines.append(f'device = "{options.hostname}"')
    if options.broker is not None:
        parse_broker(options.broker, 1883)
        lines += ["", "[broker]", f'address = "{options.broker}"']
    return "\n".join([*lines, ""])


def _public_key(path: Path) -> str:
    """One line. Raises ConfigError, above all for a private key."""
    text = path.read_text(encoding="utf-8").strip()
    if "PRIVATE KEY" in text or "\n" in text or not text.startswith(("ssh-", "ecdsa-", "sk-")):
        raise ConfigError(f"{path} is no public ssh key: it is one line, in a file that ends in .pub")
    return text


def _wifi(options: argparse.Namespace) -> Wifi | None:
    if options.wifi is None:
        if options.country is not None or options.wifi_password_file is not None:
            raise ConfigError("--country and --wifi-password-file belong to --wifi NAME")
        return None
    if options.country is None:
        raise ConfigError("--wifi needs --country, such as --country DE: no radio is used before it is known")
    file = options.wifi_password_file
    secret = None if file is None else (file.read_text(encoding="utf-8").splitlines() or [""])[0]
    return Wifi(options.wifi, secret, options.country).check()


def _edits(card: BootPartition, kind: str, order: Order) -> dict[str, bytes]:
    """The system's own files; the kernel's line last, for it is what starts everything else."""
    config = config_txt.with_sensors(card.text("config.txt") or "", order.wiring.lines())
    hooks = first_boot.hooks(card, kind, order.hostname)
    line = hooks.pop("cmdline.txt", card.kernel_line.encode()).decode()
    if order.wifi is not None and kernel_line.value(line, _REGION) is None:
        line = kernel_line.with_words(line, [f"{_REGION}={order.wifi.country}"])
    return {"config.txt": config.encode(), **hooks, "cmdline.txt": line.encode()}


@contextmanager
def _wheel(options: argparse.Namespace, say: Say) -> Iterator[Path]:
    if options.wheel is not None:
        yield wheels.check(options.wheel)
        return
    with tempfile.TemporaryDirectory(prefix="picanary-wheel-") as folder:
        say("building the wheel")
        yield wheels.build(Path(folder))


def _stale(folder: Path, files: dict[str, bytes], dry_run: bool) -> list[str]:
    ours = folder / FOLDER
    there = [str(path.relative_to(folder)) for path in sorted(ours.rglob("*")) if path.is_file()]
    kept = f"{FOLDER}/wheels/" if dry_run else "//"
    return [name for name in there if name not in files and not name.startswith(kept)]


def _notes(card: BootPartition, kind: str, order: Order) -> Iterator[str]:
    """What to know before the card is written."""
    yield "at the first boot picanary itself needs no network: all is on the card"
    yield from (f"  but {line}" for line in first_boot.waits(card, kind))
    yield "  afterwards: a time server, for the clock; and the broker, if one is named"
    if not order.wiring.lines() and "dtoverlay=dht11" not in (card.text("config.txt") or ""):
        yield "no sensor is set up in config.txt: --dht GPIO or --i2c NAME does it"
    if kind == "systemd" and card.content("firstrun.sh") is None:
        yield "Imager made no user on this card: without one, nobody can log in over ssh"


def _show(plan: Plan, say: Say) -> int:
    for line in plan.diff():
        say(line)
    say("nothing would change" if not plan.changes and not plan.stale else "nothing written (--dry-run)")
    return 0


def _write(card: BootPartition, plan: Plan, payload: Payload, say: Say) -> int:
    if not plan.changes and not plan.stale:
        say("nothing to change: the card is ready")
        return 0
    card.require_space(plan.needed)
    plan.write()
    for name in plan.changes:
        if not name.startswith(f"{FOLDER}/"):
            say(f"changed {name}")
    say(f"wrote {FOLDER}/ with release {payload.release}; eject the card and start the Pi with it")
    if payload.handout.secrets or payload.wifi:
        say(
            "the card holds secrets until its first boot is over, some minutes: keep it to yourself till then"
        )
    return 0
