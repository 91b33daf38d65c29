"""An emulated Pi from its start to its end, and orders for it: QEMU, with time counted in instructions."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.pi.image import Image

# Four virtual nanoseconds an instruction, and no waiting for the host: pulses of 26 and 70 µs have their
# length however busy the host is, and whoever sleeps there takes no time here.
CLOCK = ("-icount", "shift=2,sleep=off")
PATIENCE_S = 600.0
END_OF_ANSWER = "\x04"


class PiError(Exception):
    """The emulated Pi did not do what it was told."""


@dataclass
class Pi:
    """One that runs."""

    process: subprocess.Popen[bytes]
    console: Path
    orders: socket.socket
    answers: IO[str]

    def order(self, line: str) -> str:
        """What a line of shell says there. Raises PiError when it fails, or takes too long."""
        status, said = self.attempt(line)
        if status:
            raise PiError(f"{line}\nended with {status}:\n{said}\n{self._last()}")
        return said

    def attempt(self, line: str) -> tuple[int, str]:
        """The same, with its exit status, whatever that is."""
        said: list[str] = []
        try:
            self.orders.sendall(f"{line}\n".encode())
            for answer in self.answers:
                text, end, status = answer.partition(END_OF_ANSWER)
                said.append(text)
                if end:
                    return int(status), "".join(said)
        except OSError as error:
            raise PiError(f"{line}\nwas not answered: {error}\n{self._last()}") from error
        raise PiError(f"{line}\nwas not answered: the emulated Pi has stopped\n{self._last()}")

    def measure(self, *pairs: tuple[float, float], fault: str = "none", count: int = -1) -> int:
        """Let the sensor measure these (°C, %), one at each reading of the agent's, and time leap so far.

        So many answers from the first of these on have the fault; -1: all. It begins just after a reading,
        so none comes between; two seconds more at the end are for the agent's publisher. Returns how many
        answers the sensor has given then.
        """
        words = " ".join(f"{_tenths(t)},{_tenths(h)}" for t, h in pairs)
        act = f"pace leaping; measure {fault} {count} {words}; sleep 2; pace even"
        return int(self.order(f"{act}; cat $sensor/answers"))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing happens there meanwhile, and no time passes."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def answers_given(self) -> int:
        """How often somebody has asked the sensor."""
        return int(self.order("cat $sensor/answers"))

    def _last(self) -> str:
        lines = self.console.read_text(errors="replace").splitlines() if self.console.exists() else []
        return "\n".join(["its console:", *lines[-20:]])


def _tenths(value: float) -> int:
    return round(10 * value)


@contextmanager
def running(image: Image, programs: Path, folder: Path) -> Iterator[Pi]:
    """A Pi from its first instruction to its end; `programs` is the disk at /opt/picanary.

    Its disks stay as they are: what it writes is gone with it.
    """
    path, console = folder / "orders", folder / "console"
    with (folder / "qemu.log").open("wb") as log:
        process = subprocess.Popen(
            [*_command(image, programs), *_ports(path, console)],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        with (
            _connected(path, process, folder / "qemu.log") as orders,
            orders.makefile("r", errors="replace") as answers,
        ):
            pi = Pi(process, console, orders, answers)
            if answers.readline() != "ready\n":
                raise PiError(f"it did not start\n{pi._last()}")
            yield pi
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _command(image: Image, programs: Path) -> list[str]:
    disks = [
        word
        for name, file in (("root", image.root), ("programs", programs))
        for word in (
            *("-drive", f"if=none,id={name},file={file},format=raw,snapshot=on"),
            *("-device", f"virtio-blk-pci,drive={name}"),
        )
    ]
    kernel = ["-kernel", str(image.vmlinuz), "-initrd", str(image.initrd)]
    network = ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="]
    machine = ["-M", "virt,gic-version=2", "-cpu", "cortex-a72", "-smp", "1", "-m", "768", *CLOCK]
    screen = [
        "-nodefaults",
        "-display",
        "none",
        "-no-reboot",
        "-append",
        "console=ttyAMA0 loglevel=4 quiet panic=-1",
    ]
    random = ["-device", "virtio-rng-pci"]
    return ["qemu-system-aarch64", *machine, *kernel, *disks, *network, *random, *screen]


def _ports(path: Path, console: Path) -> list[str]:
    port = f"socket,id=orders,path={path},server=on,wait=on"
    orders = ["-chardev", port, "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=orders"]
    return [*orders, "-serial", f"file:{console}"]


@contextmanager
def _connected(path: Path, process: subprocess.Popen[bytes], log: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as orders:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                orders.connect(str(path))
                break
            except OSError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise PiError(f"QEMU did not start: {log.read_text()}") from error
                time.sleep(0.05)
        orders.settimeout(PATIENCE_S)
        yield orders
