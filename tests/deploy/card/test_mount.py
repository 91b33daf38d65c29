"""Whether a card has booted, and whether it is FAT, as Linux tells of a mounted partition."""

from pathlib import Path

import pytest

from deploy.card.boot_partition import boot_partition
from deploy.card.mount import mount_of
from edge.errors import ConfigError
from tests.deploy.card import cards

CARD = 62_333_952  # sectors: 32 GB
BOOT, ROOT_START = (16_384, 1_048_576), 1_064_960


def _machine(folder: Path, mounted: Path, kind: str, root_sectors: int) -> Path:
    """/proc and /sys of a machine with a card in it, whose first partition is mounted."""
    disk = folder / "sys/devices/block/sdb"
    for name, number, start, size in (("sdb1", 1, *BOOT), ("sdb2", 2, ROOT_START, root_sectors)):
        (disk / name).mkdir(parents=True)
        for file, value in {"partition": number, "start": start, "size": size}.items():
            (disk / name / file).write_text(f"{value}\n")
    (disk / "size").write_text(f"{CARD}\n")
    (folder / "sys/dev/block").mkdir(parents=True)
    (folder / "sys/dev/block/8:17").symlink_to(disk / "sdb1")
    (folder / "proc/self").mkdir(parents=True)
    place = str(mounted).replace(" ", "\\040")
    line = f"36 25 8:17 / {place} rw,nosuid shared:1 - {kind} /dev/sdb1 rw,uid=1000\n"
    (folder / "proc/self/mountinfo").write_text(f"25 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n{line}")
    return folder


def test_a_card_whose_last_partition_was_stretched_has_booted(tmp_path: Path) -> None:
    folder = cards.trixie(tmp_path / "my card" / "bootfs")
    root = _machine(tmp_path / "machine", folder, "vfat", CARD - ROOT_START)
    with pytest.raises(ConfigError, match="stretched"):
        boot_partition(folder, root).require_fresh()


def test_a_card_as_the_image_left_it_is_fresh(tmp_path: Path) -> None:
    folder = cards.trixie(tmp_path / "my card" / "bootfs")
    root = _machine(tmp_path / "machine", folder, "vfat", 4_800_000)
    boot_partition(folder, root).require_fresh()


def test_what_is_mounted_and_is_no_fat_is_refused(tmp_path: Path) -> None:
    folder = cards.trixie(tmp_path / "bootfs")
    with pytest.raises(ConfigError, match="boots from FAT"):
        boot_partition(folder, _machine(tmp_path / "machine", folder, "ext4", 4_800_000))


def test_a_folder_that_is_no_mount_is_none(tmp_path: Path) -> None:
    assert mount_of(tmp_path) is None
    assert mount_of(tmp_path, tmp_path / "no Linux") is None


def test_this_machines_own_root_is_found() -> None:
    assert mount_of(Path("/")) is not None
