"""`--all-in-one` of push, card and image: its flags, what it adds to a delivery, and what is said of it."""

import argparse
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.all_in_one import delivery, settings
from deploy.all_in_one.household import Household, address, foresee, move_in, tell_token
from deploy.handout import Handout
from edge.errors import ConfigError
from edge.message import check_device

Say = Callable[[str], None]
_HOUSE = Path("house")
_CHARTS = "monitor/static/vendor/uPlot.iife.min.js"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def add_flags(command: argparse.ArgumentParser) -> None:
    """What push, card and image take."""
    add = command.add_argument
    add(
        "--all-in-one",
        action=argparse.BooleanOptionalAction,
        help="broker and page on the Pi too: http://NAME.local",
    )
    add(
        "--house",
        type=Path,
        metavar="DIR",
        help="with --all-in-one: where its keys are, or are to be (default: house)",
    )
    add("--new-token", action="store_true", help="with --all-in-one: another token for the page")


@dataclass(frozen=True, slots=True)
class Together:
    """What makes a Pi all in one."""

    household: Household
    handout: Handout
    files: Mapping[str, bytes]  # by name in the delivery

    extras = (delivery.EXTRA,)

    @property
    def page(self) -> str:
        """Where to look."""
        return address(self.household)


def check(options: argparse.Namespace) -> None:
    """Raises ConfigError for flags that do not go together."""
    if not options.all_in_one:
        for flag, given in (("--house", options.house), ("--new-token", options.new_token)):
            if given:
                raise ConfigError(f"{flag} belongs to --all-in-one")
        return
    for flag, given in (("--handout", options.handout), ("--broker", getattr(options, "broker", None))):
        if given is not None:
            raise ConfigError(f"{flag}: with --all-in-one the broker is the Pi itself; leave one of them out")


def prepare(options: argparse.Namespace, name: str | None, dry_run: bool, say: Say) -> Together | None:
    """None without the flag. `name` is the Pi's. What is new is made, and the token shown at once.

    A dry run makes its keys in a place that is gone afterwards. Raises ConfigError.
    """
    check(options)
    if not options.all_in_one:
        return None
    if name is None:
        raise ConfigError("--all-in-one needs the Pi's name, as in http://NAME.local: give --hostname NAME")
    house = options.house or _HOUSE
    _require_name(name)
    foresee(house, name)
    if not dry_run:
        made = _prepared(options, house, name)
        tell_token(made.household, say)
        return made
    with tempfile.TemporaryDirectory(prefix="picanary-house-") as folder:
        copy = Path(folder, "house")
        if house.is_dir():
            shutil.copytree(house, copy)
        return _prepared(options, copy, name)


def require_page(wheel: Path) -> None:
    """Raises ConfigError for a picanary whose monitor would refuse to start on the Pi."""
    with zipfile.ZipFile(wheel) as archive:
        if _CHARTS not in archive.namelist():
            raise ConfigError(
                f"{wheel.name} has not the page's chart library: `make assets` brings it into a checkout"
            )


def notes(options: argparse.Namespace) -> Iterator[str]:
    """What to know before anything is written."""
    if "suite" not in vars(options):  # an image has it, or says itself that it has not
        yield "all in one: mosquitto, which Raspberry Pi OS has not, is fetched by the Pi itself, by apt:"
        yield "  that needs the network once; until then it tries every minute, the agent keeps its records,"
        yield "  and the page says that the broker is away"
    yield f"  keys are in {options.house or _HOUSE}, the one to the authority stays there: keep a copy of it"


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"the name {name!r} cannot stand in http://NAME.local: letters, digits and '-' can")


def _prepared(options: argparse.Namespace, house: Path, name: str) -> Together:
    device = settings.device_of(options.config, name)
    check_device(device)
    household = move_in(house, name, device, new_token=options.new_token)
    handed = settings.handout(household, options.config, options.bundle is not None)
    return Together(household, handed, delivery.files(household))
