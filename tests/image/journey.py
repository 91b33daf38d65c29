"""What an image goes through: three boots with a power cut on `virt`, and a boot on `raspi3b`."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.__main__ import main
from tests.brokers import free_port, mosquitto
from tests.deploy.image.disks import Disk, called
from tests.image.guest import Guest
from tests.image.listener import Listener
from tests.image.machine import BootFiles, raspi3b, virt

DEVICE = "emulated"
CARD = 4 * 2**30  # an SD card's size is a power of two, says QEMU's controller
BOOT_S = 1800.0
RECORDS_S = 600.0
Say = Callable[[str], None]
# QEMU shows its guests this computer's loopback there.
HOST_SEEN_FROM_GUEST = "10.0.2.2"
_CONFIG = """\
[agent]
device = "{device}"
[source]
kind = "simulator"
[broker]
address = "{host}:{port}"
spread_s = 2.0
"""
# As Raspberry Pi Imager writes it over ours; without its `packages`, which would ask the network.
_USER_DATA = """\
#cloud-config
hostname: attic
manage_etc_hosts: true
user:
  name: me
  shell: /bin/bash
  lock_passwd: true
  ssh_authorized_keys:
    - "{key}"
  sudo: ALL=(ALL) NOPASSWD:ALL
ssh_pwauth: false
runcmd:
  - [ systemctl, enable, --now, ssh ]
"""
_NETWORK = """\
network:
  version: 2
  ethernets:
    eth0:
      dhcp4: true
      dhcp6: true
      optional: true
