"""A whole agent with its journal in a folder, and what stands there."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.brokers import Broker
from tests.edge.faults.proxy import Proxy
from tests.edge.test_agent import DEADLINE_S, ROOT


@contextmanager
def agent(
    folder: Path, broker: Broker | Proxy, speed: float = 500.0, *flags: str, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """A simulated room with its journal in `folder`, and its words in a file beside it."""
    command = [sys.executable, "-m", "edge", "--device", "cellar", "--journal", str(folder / "journal.db")]
    source = ["--source", "simulator", "--bundle", "none", "--speed", str(speed), "--commit-s", "0.2"]
    where = ["--broker", f"{broker.host}:{broker.port}", *flags]
    with (folder.parent / "agent.log").open("a") as log:
        process = subprocess.Popen(
            ["env", *(f"{k}={v}" for k, v in environment.items()), *command, *source, *where],
            cwd=ROOT,
            stderr=log,
            text=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def numbers(path: Path) -> list[int]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        try:
            return [seq for (seq,) in database.execute("select seq from records order by seq")]
        except sqlite3.OperationalError:
            return []
