"""Row 11: the broker's name cannot be looked up, or only slowly, or is that of another machine."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from tests.brokers import mosquitto
from tests.edge.faults.agents import until
from tests.edge.faults.journals import bodies, count
from tests.edge.faults.name_server import NameServer, name_server
from tests.edge.faults.network import asking, own_network
from tests.edge.test_agent import DEADLINE_S, ROOT, subscriber

PERIOD_S = 0.1
LOOK_UP_S = 4.0  # until the resolver gives up; its own default is ten


@contextmanager
def agent(folder: Path, port: int, look_up_s: float = LOOK_UP_S) -> Iterator[subprocess.Popen[bytes]]:
    """An agent whose broker is `broker.example.`, in a network with a name server of its own.

    With its last dot the name is whole: each try is one look-up.
    """
    config = folder / "edge.toml"
    config.write_text(f'[broker]\naddress = "broker.example.:{port}"\n[journal]\ncommit_s = 0.2\n')
    room = ["--source", "simulator", "--speed", str(10 / PERIOD_S), "--bundle", "none", "--device", "cellar"]
    command = [sys.executable, "-m", "edge", "--config", str(config), *room]
    process = subprocess.Popen(
        [*asking("127.0.0.1", look_up_s, folder), *command, "--journal", str(folder / "journal.db")],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(DEADLINE_S)


def next_look_up(names: NameServer, process: subprocess.Popen[bytes], *, after: int) -> None:
    """The agent has asked again, after so many times, and lives."""
    deadline = time.monotonic() + DEADLINE_S
    while len(names.asked) <= after:
        assert process.poll() is None
        assert time.monotonic() < deadline, names.asked
        time.sleep(0.02)


def test_row_11_names_that_fail_are_slow_or_wrong_delay_no_reading(tmp_path: Path) -> None:
    with (
        own_network(),
        name_server(None) as names,
        mosquitto() as broker,
        subscriber(broker) as heard,
        agent(tmp_path, broker.port) as process,
    ):
        next_look_up(names, process, after=0)
        for address in ("", "127.0.0.99", "192.0.2.1", "127.0.0.1"):
            before = len(names.asked)
            names.address = address
            next_look_up(names, process, after=before)
        heard.wait(lambda: len(heard.records()) > 0)
        kept = bodies(tmp_path / "journal.db")
        top = max(body["seq"] for body in kept)
        heard.wait(lambda: set(range(1, top + 1)) <= heard.records().keys())
        waits = [(b["mono_ms"] - a["mono_ms"]) / 1000.0 for a, b in pairwise(kept)]
        assert max(waits) < LOOK_UP_S - 1.0, "a look-up held up a reading"
        # no answer is one try, too; none comes sooner than a second after another
        assert all(later - one >= 1.0 for one, later in pairwise(names.asked)), names.asked


def test_row_11_an_agent_that_waits_for_a_name_ends_within_five_seconds(tmp_path: Path) -> None:
    with own_network(), name_server(None) as names, agent(tmp_path, 1883, 10.0) as process:
        next_look_up(names, process, after=0)
        until(lambda: count(tmp_path / "journal.db") > 0, "a first record")
        process.send_signal(signal.SIGTERM)
        assert process.wait(5.0) == 0
        assert count(tmp_path / "journal.db") > 0
