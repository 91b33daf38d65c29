"""What a process and its children cost, as the kernel counts it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.workplace import ROOT, environment

TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a process with all that it has started and that still runs."""

    resident: int  # bytes
    cpu_s: float  # that of children which have ended included
    written: int  # bytes that the file system was given to write


@contextmanager
def started(command: list[str], **more: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that ends with the block, with its children."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL, start_new_session=True, **more
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)


def usage(pid: int) -> Usage:
    """As it is now. Raises OSError when the process is gone."""
    resident, ticks, written = 0, 0, 0
    for each in family(pid):
        folder = Path(f"/proc/{each}")
        try:
            resident += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            ticks += sum(map(int, _stat(each)[11:15]))
            counts = dict(line.split(": ") for line in (folder / "io").read_text().splitlines())
            written += int(counts["write_bytes"])
        except OSError:
            if each == pid:
                raise
    return Usage(resident, ticks * TICK_S, written)


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents.setdefault(int(_stat(int(path.name))[1]), []).append(int(path.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields from the third on: what comes before may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
