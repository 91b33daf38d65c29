"""A computer that QEMU plays: it boots an image's own kernel, and its console tells when it came how far."""

import os
import re
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.image.disks import Disk, called

# What is told from a boot, and by which line of the console.
MARKS = {
    "kernel": r"Linux version",
    "a machine id by chance": r"Initializing machine ID from random generator",
    "systemd": r"systemd\[1\]: systemd \d|Welcome to",
    "cloud-init, users and network": r"Cloud-init v\. \S+ running 'init'",
    "installing": r"picanary: installing",
    "installed": r"picanary: installed",
    "not installed": r"picanary: not installed",
    "login": r"login:",
    "cloud-init is done": r"Cloud-init v\. \S+ finished",
    "panic": r"Kernel panic|emergency mode|Give root password",
}


class NotReachedError(Exception):
    """The machine did not come so far."""


@dataclass(frozen=True, slots=True)
class BootFiles:
    """What the Pi's firmware would have loaded from the FAT partition: QEMU has no such firmware."""

    kernel: Path
    initrd: Path
    tree: Path
    words: str

    @classmethod
    def of(cls, disk: Disk, folder: Path, tree: str) -> "BootFiles":
        """Copied out of the image, as config.txt names them."""
        named = dict(re.findall(r"(?m)^(kernel|initramfs)[= ](\S+)$", disk.boot("config.txt")))
        files = []
        for name in (named["kernel"], named["initramfs"], tree):
            called("mcopy", "-o", "-i", disk.fat, f"::/{name}", folder / name)
            files.append(folder / name)
        words = [word for word in disk.boot("cmdline.txt").split() if not word.startswith("console=")]
        return cls(files[0], files[1], files[2], " ".join(words))


@dataclass
class Machine:
    """One boot, from power on to power off. Times are seconds since power on."""

    arguments: Sequence[str]
    log: Path
    reached: dict[str, float] = field(default_factory=dict)
    memory_mib: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Machine":
        """Power on."""
        self._began = time.monotonic()
        command = ["qemu-system-aarch64", *self.arguments, "-nographic", "-no-reboot"]
        # what -nographic has of modules, for displays and sound, is not installed, and not wanted
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.log.with_suffix(".pid").write_text(str(self._process.pid))
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def _listen(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        rest = b""
        with self.log.open("wb") as log:
            # by pieces, not by lines: the login prompt ends in none
            while piece := os.read(self._process.stdout.fileno(), 2**16):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    log.write(b"%8.1f  %s\n" % (self.age_s, line))
                log.flush()
                for line in (*lines, rest):
                    self._look(line.decode("utf-8", "replace"))

    def _look(self, text: str) -> None:
        for name, pattern in MARKS.items():
            if name not in self.reached and re.search(pattern, text):
                self.reached[name] = round(self.age_s, 1)

    @property
    def age_s(self) -> float:
        """Since power on."""
        return time.monotonic() - self._began

    def wait(self, mark: str, within_s: float, but: str = "panic") -> float:
        """When it was reached. Raises NotReachedError, with the console's last lines."""
        while mark not in self.reached:
            self.measure()
            if but in self.reached or self.age_s > within_s or not self.runs():
                last = self.log.read_text(errors="replace").splitlines()[-12:]
                raise NotReachedError(f"{mark!r} not reached in {self.age_s:.0f} s:\n" + "\n".join(last))
            time.sleep(1)
        return self.reached[mark]

    def measure(self) -> None:
        """The most memory that QEMU has taken on this computer."""
        if self._process is not None and self.runs():
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            found = re.search(r"VmHWM:\s+(\d+)", status)
            self.memory_mib = max(self.memory_mib, int(found[1]) // 1024 if found else 0)

    def runs(self) -> bool:
        """Whether the power is on."""
        return self._process is not None and self._process.poll() is None

    def wait_off(self, within_s: float) -> None:
        """Until it has shut down. Raises NotReachedError."""
        assert self._process is not None
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired as error:
            raise NotReachedError(f"not off after {within_s:.0f} s") from error

    def cut_power(self) -> None:
        """At once, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def virt(files: BootFiles, disk: Path, ssh_port: int, log: Path) -> Machine:
    """QEMU's own machine: as fast as emulation gets, with a disk and a network that Debian's kernel knows."""
    return Machine(
        [
            *("-M", "virt,gic-version=2", "-cpu", "cortex-a72", "-m", "1024"),
            *("-smp", str(min(2, os.cpu_count() or 1)), "-accel", "tcg,thread=multi"),
            *("-drive", f"if=none,id=card,file={disk},format=raw", "-device", "virtio-blk-pci,drive=card"),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{ssh_port}-:22"),
            *("-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci"),
            *("-kernel", str(files.kernel), "-initrd", str(files.initrd)),
            *("-append", f"{files.words} console=ttyAMA0"),
        ],
        log,
    )


def raspi3b(files: BootFiles, disk: Path, ssh_port: int, log: Path) -> Machine:
    """A Raspberry Pi 3 as QEMU knows it: its SD controller, its USB, its first serial port.

    That port is Bluetooth's in the device tree, so that the kernel speaks there, but nobody asks for a login.
    """
    return Machine(
        [
            *("-M", "raspi3b", "-accel", "tcg,thread=multi", "-dtb", str(files.tree)),
            *("-drive", f"if=sd,file={disk},format=raw"),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{ssh_port}-:22"),
            *("-device", "usb-net,netdev=net"),
            *("-kernel", str(files.kernel), "-initrd", str(files.initrd)),
            # QEMU has no fast interrupts for the USB host; its serial port is the one of the first Pis
            *("-append", f"{files.words} console=ttyAMA0,115200 dwc_otg.fiq_fsm_enable=0"),
        ],
        log,
    )
