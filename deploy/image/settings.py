"""What we lay over Debian: mounts, an empty identity, cloud-init's datasource, the first boot's service."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deploy.image.boot_files import PLACE

SERVICE = "picanary-first-boot.service"
_WANTS = "etc/systemd/system/multi-user.target.wants"
_FSTAB = """\
{root} / ext4 noatime,errors=remount-ro 0 1
{boot} /boot/firmware vfat noatime,umask=0077,x-systemd.device-timeout=5min,x-systemd.mount-timeout=5min 0 2
"""
# The seed lies on the boot partition, where Imager writes it; nothing is asked of any network.
_DATASOURCE = """\
datasource_list: [ NoCloud, None ]
datasource:
  NoCloud:
    seedfrom: file:///boot/firmware/
"""
_SEED_IS_THERE = "[Unit]\nRequiresMountsFor=/boot/firmware\n"
# Debian's raspi-firmware writes cmdline.txt and config.txt anew with every kernel, from these.
_FIRMWARE = 'CMA=0\nROOTPART="{root}"\nCONSOLES="ttyS1,115200 tty0"\n'
# Each Pi makes its own; an empty /etc/machine-id alone is filled from the one of D-Bus.
_BY_ITSELF = ("etc/ssh/ssh_host_*", "var/lib/dbus/machine-id", "var/lib/systemd/random-seed")
_NEWEST = 2**40  # seconds: brought down to the image's own time
_RENDERER = "network:\n  version: 2\n  renderer: NetworkManager\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of ours, or with `link` a symbolic link."""

    content: bytes = b""
    mode: int = 0o644
    link: str = ""


def entries(root: str, boot: str, hostname: str, sensors: str, words: str) -> dict[str, Entry]:
    """By path. `sensors` is what stands in config.txt beyond Debian's own, `words` so in cmdline.txt."""
    texts = {
        "etc/fstab": _FSTAB.format(root=root, boot=boot),
        "etc/machine-id": "",  # systemd makes one of its own on each Pi
        # all is as new as /usr: the first boot need not build the linker's cache and the like once more
        "etc/.updated": "",
        "var/.updated": "",
        "etc/hostname": f"{hostname}\n",
        "etc/resolv.conf": "",
        "etc/cloud/cloud.cfg.d/99_picanary.cfg": _DATASOURCE,
        "etc/systemd/system/cloud-init-local.service.d/seed.conf": _SEED_IS_THERE,
        "etc/systemd/system/cloud-init-main.service.d/seed.conf": _SEED_IS_THERE,
        "etc/default/raspi-firmware": _FIRMWARE.format(root=root),
        "etc/default/raspi-firmware-custom": sensors,
        "etc/default/raspi-extra-cmdline": f"{words}\n",
        f"etc/systemd/system/{SERVICE}": (Path(__file__).parent / SERVICE).read_text(),
    }
    found = {path: Entry(text.encode()) for path, text in texts.items()}
    # netplan wants its files for root alone
    found["etc/netplan/00-picanary.yaml"] = Entry(_RENDERER.encode(), 0o600)
    found[f"{_WANTS}/{SERVICE}"] = Entry(link=f"/etc/systemd/system/{SERVICE}")
    return found


def laid_over(rootfs: Path, laid: dict[str, Entry], to: Path, epoch: int) -> int:
    """Write the tar file of the root partition: Debian's, without the boot partition, with ours over it.

    Returns how many bytes its file system needs at least. No time in it is later than `epoch`.
    """
    needed = 0
    with tarfile.open(rootfs) as source, tarfile.open(to, "w", format=tarfile.PAX_FORMAT) as target:
        for member, content in _members(source, laid):
            member.mtime = min(int(member.mtime), epoch)
            member.pax_headers = {key: text for key, text in member.pax_headers.items() if key != "mtime"}
            target.addfile(member, content)
            needed += 4096 + -(-member.size // 4096) * 4096
    return needed


def _members(
    source: tarfile.TarFile, laid: dict[str, Entry]
) -> Iterator[tuple[tarfile.TarInfo, io.IOBase | None]]:
    known: set[PurePosixPath] = set()
    for member in source:
        name = PurePosixPath(member.name)
        if str(name) in laid or _left_out(name, member):
            continue
        known.add(name)
        member.uname = member.gname = ""  # numbers alone count: this machine has other users
        yield member, source.extractfile(member) if member.isfile() else None  # type: ignore[misc]
    for path, entry in sorted(laid.items()):
        for parent in reversed(PurePosixPath(path).parents):
            if parent not in known and parent != PurePosixPath():
                known.add(parent)
                yield _directory(parent), None
        yield _ours(path, entry), io.BytesIO(entry.content)


def _left_out(name: PurePosixPath, member: tarfile.TarInfo) -> bool:
    """What the FAT partition has, what devtmpfs brings, and what would be the same on every Pi."""
    in_boot = name != PLACE and name.is_relative_to(PLACE)
    return in_boot or member.ischr() or member.isblk() or any(map(name.match, _BY_ITSELF))


def _directory(path: PurePosixPath) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"./{path}")
    member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o755, _NEWEST
    return member


def _ours(path: str, entry: Entry) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"./{path}")
    member.mode, member.size, member.mtime = entry.mode, len(entry.content), _NEWEST
    if entry.link:
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.link, 0o777
    return member
