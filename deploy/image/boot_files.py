"""The files of the FAT partition, as a folder: Debian's firmware and kernel, overlays, seed."""

import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from deploy.card import kernel_line
from deploy.card.boot_partition import IMAGE
from deploy.image import overlays
from deploy.image.rootfs import no_tar
from edge.errors import ConfigError

PLACE = PurePosixPath("boot/firmware")
INSTANCE = "picanary-image"
# Raspberry Pi's own names; what is not a Pi 3 or 4 would not boot with it, and takes room
_PI = ("bcm2837-rpi-", "bcm2711-rpi-", "bcm2710-rpi-")
_NEEDED = ("config.txt", "cmdline.txt", "bootcode.bin", "start.elf", "start4.elf")
_MARK = """\
Debian with picanary (python -m deploy image). Its first boot runs picanary/first-boot.sh by itself.
suite={suite}
"""
_USER_DATA = """\
#cloud-config
# Raspberry Pi Imager writes its own over this. No user has a password; who has the ssh key is `debian`.
manage_etc_hosts: true
hostname: {hostname}
ssh_pwauth: false
"""
_META_DATA = f"instance-id: {INSTANCE}\n"
_NETWORK = """\
network:
  version: 2
  ethernets:
    eth0:
      dhcp4: true
      dhcp6: true
      optional: true
"""


def unpack(rootfs: Path, to: Path) -> None:
    """What Debian has in /boot/firmware. Raises ConfigError when that would not boot."""
    try:
        _unpack(rootfs, to)
    except tarfile.TarError as error:
        raise no_tar(rootfs) from error
    kernels = [path.name for path in to.glob("vmlinuz-*")]
    missing = [name for name in _NEEDED if not (to / name).is_file()] + ([] if kernels else ["vmlinuz"])
    if missing:
        raise ConfigError(
            f"{rootfs} has no {', '.join(missing)} in /{PLACE}: that is no Debian with a kernel for the Pi"
        )


def _unpack(rootfs: Path, to: Path) -> None:
    with tarfile.open(rootfs) as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if not name.is_relative_to(PLACE) or not _wanted(name.name):
                continue
            if (source := archive.extractfile(member)) is not None:
                path = to / name.relative_to(PLACE)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as target:
                    shutil.copyfileobj(source, target)


def _wanted(name: str) -> bool:
    return not name.endswith(".dtb") or name.startswith(_PI)


def complete(folder: Path, suite: str, hostname: str, root: str, work: Path) -> None:
    """Add what Debian does not bring. `root` is where the kernel finds the root partition."""
    files = {
        **overlays.compiled(work),
        IMAGE: _MARK.format(suite=suite).encode(),
        "user-data": _USER_DATA.format(hostname=hostname).encode(),
        "meta-data": _META_DATA.encode(),
        "network-config": _NETWORK.encode(),
        "cmdline.txt": f"{_line((folder / 'cmdline.txt').read_text(), root)}\n".encode(),
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _line(text: str, root: str) -> str:
    """The kernel's line, as settings.FIRMWARE makes it again whenever the kernel is replaced."""
    # cma= keeps a Pi 4 from booting, says Debian's own script
    kept = [word for word in kernel_line.words(text) if not word.startswith(("root=", "cma=", "console="))]
    return " ".join([*_consoles(), f"root={root}", *kept])


def _consoles() -> Iterable[str]:
    return ("console=ttyS1,115200", "console=tty0")
