"""`python -m deploy rollout` as a program of its own, and what it says, line by line."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.brokers import Broker

ROOT = Path(__file__).parents[3]
DEADLINE_S = 120.0


class Rollout:
    """The process; its lines as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(json.loads(line))
                self._changed.notify_all()

    def of(self, what: str) -> list[dict[str, Any]]:
        return [line for line in list(self.lines) if line["what"] == what]

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, DEADLINE_S), self.lines[-10:]

    def wait_for(self, what: str, count: int = 1) -> dict[str, Any]:
        self.wait(lambda: len(self.of(what)) >= count)
        return self.of(what)[count - 1]

    def end(self) -> int:
        """The exit status, once it is over."""
        status = self.process.wait(DEADLINE_S)
        self._reader.join(10.0)
        assert self.process.stderr is not None
        self.complaint = self.process.stderr.read()
        return status

    def devices(self, what: str) -> list[str]:
        """To whom that happened, in order."""
        return [line["device"] for line in self.of(what)]


@contextmanager
def rollout(bundle: Path, broker: Broker | None, *flags: object) -> Iterator[Rollout]:
    """It runs; killed at the end, if it still does."""
    where = ["--broker", f"127.0.0.1:{broker.port}"] if broker else []
    words = [sys.executable, "-m", "deploy", "rollout", bundle, *where, "--json", *flags]
    process = subprocess.Popen(
        list(map(str, words)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield Rollout(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE_S)
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()
