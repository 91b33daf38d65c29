"""The programs that an image takes: told at once, in one sentence, and not after ten minutes."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edge.errors import ConfigError, PicanaryError

# Debian keeps some of them where only root's PATH looks.
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
DEBIAN = {"mmdebstrap": "mmdebstrap"}
DISKS = {
    "mke2fs": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "sfdisk": "fdisk",
    "tar": "tar",
    "dtc": "device-tree-compiler",
}
PACKERS = {"xz": "xz-utils", "zstd": "zstd"}
_HANDLERS = Path("/proc/sys/fs/binfmt_misc")


class ToolError(PicanaryError):
    """A program that makes the image failed."""


def require(programs: Mapping[str, str], why: str) -> None:
    """Raises ConfigError, with the packages of Debian that bring those that are missing."""
    missing = sorted({package for name, package in programs.items() if not there(name)})
    if missing:
        raise ConfigError(f"{why} needs {', '.join(missing)}: apt-get install {' '.join(missing)}")


def require_arm(handlers: Path = _HANDLERS) -> None:
    """Raises ConfigError on a machine that runs no programs of a Pi: Debian's packages set themselves up."""
    if platform.machine() in ("aarch64", "arm64") or (handlers / "qemu-aarch64").exists():
        return
    # a container often has not got it mounted, whatever is installed there
    unseen = "" if (handlers / "status").exists() else f", and mount -t binfmt_misc binfmt_misc {handlers}"
    raise ConfigError(
        "Debian's packages for the Pi are set up by their own programs, which do not run here: "
        f"apt-get install qemu-user-static binfmt-support{unseen}"
    )


def there(name: str) -> bool:
    """Whether it can be called."""
    return shutil.which(name, path=PATH) is not None


def call(command: Sequence[str | Path], environment: Mapping[str, str] | None = None, text: str = "") -> str:
    """What it wrote to standard output. Raises ToolError with its last words."""
    surroundings = {**os.environ, "PATH": PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC", **(environment or {})}
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        input=text,
        env=surroundings,
    )
    if done.returncode != 0:
        raise ToolError(f"{command[0]}: {last_words(done.stderr.splitlines())}")
    return done.stdout


def last_words(lines: Iterable[str]) -> str:
    """The cause, as far as a program told it."""
    said = [line.strip() for line in lines if line.strip()]
    blamed = [line for line in said if line.startswith(("E: ", "error: ", "ERROR: "))]
    return (blamed or said or ["it failed without a word"])[-1]
