"""Where a folder is mounted from, as Linux tells without root: which file system, and how the disk is cut."""

import os
from dataclasses import dataclass
from pathlib import Path

FAT = frozenset({"vfat", "msdos", "fuseblk"})  # fuseblk: a user-space driver, which does not say of what
_SECTOR = 512
_SLACK = 8 * 2**20  # images end on whole MiB, disks do not


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted partition; `grown` says whether the disk's last partition reaches its end (None: unknown)."""

    file_system: str
    grown: bool | None


def mount_of(folder: Path, root: Path = Path("/")) -> Mount | None:
    """What is mounted at that very folder; None for an ordinary folder, or where Linux is not."""
    try:
        lines = (root / "proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return None
    wanted = str(folder.resolve())
    for line in reversed(lines):
        fields, _, rest = line.partition(" - ")
        words = fields.split()
        # a blank in a path is written as an octal escape
        if words[4].encode().decode("unicode_escape") == wanted:
            return Mount(rest.split()[0], _grown(root / "sys/dev/block" / words[2]))
    return None


def _grown(partition: Path) -> bool | None:
    """Raspberry Pi OS ships an image of some GiB, and its first boot stretches the last partition."""
    try:
        disk = Path(os.path.realpath(partition)).parent
        size = int((disk / "size").read_text())
        parts = [path for path in disk.iterdir() if (path / "partition").is_file()]
        ends = [int((path / "start").read_text()) + int((path / "size").read_text()) for path in parts]
    except (OSError, ValueError):
        return None
    if len(ends) < 2:
        return None
    return (size - max(ends)) * _SECTOR < _SLACK
