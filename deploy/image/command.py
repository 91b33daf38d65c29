"""`python -m deploy image OUT.img`: its flags, and the order in which an image is made."""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.all_in_one import delivery
from deploy.card import command as card
from deploy.card.boot_partition import FOLDER, boot_partition
from deploy.image import boot_files, manifest, overlays, packing, partitions, rootfs, settings, sources, tools
from deploy.image.partitions import Identity
from edge.errors import ConfigError

Say = Callable[[str], None]
_HOSTNAME = "picanary"
_BROKER = "mosquitto"
_SECRETS = (f"{FOLDER}/secret/", f"{FOLDER}/{delivery.FOLDER}/")
# The agent's release, its journal and Debian's next kernel find room even where the partition does not grow.
SLACK = 768 * partitions.MIB


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What may stand behind `python -m deploy image`: what a card takes, and what makes it an image."""
    add = command.add_argument
    add("image", type=Path, metavar="OUT.img", help="the image to write")
    add("--suite", choices=sorted(sources.SUITES), default="trixie", help="of Debian (default: trixie)")
    add("--compress", choices=sorted(packing.KINDS), help="leave it packed")
    add(
        "--mirror",
        action="append",
        default=[],
        metavar="URL",
        help="where Debian's packages are (default: where this machine's apt finds them); "
        "a second one for its security updates",
    )
    add(
        "--rootfs",
        type=Path,
        metavar="FILE",
        help="keep Debian's part there, and take it from there next time",
    )
    card.add_flags(command)
    add("--debug", action="store_true", help="show tracebacks")


def run(options: argparse.Namespace, say: Say = print) -> int:
    """Make the image and its manifest. Raises ConfigError before anything is made."""
    _require(options)
    say("experimental: this image has booted in emulation only, never on a Pi")
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    out: Path = options.image
    with tempfile.TemporaryDirectory(prefix=".picanary-image-", dir=out.parent) as folder:
        work = Path(folder)
        debian = _debian(options, work, epoch, say)
        made = _made(options, debian, work, epoch, say)
        about = manifest.content(made.file)
        if made.secret:
            made.file.chmod(0o600)
        made.file.replace(out)
    file = out
    if options.compress is not None:
        say(f"packing with {options.compress}")
        file = packing.packed(out, options.compress)
    told = manifest.write(file, about, f"Debian {options.suite}, {made.release}: experimental", epoch)
    _tell(file, about, told, made, say)
    return 0


@dataclass(frozen=True, slots=True)
class Made:
    """An image in the making."""

    file: Path
    release: str
    secret: bool
    page: str | None  # with --all-in-one


def _require(options: argparse.Namespace) -> None:
    out: Path = options.image
    if out.suffix != ".img":
        raise ConfigError(f"{out}: the image's name must end in .img")
    if not out.parent.is_dir():
        raise ConfigError(f"no such folder: {out.parent}")
    if out.exists() and not out.is_file():
        raise ConfigError(
            f"{out} is no file: write the image to a file, and flash it with Raspberry Pi Imager"
        )
    card.check(options)
    overlays.require_driver(options.i2c)
    tools.require(tools.DISKS, "an image")
    if options.compress is not None:
        tools.require({options.compress: tools.PACKERS[options.compress]}, f"--compress {options.compress}")
    if options.rootfs is None or not options.rootfs.is_file():
        tools.require(tools.DEBIAN, "Debian's part of an image")
        sources.lines(options.suite, options.mirror)
        tools.require_arm()


def _debian(options: argparse.Namespace, work: Path, epoch: int, say: Say) -> Path:
    """Debian's part, as a tar file."""
    kept: Path | None = options.rootfs
    if kept is not None and kept.is_file():
        say(f"Debian from {kept}")
        if options.all_in_one and not rootfs.has(kept, _BROKER):
            say(f"  it has no {_BROKER}: the Pi fetches it by apt, and needs the network once for that")
        return kept
    to = kept or work / "debian.tar"
    if not to.parent.is_dir():
        raise ConfigError(f"no such folder: {to.parent}")
    say(f"making Debian {options.suite} for arm64 (ten minutes to an hour)")
    more = [_BROKER] if options.all_in_one else []
    if more:
        say(f"  with {_BROKER}: the Pi need not fetch it")
    rootfs.make(options.suite, sources.lines(options.suite, options.mirror), to, epoch, say, more)
    return to


def _made(options: argparse.Namespace, debian: Path, work: Path, epoch: int, say: Say) -> Made:
    name = options.hostname or _HOSTNAME
    identity = Identity.of(options.suite, name, epoch)
    boot = work / "boot"
    boot.mkdir()
    boot_files.unpack(debian, boot)
    boot_files.complete(boot, options.suite, name, identity.root, work)
    before = {each: (boot / each).read_text() for each in ("config.txt", "cmdline.txt")}
    made = _carry(options, boot, work / "image", say)
    added = {each: (boot / each).read_text().removeprefix(text.rstrip()) for each, text in before.items()}
    laid = settings.entries(
        identity.root, identity.boot, name, added["config.txt"].strip() + "\n", added["cmdline.txt"].strip()
    )
    say("making the partitions")
    archive = work / "root.tar"
    needed = settings.laid_over(debian, laid, archive, epoch)
    require_space(work, archive.stat().st_size * 2)
    parts = work / "boot.fat", work / "root.ext4"
    partitions.fat(boot, parts[0], identity, epoch)
    size = -(-(needed * 11 // 10 + SLACK) // (4 * partitions.MIB)) * 4 * partitions.MIB
    partitions.ext4(archive, parts[1], identity, epoch, size)
    archive.unlink()
    partitions.image(*parts, made.file, identity)
    return made


def _carry(options: argparse.Namespace, boot: Path, image: Path, say: Say) -> Made:
    """Put on the boot partition what `deploy card` would put there: what `image` is going to be."""
    carried = argparse.Namespace(**vars(options), dry_run=False)
    with card.planned(boot_partition(boot), carried, say) as (plan, payload):
        plan.write()
        secret = any(name.startswith(_SECRETS) for name in payload.files())
        return Made(image, payload.release, secret, payload.together.page if payload.together else None)


def require_space(folder: Path, needed: int) -> None:
    """Raises ConfigError when the folder above has fewer bytes left than are needed."""
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise ConfigError(
            f"{folder.parent} has {free // partitions.MIB} MiB free, and the image needs "
            f"{needed // partitions.MIB + 1} while it is made: choose another place"
        )


def _tell(file: Path, about: manifest.Content, told: Path, made: Made, say: Say) -> None:
    say(f"{file}: {file.stat().st_size // partitions.MIB} MiB, {about.size // partitions.MIB} on a card")
    say(f"{told}: open it with Raspberry Pi Imager 2, which then asks for user, network and name")
    if made.page is not None:
        say(f"then, from a phone in the same network: {made.page} (or by the name that Imager gave)")
    if made.secret:
        say("the image holds secrets: give it to nobody, and delete it when it is on its card")
