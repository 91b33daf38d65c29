"""A demo that a test starts as a user does: the command, in a folder, with its output kept."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.journal import Journal
from edge.message import decode
from tests.brokers import free_port

ROOT = Path(__file__).parents[1]
START_S = 300.0
PATIENCE_S = 60.0


@dataclass(slots=True)
class Demo:
    """A demo that runs, or ran, with `folder` as its working directory."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def said(self) -> str:
        """Its standard output so far."""
        return (self.folder / "said").read_text()

    @property
    def complained(self) -> str:
        """Its standard error so far."""
        return (self.folder / "complained").read_text()

    def wait_for(self, words: str) -> None:
        """Until it has said so."""
        until(lambda: words in self.said or self.process.poll() is not None, START_S)
        assert words in self.said, self.complained

    def figure(self, name: str) -> int:
        """A figure of its summary."""
        (found,) = re.findall(rf"^{name} +(\d+)", self.said, re.MULTILINE)
        return int(found)

    def records(self) -> list[dict[str, Any]]:
        """What the agent kept, when the demo is over."""
        journal = Journal(self.folder / "demo/journal.db")
        try:
            return [decode(body) for _, body in journal.after(0, 10**6, 10**9)]
        finally:
            journal.close()


@contextmanager
def running(folder: Path, *flags: str) -> Iterator[Demo]:
    """A demo on a free port, in a process group of its own as a shell would start it."""
    port = free_port()
    command = [sys.executable, "-m", "deploy", "demo", "--port", str(port), *flags]
    with (folder / "said").open("wb") as said, (folder / "complained").open("wb") as complained:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complained,
            process_group=0,
        )
    try:
        yield Demo(folder, port, process)
    finally:
        process.terminate()  # a demo that is killed cannot end its children
        process.wait(PATIENCE_S)


def until(done: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def left_over(folder: Path) -> list[str]:
    """Commands of processes that work in that folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder.resolve():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended meanwhile, or is not ours to look at
            continue
    return found
