"""`python -m deploy card BOOTFS`: its flags, and what it says before and after it writes."""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy import wheel as wheels
from deploy.all_in_one import command as all_in_one
from deploy.card import config_txt, first_boot, kernel_line
from deploy.card.boot_partition import FOLDER, BootPartition, boot_partition
from deploy.card.order import Order, checked
from deploy.card.payload import Payload
from deploy.card.plan import Plan
from deploy.wheelhouse import Wheelhouse

Say = Callable[[str], None]
_REGION = "cfg80211.ieee80211_regdom"  # as Imager writes the country, where it writes no network


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What may stand behind `python -m deploy card`."""
    command.add_argument(
        "folder", type=Path, metavar="BOOTFS", help="where the card's boot partition is mounted"
    )
    add_flags(command)
    command.add_argument("--dry-run", action="store_true", help="show the edits as a diff, and write nothing")
    command.add_argument("--debug", action="store_true", help="show tracebacks")


def add_flags(command: argparse.ArgumentParser) -> None:
    """What a card and an image have in common."""
    add = command.add_argument
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
    all_in_one.add_flags(command)


def run(options: argparse.Namespace, say: Say = print) -> int:
    """Look, say what will be, write. Raises ConfigError or WheelhouseError before anything is written."""
    card = boot_partition(options.folder)
    card.require_fresh()
    card.require_venv()
    system = card.system()
    kind = first_boot.kind_of(card)
    say(f"{card.folder}: {system.release or 'unknown system'}, {system.bits}-bit, first boot by {kind}")
    with planned(card, options, say) as (plan, payload):
        return _show(plan, say) if options.dry_run else _write(card, plan, payload, say)


@contextmanager
def planned(card: BootPartition, options: argparse.Namespace, say: Say) -> Iterator[tuple[Plan, Payload]]:
    """What would be written, as long as its wheels lie there. Raises ConfigError or WheelhouseError."""
    kind = first_boot.kind_of(card)
    name = options.hostname or first_boot.hostname(card, kind)
    together = all_in_one.prepare(options, name, options.dry_run, say)
    order = checked(options, together)
    edits = _edits(card, kind, order)
    targets = card.system().targets
    with tempfile.TemporaryDirectory(prefix="picanary-card-") as folder, _wheel(options, say) as wheel:
        extras = together.extras if together else ()
        if together:
            all_in_one.require_page(wheel)
        house = Wheelhouse(card.folder / FOLDER / "wheels", wheel, targets, extras)
        if options.dry_run:
            found = house.there() or Path(folder)
            if found == Path(folder):
                say(f"wheels to fetch: {', '.join(' '.join(target) for target in targets)}")
        else:
            found = house.fetched(Path(folder), options.wheelhouse, options.pip_option, say)
        payload = Payload(
            wheel, found, order.bundle, order.handout, order.hostname, order.ssh_key, order.wifi, together
        )
        files = {**payload.files(), **edits}
        for line in (*_notes(card, kind, order), *(all_in_one.notes(options) if together else ())):
            say(line)
        yield Plan(card.folder, files, _stale(card.folder, files, options.dry_run)), payload


def check(options: argparse.Namespace) -> None:
    """Raises ConfigError for flags that cannot be, whatever the card is like."""
    all_in_one.check(options)
    checked(options, None)


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
    if payload.together is not None:
        say(f"then, from a phone in the same network: {payload.together.page}")
    if payload.handout.secrets or payload.wifi:
        say(
            "the card holds secrets until its first boot is over, some minutes: keep it to yourself till then"
        )
    return 0
