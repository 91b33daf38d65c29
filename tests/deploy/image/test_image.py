"""`python -m deploy image` with a Debian of a few files; what comes out, sfdisk, mtools and debugfs read."""

import hashlib
import json
import lzma
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.card.cloud_config import parsed
from deploy.image import command, packing, tools
from tests.deploy.image.disks import Disk, called, table
from tests.deploy.image.small_debian import small_debian

MISSING = [package for name, package in tools.DISKS.items() if not tools.there(name)]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"apt-get install {' '.join(MISSING)}")
EPOCH = 1_790_000_000
FLAGS = (
    "--dht",
    "4",
    "--i2c",
    "bme280,addr=0x77",
    "--wifi",
    "shed",
    "--country",
    "DE",
    "--hostname",
    "cellar",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, wheel: Path, house: Path) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("image")
    debian = small_debian(place / "debian.tar")
    key = place / "me.pub"
    key.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm me\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "SLACK", 64 * 2**20)  # less to hash and to pack
        patch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
        common = ("--rootfs", debian, "--wheel", wheel, "--wheelhouse", house, "--ssh-key", key, *FLAGS)
        assert main(["image", str(place / "out.img"), *map(str, common)]) == 0
    yield place
    shutil.rmtree(place)  # gigabytes, if not all of it in real blocks


@pytest.fixture(scope="module")
def disk(folder: Path) -> Disk:
    return Disk(folder / "out.img")


def test_the_table_has_a_boot_and_a_root_partition_that_fill_the_image(disk: Disk) -> None:
    found = table(disk.image)
    boot, root = found["partitions"]
    assert (found["label"], boot["type"], boot["bootable"], root["type"]) == ("dos", "c", True, "83")
    assert boot["start"] * 512 == 8 * 2**20
    assert boot["size"] * 512 == 512 * 2**20
    assert root["start"] == boot["start"] + boot["size"]
    assert (root["start"] + root["size"]) * 512 == disk.image.stat().st_size


def test_both_file_systems_are_sound(disk: Disk, tmp_path: Path) -> None:
    disk.check(tmp_path)


def test_the_boot_partition_has_what_a_pi_3_and_4_boot_from_and_nothing_for_others(disk: Disk) -> None:
    names = disk.boot_names()
    wanted = {
        "bootcode.bin",
        "start4.elf",
        "bcm2837-rpi-3-b.dtb",
        "bcm2711-rpi-4-b.dtb",
        "overlays/dht11.dtbo",
    }
    assert wanted <= names
    assert {"vmlinuz-6.12.107+deb13-arm64", "initrd.img-6.12.107+deb13-arm64"} <= names
    assert "bcm2712-rpi-5-b.dtb" not in names


def test_the_boot_partition_carries_what_a_card_would(disk: Disk, wheel: Path) -> None:
    names = disk.boot_names()
    assert {
        "picanary/first-boot.sh",
        "picanary/install.sh",
        "picanary/settings",
        "picanary/edge.toml",
    } <= names
    assert f"picanary/wheels/{wheel.name}" in names
    brought = {name for name in names if name.startswith("picanary/wheels/") and "numpy" in name}
    assert brought and all("cp313" in name and "aarch64" in name for name in brought)
    assert "hostname=cellar" in disk.boot("picanary/settings")


def test_the_kernel_finds_its_root_by_the_number_of_this_image(disk: Disk) -> None:
    number = table(disk.image)["id"].removeprefix("0x")
    words = disk.boot("cmdline.txt").split()
    assert f"root=PARTUUID={number}-02" in words
    assert "cfg80211.ieee80211_regdom=DE" in words
    assert not [word for word in words if word.startswith("cma=") or "mmcblk" in word]
    mounts = [line.split()[:2] for line in disk.root("etc/fstab").splitlines()]
    assert mounts == [[f"PARTUUID={number}-02", "/"], [f"PARTUUID={number}-01", "/boot/firmware"]]


def test_debians_next_kernel_finds_the_sensors_and_words_again(disk: Disk) -> None:
    config = disk.boot("config.txt")
    sensors = disk.root("etc/default/raspi-firmware-custom")
    assert {"dtoverlay=dht11,gpiopin=4", "dtoverlay=i2c-sensor,bme280,addr=0x77"} <= set(sensors.splitlines())
    assert config.rstrip().endswith(sensors.strip())
    assert disk.root("etc/default/raspi-extra-cmdline") == "cfg80211.ieee80211_regdom=DE\n"
    line = re.search(r'ROOTPART="(.*)"', disk.root("etc/default/raspi-firmware"))
    assert line and f"root={line[1]}" in disk.boot("cmdline.txt").split()


def test_cloud_init_finds_its_seed_where_imager_writes_it(disk: Disk) -> None:
    assert {"user-data", "meta-data", "network-config"} <= disk.boot_names()
    said = parsed(disk.boot("user-data"))
    assert said["hostname"] == "cellar"
    assert "passw" not in str({key: value for key, value in said.items() if key != "ssh_pwauth"})
    assert said["ssh_pwauth"] is False
    assert "seedfrom: file:///boot/firmware/\n" in disk.root("etc/cloud/cloud.cfg.d/99_picanary.cfg")
    for unit in ("cloud-init-local", "cloud-init-main"):
        path = f"etc/systemd/system/{unit}.service.d/seed.conf"
        assert "RequiresMountsFor=/boot/firmware" in disk.root(path)


