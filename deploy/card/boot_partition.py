"""The card's boot partition: which system it belongs to, and whether the card is still fresh."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.card import kernel_line, preseed
from deploy.card.mount import FAT, Mount, mount_of
from edge.errors import ConfigError

FOLDER = "picanary"  # ours, on the boot partition
DONE = f"{FOLDER}/installed.txt"  # first-boot.sh leaves it
FAILED = f"{FOLDER}/failed.txt"
IMAGE = "picanary-image.txt"  # python -m deploy image leaves it: its system calls first-boot.sh by itself
FRESH_INIT = "/usr/lib/raspberrypi-sys-mods/firstboot"
WITH_VENV = "2023-12-05"  # the first release after pi-gen's "stage2: install python3-venv"
_MADE = re.compile(r"Raspberry Pi reference (\d{4}-\d\d-\d\d)")
_SPARE = 16 * 2**20  # a kernel's update wants room, too


@dataclass(frozen=True, slots=True)
class System:
    """What the card holds, as far as a boot partition tells: `release` None is no Raspberry Pi OS we know."""

    release: str | None
    bits: int

    @property
    def targets(self) -> tuple[tuple[str, str], ...]:
        """(machine, Python) for which wheels have to be carried. Raises ConfigError when there are none."""
        machine = "aarch64" if self.bits == 64 else "armv7l"
        pythons = {"bookworm": ("3.11",), "trixie": ("3.13",)}.get(self.release or "", ("3.11", "3.13"))
        wanted = tuple((machine, python) for python in pythons if (machine, python) != ("armv7l", "3.13"))
        if not wanted:
            raise ConfigError(
                "this card has a 32-bit Raspberry Pi OS with Python 3.13, for which no TFLite "
                "interpreter exists: flash the 64-bit one"
            )
        return wanted


class BootPartition:
    """A folder that holds cmdline.txt and config.txt of a Raspberry Pi."""

    def __init__(self, folder: Path, mount: Mount | None) -> None:
        self.folder = folder
        self._mount = mount

    def text(self, name: str) -> str | None:
        """A file's text, None when there is none. Raises ConfigError when it is no UTF-8."""
        content = self.content(name)
        try:
            return None if content is None else content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self.folder / name} is no UTF-8 text: flash the card anew") from error

    def content(self, name: str) -> bytes | None:
        """A file's bytes, None when there is none."""
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    @property
    def kernel_line(self) -> str:
        """cmdline.txt."""
        return self.text("cmdline.txt") or ""

    @property
    def image(self) -> str | None:
        """Debian's suite, where the partition is of an image of `deploy image`; else None."""
        found = re.search(r"(?m)^suite=(\w+)$", self.text(IMAGE) or "")
        return found[1] if found else None

    def system(self) -> System:
        """What the card holds."""
        if self.image is not None:
            return System(self.image, 64)
        words = kernel_line.words(self.kernel_line)
        release = None
        if f"init={FRESH_INIT}" in words:
            release = "bookworm"
        elif self.content("issue.txt") is not None and "resize" in words:
            release = "trixie"
        # the 64-bit images bring only the kernels that 64-bit processors run
        narrow = any((self.folder / name).is_file() for name in ("kernel7.img", "kernel7l.img"))
        return System(release, 32 if narrow else 64)

    def require_fresh(self) -> None:
        """Raises ConfigError for a card that has booted: what we write for a first boot would be ignored."""
        if sign := self._booted():
            raise ConfigError(
                f"the card at {self.folder} has booted already ({sign}), and what is written for a first "
                "boot would be ignored: flash it anew, or use python -m deploy push"
            )

    def _booted(self) -> str | None:
        if (self.folder / DONE).is_file():
            return f"picanary is installed on it, says {DONE}"
        if (self.folder / FAILED).is_file():
            return f"and picanary could not be installed; {FAILED} says why"
        if preseed.REDACTED in (self.text(preseed.NAME) or ""):
            return f"{preseed.NAME} has been applied"
        if self._mount is not None and self._mount.grown:
            return "its last partition has been stretched to the card's end"
        words = kernel_line.words(self.kernel_line)
        ours = "Raspberry Pi reference" in (self.text("issue.txt") or "")
        if ours and f"init={FRESH_INIT}" not in words and "resize" not in words:
            return "cmdline.txt has lost what Raspberry Pi OS puts there for its first boot"
        return None

    def require_venv(self) -> None:
        """Raises ConfigError for an image without python3-venv, which no card of ours could bring."""
        made = _MADE.search(self.text("issue.txt") or "")
        if made and made[1] < WITH_VENV:
            raise ConfigError(
                f"this card's Raspberry Pi OS is of {made[1]}, and lacks python3-venv: flash one of "
                f"{WITH_VENV} or newer"
            )

    def require_space(self, needed: int) -> None:
        """Raises ConfigError when `needed` bytes more do not fit."""
        free = shutil.disk_usage(self.folder).free
        if free < needed + _SPARE:
            raise ConfigError(
                f"{self.folder} has {free // 2**20} MiB free, and {(needed + _SPARE) // 2**20 + 1} are "
                "needed: is it the boot partition of a freshly flashed card?"
            )


def boot_partition(folder: Path, root: Path = Path("/")) -> BootPartition:
    """The boot partition at `folder`. Raises ConfigError when it is something else."""
    if not folder.is_dir():
        raise ConfigError(f"no such folder: {folder}; where is the card's boot partition (bootfs) mounted?")
    if (folder / "etc" / "os-release").exists() or (folder / "etc" / "fstab").exists():
        raise ConfigError(f"{folder} is a root file system: give the boot partition (bootfs) beside it")
    missing = [name for name in ("cmdline.txt", "config.txt") if not (folder / name).is_file()]
    if missing:
        raise ConfigError(
            f"{folder} has no {' and no '.join(missing)}, so it is not the boot partition (bootfs) of a "
            "Raspberry Pi's card"
        )
    mount = mount_of(folder, root)
    if mount is not None and mount.file_system not in FAT:
        raise ConfigError(
            f"{folder} is {mount.file_system}, and a Raspberry Pi boots from FAT: give the partition "
            "named bootfs"
        )
    return BootPartition(folder, mount)
