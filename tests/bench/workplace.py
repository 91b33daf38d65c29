"""Where the bench works: a folder on a real disk, and a model that is trained when it is first asked for."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from tests.bench.machine import file_system

ROOT = Path(__file__).parents[2]


class Workplace:
    """One run of the bench."""

    def __init__(self, folder: Path, run: Path | None = None) -> None:
        """`run`: a training that is there already."""
        self.folder = folder
        self._given = run
        self.training_s = self.converting_s = 0.0

    @cached_property
    def run(self) -> Path:
        """A run of the trainer with its defaults."""
        if self._given is not None:
            return self._given
        self.training_s = wall_s("trainer", "--out", self.folder / "run")
        return self.folder / "run"

    @cached_property
    def bundle(self) -> Path:
        """The bundle of that run."""
        bundle = self.folder / "room.canary"
        self.converting_s = wall_s("convert", self.run, "--out", bundle)
        return bundle

    def fresh(self, name: str) -> Path:
        """A new folder."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))


def wall_s(*words: object) -> float:
    """Seconds that one of our commands takes. Raises CalledProcessError."""
    command = [sys.executable, "-m", *map(str, words)]
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=environment())
    return time.perf_counter() - start


def environment() -> dict[str, str]:
    """Ours, where Python keeps its compiled modules, as it does for any user."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def workplace(run: Path | None) -> Iterator[Workplace]:
    """A folder for the time of a bench; never in memory, since bytes on disk are counted."""
    temporary = Path(tempfile.gettempdir())
    on_disk = temporary if file_system(temporary)[0] != "tmpfs" else ROOT
    with tempfile.TemporaryDirectory(prefix="picanary-bench-", dir=on_disk) as name:
        yield Workplace(Path(name), run)