"""
_INSTANCE = "rpi-imager-1790000000000"


@dataclass
class Outcome:
    """What held, what did not, and the figures."""

    claims: list[tuple[str, bool]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def claim(self, what: str, holds: bool) -> None:
        """One thing that must be so."""
        self.claims.append((what, holds))


class Journey:
    """One image, in a folder that is kept."""

    def __init__(self, folder: Path, suite: str, say: Say) -> None:
        self.folder, self.suite, self.say = folder, suite, say
        self.outcome = Outcome()
        self.image = folder / "picanary.img"
        self.key = folder / "key"
        if not self.key.is_file():
            called("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", self.key)

    def build(self, broker_port: int) -> None:
        """The image, as a user would make it, with the simulator in place of a sensor."""
        config = self.folder / "edge.toml"
        config.write_text(_CONFIG.format(device=DEVICE, host=HOST_SEEN_FROM_GUEST, port=broker_port))
        words = ["image", self.image, "--suite", self.suite, "--rootfs", self.folder / f"{self.suite}.tar"]
        words += ["--config", config, "--ssh-key", self.key.with_suffix(".pub"), "--dht", "4"]
        began = time.monotonic()
        if main([str(word) for word in words]) != 0:
            raise RuntimeError("the image was not made")
        self.outcome.figures["image"] = {
            "made in s": round(time.monotonic() - began),
            "MiB": self.image.stat().st_size // 2**20,
            "MiB that are no holes": self.image.stat().st_blocks // 2048,
        }

    def card(self, name: str) -> Disk:
        """A card of its own with the image, larger than it, customised as Imager does it."""
        path = self.folder / name
        called("cp", "--sparse=always", self.image, path)
        os.truncate(path, CARD)
        disk = Disk(path)
        key = self.key.with_suffix(".pub").read_text().strip()
        seed = {
            "user-data": _USER_DATA.format(key=key),
            "meta-data": f"instance-id: {_INSTANCE}\n",
            "network-config": _NETWORK,
            "cmdline.txt": f"{disk.boot('cmdline.txt').strip()} ds=nocloud;i={_INSTANCE}",
        }
        for each, text in seed.items():
            file = self.folder / each
            file.write_text(text)
            called("mcopy", "-o", "-i", disk.fat, file, f"::/{each}")
        return disk

    def files(self, disk: Disk, tree: str) -> BootFiles:
        """Kernel and so on, out of the card's FAT partition."""
        place = self.folder / "boot"
        place.mkdir(exist_ok=True)
        return BootFiles.of(disk, place, tree)

    def on_virt(self) -> None:
        """First boot, second boot with a power cut, third boot; records reach a mosquitto here."""
        with mosquitto() as broker:
            self.build(broker.port)
            listener = Listener(broker.port, DEVICE)
            disk = self.card("card.img")
            files = self.files(disk, "bcm2711-rpi-4-b.dtb")
            try:
                first = self._boot("first boot", files, disk, listener, "installed", end="shutdown")
                second = self._boot("second boot", files, disk, listener, "login", end="power cut")
                third = self._boot("third boot", files, disk, listener, "login", end="shutdown")
            finally:
                listener.close()
            self._judge(first, second, third, listener)
            disk.check(self.folder)

    def _boot(
        self, name: str, files: BootFiles, disk: Disk, listener: Listener, mark: str, *, end: str
    ) -> dict[str, Any]:
        self.say(name)
        port = free_port()
        heard = listener.count()
        guest = Guest(port, self.key, "me")
        machine = virt(files, disk.image, port, self.folder / f"{name.replace(' ', '-')}.log").start()
        found: dict[str, Any] = {"marks": machine.reached}
        self.outcome.figures[name] = found  # as far as it came, whatever happens
        try:
            machine.wait(mark, BOOT_S)
            listener.wait(heard + 3 - listener.count(), RECORDS_S)
            found["three records after s"] = round(machine.age_s)
            guest.wait("cloud-init status | grep -v running", RECORDS_S)
            guest.wait("systemctl is-active picanary-edge", RECORDS_S)
            found |= guest.facts()
            machine.measure()
            found["QEMU MiB"] = machine.memory_mib
            if end == "shutdown":
                guest.say("sudo systemctl poweroff --no-block")
                machine.wait_off(300)
            else:
                listener.wait(2, RECORDS_S)
                self.say("power cut")
        finally:
            machine.cut_power()
        return found

    def _judge(
        self, first: dict[str, Any], second: dict[str, Any], third: dict[str, Any], heard: Listener
    ) -> None:
        claim = self.outcome.claim
        boots = (first, second, third)
        claim("the service runs after each boot", all(boot["state"] == "active" for boot in boots))
        claim("its exposure is 1.5 or better", all((boot["exposure"] or 10) <= 1.5 for boot in boots))
        claim("nothing failed", not any(boot["failed"] for boot in boots))
        claim("cloud-init has done its part", first["cloud-init"].startswith(("done", "degraded done")))
        claim("the name is the one of Imager", first["hostname"] == "attic")
        claim("the delivery is off the boot partition", first["boot partition"] == ["installed.txt"])
        claim("nobody has a password", all(boot["passwords"] == ["asked"] for boot in boots))
        claim("the root partition has grown", sum(map(int, first["root MiB"])) > 2800)
        claim("the identity stays", len({(boot["machine-id"], boot["host key"]) for boot in boots}) == 1)
        claim("the identity is not empty", bool(first["machine-id"] and first["host key"]))
        claim("no other Pi has its machine id", "a machine id by chance" in first["marks"])
        claim("the release stays", len({boot["release"] for boot in boots}) == 1)
        # numbers may have been given that the power cut took: the journal begins anew
        claim("the power cut, and it alone, began a new epoch", len(heard.records) == 2)
        self.outcome.figures["records"] = {"came": heard.count(), "missing": heard.missing()}
        claim("no record is missing between the first and the last", heard.missing() == 0)

    def on_raspi3b(self) -> None:
        """From an emulated SD card, through the installation, to records at a mosquitto here."""
        with mosquitto() as broker:
            self.build(broker.port)
            listener = Listener(broker.port, DEVICE)
            disk = self.card("raspi3b.img")
            files = self.files(disk, "bcm2837-rpi-3-b.dtb")
            self.say("first boot on raspi3b")
            port = free_port()
            machine = raspi3b(files, disk.image, port, self.folder / "raspi3b.log").start()
            found: dict[str, Any] = {"marks": machine.reached}
            self.outcome.figures["raspi3b"] = found  # as far as it came, whatever happens
            try:
                machine.wait("installed", 2 * BOOT_S)
                listener.wait(3 - listener.count(), RECORDS_S)
                found["three records after s"] = round(machine.age_s)
                guest = Guest(port, self.key, "me")
                guest.wait("cloud-init status | grep -v running", RECORDS_S)
                found |= guest.facts()
            finally:
                machine.measure()
                machine.cut_power()
                listener.close()
                found["QEMU MiB"] = machine.memory_mib
        claim = self.outcome.claim
        claim("a Pi 3 boots from its SD card and installs", found["model"].startswith("Raspberry Pi 3"))
        claim("its records arrive, and none is missing", listener.missing() == 0)
        claim("nothing failed on it", (found["state"], found["failed"]) == ("active", ""))

    def clean(self) -> None:
        """The cards go; the image, Debian's part and the logs stay."""
        for name in ("card.img", "raspi3b.img"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / "boot", ignore_errors=True)
        for left in self.folder.glob("part*"):
            left.unlink()


def version() -> str:
    """QEMU's own word."""
    return subprocess.run(
        ["qemu-system-aarch64", "--version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
