"""Debian as mmdebstrap makes it: a tar file that knows nothing of a sensor, a broker or a network yet."""

import os
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from deploy.image import tools
from deploy.image.tools import ToolError
from edge.errors import ConfigError

_BOOTS = "linux-image-arm64 raspi-firmware initramfs-tools zstd kmod systemd-sysv systemd-timesyncd udev dbus"
_CUSTOMISED = "cloud-init cloud-guest-utils fdisk e2fsprogs dosfstools sudo locales tzdata libpam-systemd"
_NETWORK = (
    "openssh-server network-manager wpasupplicant netplan.io iproute2 iputils-ping ca-certificates "
    "avahi-daemon libnss-mdns firmware-brcm80211 wireless-regdb iw rfkill"
)
PACKAGES = f"{_BOOTS} {_CUSTOMISED} {_NETWORK} python3 python3-venv".split()
_LEFT_OUT = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
# Debian's firmware goes into this folder.
_BEFORE = 'mkdir -p "$1/boot/firmware"'


def make(
    suite: str,
    sources: Sequence[str],
    to: Path,
    epoch: int,
    say: Callable[[str], None],
    more: Sequence[str] = (),
) -> None:
    """Write the tar file `to`, with `more` packages; ten minutes or so. Raises ToolError with the reason."""
    part = to.with_name(to.name + ".part")
    command = [
        "mmdebstrap",
        "--architectures=arm64",
        "--variant=minbase",
        f"--include={','.join([*PACKAGES, *more])}",
    ]
    # root needs no namespace; everybody else gets one of his own, in which he is root
    command.append(f"--mode={'root' if os.geteuid() == 0 else 'unshare'}")
    command += ['--aptopt=APT::Install-Recommends "false"', "--format=tar"]
    command += [f"--dpkgopt={option}" for option in _LEFT_OUT]
    command += [f"--setup-hook={_BEFORE}", suite, str(part), *sources]
    try:
        _run(command, {**os.environ, "PATH": tools.PATH, "SOURCE_DATE_EPOCH": str(epoch)}, say)
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def has(rootfs: Path, package: str) -> bool:
    """Whether it was made with that package. Raises ConfigError for what is no tar file."""
    note = PurePosixPath(f"usr/share/doc/{package}/copyright")  # every package of Debian has one
    try:
        with tarfile.open(rootfs) as archive:
            return any(PurePosixPath(member.name) == note for member in archive)
    except tarfile.TarError as error:
        raise no_tar(rootfs) from error


def no_tar(rootfs: Path) -> ConfigError:
    """What to say of a file that is something else."""
    return ConfigError(f"{rootfs} is no tar file of Debian: remove it, to have it made anew")


def _run(command: Sequence[str], environment: dict[str, str], say: Callable[[str], None]) -> None:
    """mmdebstrap, with its steps as they come."""
    said: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        for line in process.stderr or ():
            said.append(line)
            if line.startswith("I: ") and not line.startswith("I: success"):
                say(f"  mmdebstrap: {line[3:].strip()}")
    if process.returncode != 0:
        raise ToolError(f"mmdebstrap: {tools.last_words(said)}")