def test_the_first_boot_needs_no_user_data_which_imager_writes_over(disk: Disk) -> None:
    assert "picanary" not in disk.boot("user-data").replace("picanary-image", "")
    link = disk.inode("etc/systemd/system/multi-user.target.wants/picanary-first-boot.service")
    assert 'Fast link dest: "/etc/systemd/system/picanary-first-boot.service"' in link or "Size: 52" in link
    unit = disk.root("etc/systemd/system/picanary-first-boot.service")
    assert "ExecStart=/bin/sh /boot/firmware/picanary/first-boot.sh" in unit


def test_nothing_is_the_same_on_every_pi(disk: Disk) -> None:
    assert "ssh_host" not in disk.ask("ls -p /etc/ssh")
    assert "sshd_config" in disk.ask("ls -p /etc/ssh")
    assert disk.root("etc/machine-id") == ""
    # else systemd would take that one for all of them
    assert "machine-id" not in disk.ask("ls -p /var/lib/dbus")
    assert "README" in disk.ask("ls -p /var/lib/dbus")
    assert disk.root("etc/hostname") == "cellar\n"
    assert disk.root("etc/resolv.conf") == ""


def test_owners_modes_links_and_capabilities_are_debians(disk: Disk) -> None:
    assert re.search(r"Mode: +04755 ", disk.inode("usr/bin/sudo"))
    assert re.search(r"User: +1000 +Group: +1000 ", disk.inode("home/pi/notes"))
    assert re.search(r"User: +0 +Group: +0 ", disk.inode("usr/bin/sudo"))
    assert re.search(r"Mode: +01777 ", disk.inode("tmp"))
    assert "Links: 2" in disk.inode("usr/bin/ping")
    assert "security.capability" in disk.ask("ea_list /usr/bin/ping")
    assert 'Fast link dest: "usr/bin"' in disk.inode("bin")
    assert re.search(r"Mode: +0600 ", disk.inode("etc/netplan/00-picanary.yaml"))


def test_no_file_has_a_time_later_than_the_images_own(disk: Disk) -> None:
    for name in ("usr/bin/dash", "etc/fstab", "etc/.updated", "var/.updated"):
        told = disk.inode(name)
        assert int(re.search(r"mtime: 0x([0-9a-f]+)", told)[1], 16) == EPOCH  # type: ignore[index]


def test_imager_is_told_what_it_needs_to_ask_for_user_and_network(disk: Disk, folder: Path) -> None:
    document = json.loads((folder / "out.rpi-imager-manifest").read_text())
    (entry,) = document["os_list"]
    # what Imager's own doc/json-schema/os-list-schema.json requires of an entry, and of a board
    required = (
        "name description icon url extract_size extract_sha256 image_download_size release_date devices"
    )
    assert set(required.split()) <= entry.keys()
    assert entry["init_format"] == "cloudinit"
    assert entry["url"] == disk.image.resolve().as_uri()
    assert entry["extract_size"] == entry["image_download_size"] == disk.image.stat().st_size
    with disk.image.open("rb") as file:
        assert entry["extract_sha256"] == hashlib.file_digest(file, "sha256").hexdigest()
    assert entry["release_date"] == "2026-09-21"
    boards = document["imager"]["devices"]
    assert all({"name", "description", "tags"} <= board.keys() for board in boards)
    assert {tag for board in boards for tag in board["tags"]} == set(entry["devices"])


def test_an_image_with_secrets_is_for_its_owner_alone(disk: Disk) -> None:
    assert "picanary/secret/picanary.nmconnection" in disk.boot_names()
    assert disk.image.stat().st_mode & 0o777 == 0o600


def test_an_image_can_be_packed_by_xz_too(tmp_path: Path) -> None:
    image = tmp_path / "out.img"
    image.write_bytes(b"picanary" * 2**17)
    packed = packing.packed(image, "xz")
    assert packed == tmp_path / "out.img.xz"
    assert not image.exists()
    assert lzma.decompress(packed.read_bytes()) == b"picanary" * 2**17


def test_packed_it_unpacks_to_what_the_manifest_says_and_the_same_inputs_give_the_same_boot_partition(
    disk: Disk, folder: Path, tmp_path: Path, wheel: Path, house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "SLACK", 64 * 2**20)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    out = tmp_path / "out.img"
    words = ("--rootfs", folder / "debian.tar", "--wheel", wheel, "--wheelhouse", house)
    words += ("--ssh-key", folder / "me.pub", *FLAGS, "--compress", "zstd")
    assert main(["image", str(out), *map(str, words)]) == 0
    packed = tmp_path / "out.img.zst"
    assert not out.exists()
    (entry,) = json.loads((tmp_path / "out.rpi-imager-manifest").read_text())["os_list"]
    assert entry["url"] == packed.resolve().as_uri()
    assert entry["image_download_size"] == packed.stat().st_size < entry["extract_size"] // 10
    called("zstd", "-q", "-d", "--sparse", packed)
    with out.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == entry["extract_sha256"]
    assert out.stat().st_size == entry["extract_size"]
    assert _up_to_the_root(out) == _up_to_the_root(disk.image)


def _up_to_the_root(image: Path) -> str:
    """The digest of the table and the boot partition."""
    boot = table(image)["partitions"][0]
    with image.open("rb") as file:
        return hashlib.sha256(file.read((boot["start"] + boot["size"]) * 512)).hexdigest()
