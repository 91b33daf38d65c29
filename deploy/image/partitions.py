"""The image: a FAT and an ext4 partition, each filled as a file. Nothing is mounted."""

import contextlib
import os
import re
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path

from deploy.image import tools
from deploy.image.tools import ToolError
from edge.errors import ConfigError

MIB = 2**20
START = 8 * MIB  # as Raspberry Pi OS does it: cards like their first partition on an erase block
BOOT_SIZE = 512 * MIB  # the kernel's update wants both kernels there, beside the wheels
# Debian 12 and 13 know all of these, whatever newer things this machine's mke2fs would choose.
_FEATURES = (
    "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,"
    "huge_file,dir_nlink,extra_isize,metadata_csum"
)
_READS_TAR = (1, 47, 1)  # e2fsprogs, where it was built with libarchive
_UNPACK = """
set -eu
tree=$1 archive=$2
shift 2
mkdir "$tree"
trap 'rm -rf "$tree"' EXIT
tar --extract --numeric-owner --same-owner --preserve-permissions --xattrs --xattrs-include='*' \
    --directory="$tree" --file="$archive"
"$@"
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """By what the partitions are known: the same for the same image, another for another."""

    number: int

    @classmethod
    def of(cls, *parts: object) -> "Identity":
        """From whatever tells one image from another."""
        return cls(zlib.crc32(repr(parts).encode()) or 1)

    @property
    def boot(self) -> str:
        """For fstab and the kernel."""
        return f"PARTUUID={self.number:08x}-01"

    @property
    def root(self) -> str:
        """For fstab and the kernel."""
        return f"PARTUUID={self.number:08x}-02"

    @property
    def file_system(self) -> uuid.UUID:
        """Of the ext4."""
        return uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.number:08x}.picanary")


def fat(folder: Path, to: Path, identity: Identity, epoch: int, size: int = BOOT_SIZE) -> None:
    """A FAT file system with the folder's files. Raises ConfigError when they do not fit, or ToolError."""
    paths = sorted(folder.rglob("*"))
    needed = sum(path.stat().st_size for path in paths)
    if needed > size * 0.95:
        raise ConfigError(
            f"the boot partition has {size // MIB} MiB, and {needed // MIB + 1} are needed: "
            "choose fewer wheels, or a smaller bundle"
        )
    for path in [*paths, folder]:
        os.utime(path, (epoch, epoch))
    with to.open("wb") as file:
        file.truncate(size)
    tools.call(["mkfs.vfat", "--invariant", "-F", "32", "-n", "bootfs", "-i", f"{identity.number:08x}", to])
    tops = sorted(path for path in folder.iterdir())
    quiet = {"MTOOLS_SKIP_CHECK": "1", "SOURCE_DATE_EPOCH": str(epoch)}
    tools.call(["mcopy", "-s", "-m", "-Q", "-i", to, *tops, "::/"], quiet)


def ext4(archive: Path, to: Path, identity: Identity, epoch: int, size: int) -> None:
    """An ext4 file system with what the tar file has, owners and all. Raises ConfigError or ToolError."""
    name = str(identity.file_system)
    make = [
        "mke2fs",
        "-q",
        "-F",
        "-t",
        "ext4",
        "-O",
        _FEATURES,
        "-b",
        "4096",
        "-m",
        "1",
        "-L",
        "rootfs",
        "-U",
        name,
    ]
    make += ["-E", f"hash_seed={name},lazy_itable_init=1"]
    time = {"E2FSPROGS_FAKE_TIME": str(epoch), "SOURCE_DATE_EPOCH": str(epoch)}
    if _may_read_tar():
        with contextlib.suppress(ToolError):  # built without libarchive, says its manual, it cannot
            tools.call([*make, "-d", archive, to, f"{size // 1024}k"], time)
            return
    tree = to.with_name("tree")
    make += ["-d", str(tree), str(to), f"{size // 1024}k"]
    tools.call([*_as_root(), "sh", "-c", _UNPACK, "unpack", tree, archive, *make], time)


def _may_read_tar() -> bool:
    """Whether this mke2fs may take a tar file: then nobody needs to be root to unpack it."""
    found = re.search(r"mke2fs (\d+)\.(\d+)\.(\d+)", tools.call(["sh", "-c", "mke2fs -V 2>&1"]))
    return found is not None and tuple(int(part) for part in found.groups()) >= _READS_TAR


def _as_root() -> list[str]:
    if os.geteuid() == 0:
        return []
    tools.require({"newuidmap": "uidmap", "unshare": "util-linux"}, "an image without root")
    return ["unshare", "--map-root-user", "--map-auto", "--"]


def image(boot: Path, root: Path, to: Path, identity: Identity) -> None:
    """Both partitions in one file, with the table before them; empty blocks take no room on the disk."""
    sizes = [boot.stat().st_size, root.stat().st_size]
    with to.open("wb") as file:
        file.truncate(START + sum(sizes))
    rows = [
        f"start={START // 512}, size={sizes[0] // 512}, type=c, bootable",
        f"start={(START + sizes[0]) // 512}, size={sizes[1] // 512}, type=83",
    ]
    table = "\n".join(["label: dos", f"label-id: {identity.number:#010x}", "unit: sectors", *rows, ""])
    tools.call(["sfdisk", "--quiet", to], text=table)
    _copy(boot, to, START)
    _copy(root, to, START + sizes[0])


def _copy(source: Path, to: Path, offset: int) -> None:
    """Only what the file system has written: the rest of its file is a hole, and stays one."""
    with source.open("rb") as old, to.open("r+b") as new:
        end = os.fstat(old.fileno()).st_size
        while (start := _next_data(old.fileno(), old.tell())) < end:
            old.seek(start)
            new.seek(offset + start)
            new.write(old.read(MIB))


def _next_data(file: int, at: int) -> int:
    """Where the next bytes are that are no hole; the end when there are none."""
    try:
        return os.lseek(file, at, os.SEEK_DATA)
    except OSError:
        return os.fstat(file).st_size
