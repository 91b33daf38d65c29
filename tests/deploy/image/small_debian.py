"""A Debian of a few files, as mmdebstrap leaves it: the real names and owners, without the content."""

import io
import tarfile
from pathlib import Path

# as Debian's raspi-firmware writes them (1.20240424)
CONFIG = """\
# Switch the CPU from ARMv7 into ARMv8 (aarch64) mode
arm_64bit=1

enable_uart=1
upstream_kernel=1

kernel=vmlinuz-6.12.107+deb13-arm64
initramfs initrd.img-6.12.107+deb13-arm64
"""
CMDLINE = "console=tty0 root=/dev/mmcblk0p2 rw fsck.repair=yes net.ifnames=0 cma=64M rootwait \n"
BOOT = {
    "config.txt": CONFIG,
    "cmdline.txt": CMDLINE,
    "bootcode.bin": "code",
    "start.elf": "code",
    "start4.elf": "code",
    "fixup.dat": "code",
    "vmlinuz-6.12.107+deb13-arm64": "kernel" * 1000,
    "initrd.img-6.12.107+deb13-arm64": "initramfs" * 1000,
    "bcm2837-rpi-3-b.dtb": "tree",
    "bcm2711-rpi-4-b.dtb": "tree",
    "bcm2712-rpi-5-b.dtb": "tree",
    "overlays/hifiberry-dac.dtbo": "overlay",
}
ROOT = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "etc/machine-id": "uninitialized\n",
    "var/lib/dbus/machine-id": "0123456789abcdef0123456789abcdef\n",
    "var/lib/dbus/README": "kept\n",
    "etc/hostname": "the-builders-machine\n",
    "etc/ssh/ssh_host_ed25519_key": "the same on every Pi\n",
    "etc/ssh/ssh_host_ed25519_key.pub": "the same on every Pi\n",
    "etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\n",
    "usr/share/doc/openssh-server/copyright": "BSD-style",
    "usr/bin/dash": "x" * 9000,
}
CAPABILITY = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"


def small_debian(to: Path, without: str = "") -> Path:
    """The tar file; one of BOOT's files may be missing."""
    with tarfile.open(to, "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, ".", kind=tarfile.DIRTYPE)
        for folder in ("etc", "etc/ssh", "usr", "usr/bin", "boot", "boot/firmware", "dev", "home/pi", "tmp"):
            _add(archive, folder, kind=tarfile.DIRTYPE, mode=0o1777 if folder == "tmp" else 0o755)
        _add(archive, "dev/console", kind=tarfile.CHRTYPE)
        _add(archive, "bin", kind=tarfile.SYMTYPE, link="usr/bin")
        for name, text in ROOT.items():
            _add(archive, name, text)
        _add(archive, "usr/bin/sudo", "s", mode=0o4755)
        _add(archive, "usr/bin/ping", "p", headers={"SCHILY.xattr.security.capability": CAPABILITY})
        _add(archive, "home/pi/notes", "n", owner=1000)
        _add(archive, "usr/bin/also-ping", kind=tarfile.LNKTYPE, link="./usr/bin/ping")
        for name, text in BOOT.items():
            if name != without:
                _add(archive, f"boot/firmware/{name}", text)
    return to


def _add(
    archive: tarfile.TarFile,
    name: str,
    text: str = "",
    *,
    kind: bytes = tarfile.REGTYPE,
    mode: int = 0o755,
    owner: int = 0,
    link: str = "",
    headers: dict[str, str] | None = None,
) -> None:
    member = tarfile.TarInfo(f"./{name}" if name != "." else ".")
    member.type, member.mode, member.linkname, member.size = kind, mode, link, len(text.encode())
    member.uid = member.gid = owner
    member.uname = member.gname = "stranger"  # a name that must not count
    member.mtime = 4_000_000_000  # a clock that was wrong
    member.pax_headers = headers or {}
    archive.addfile(member, io.BytesIO(text.encode()))
