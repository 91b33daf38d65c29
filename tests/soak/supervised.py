"""A process of the product as a service manager keeps it: started again when it ends, and watched."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.edge.test_agent import ROOT

RESTART = 75  # "start me again", as the unit of systemd understands it
PATIENCE_S = 20.0
LOADING_S = 30.0  # so long a busy machine may take to load the modules
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Life:
    """One process from its start to its end, with what was measured of it."""

    pid: int
    samples: list[tuple[float, float, int]] = field(default_factory=list)  # s since start, MiB, descriptors


def heeds(pid: int) -> bool:
    """Whether that process has put a handler of its own to SIGTERM."""
    try:
        told = (Path("/proc") / str(pid) / "status").read_text()
    except OSError:
        return True
    caught = next(line.split()[1] for line in told.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


class Supervised:
    """`look` is to be called often. `surprises` are the sentences that nobody should have to read."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name, self.log = name, log
        self.lives: list[Life] = []
        self.surprises: list[str] = []
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    @property
    def running(self) -> bool:
        """Whether it is meant to be there."""
        return self._process is not None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is not None:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._started = time.monotonic()
        self.lives.append(Life(self._process.pid))

    def kill(self) -> None:
        """As a power cut would end it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def terminate(self, within_s: float, loading_s: float = LOADING_S) -> None:
        """As a service manager ends it; more than `within_s`, or another status than 0, is a surprise.

        One that is younger than `loading_s` and still loads its modules ends by the signal itself: in order,
        as systemd counts it.
        """
        if self._process is None:
            return None
        began = time.monotonic()
        loads = began - self._started < loading_s and not heeds(self._process.pid)
        in_order = (0, RESTART, -signal.SIGTERM) if loads else (0, RESTART)
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.surprises.append(f"{self.name} did not end on SIGTERM within {PATIENCE_S:g} s")
            return self.kill()
        took_s = time.monotonic() - began
        self._process = None
        if took_s > within_s:
            self.surprises.append(f"{self.name} took {took_s:.1f} s to end on SIGTERM, not {within_s:g} s")
        if status not in in_order:
            self.surprises.append(f"{self.name} ended on SIGTERM with status {status}")
        return None

    def look(self) -> None:
        """Start it again if it has ended; no end but one that was asked for is in order."""
        if self._process is None or (status := self._process.poll()) is None:
            return
        self._process = None
        if status != RESTART:
            self.surprises.append(f"{self.name} ended by itself with status {status}: see {self.log.name}")
        self.start()

    def measure(self) -> None:
        """Note resident memory and open descriptors."""
        if self._process is None:
            return
        about = Path("/proc") / str(self._process.pid)
        try:
            pages = int((about / "statm").read_text().split()[1])
            descriptors = sum(1 for _ in (about / "fd").iterdir())
        except (OSError, IndexError):
            return  # it has just ended
        at_s = time.monotonic() - self._started
        self.lives[-1].samples.append((at_s, pages * PAGE_BYTES / 2**20, descriptors))
