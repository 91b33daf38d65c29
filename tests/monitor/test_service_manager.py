"""A monitor under systemd: the socket that it is given, and what it says of itself."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from edge.errors import ConfigError
from monitor.server import inherited
from tests.brokers import Broker, mosquitto
from tests.monitor.running import PATIENCE_S, monitor

# systemd puts the socket at 3, and names the process that it is for
_ACTIVATED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "monitor", *sys.argv[2:]])
"""


@pytest.fixture
def broker() -> Iterator[Broker]:
    with mosquitto() as running:
        yield running


def test_the_socket_of_systemd_is_served_and_the_watchdog_fed(broker: Broker, tmp_path: Path) -> None:
    notices, given = tmp_path / "notify", socket.create_server(("127.0.0.1", 0))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, given:
        systemd.bind(str(notices))
        systemd.settimeout(PATIENCE_S)
        number = given.fileno()
        words = [
            "--listen",
            "systemd",
            "--broker",
            f"127.0.0.1:{broker.port}",
            "--store",
            str(tmp_path / "m.db"),
        ]
        process = subprocess.Popen(
            [sys.executable, "-c", _ACTIVATED, str(number), *words],
            pass_fds=(number,),
            env={**os.environ, "NOTIFY_SOCKET": str(notices), "WATCHDOG_USEC": "200000"},
            stdout=subprocess.DEVNULL,
        )
        try:
            heard = systemd.recv(4096)
            assert heard.startswith(b"READY=1\nSTATUS=the page: http://127.0.0.1:"), heard
            for _ in range(3):
                assert systemd.recv(4096) == b"WATCHDOG=1"
            port = given.getsockname()[1]
            assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_S).status_code == 200
            process.send_signal(signal.SIGTERM)
            while (heard := systemd.recv(4096)) == b"WATCHDOG=1":
                pass
            assert heard == b"STOPPING=1"
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    "environment", [{}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_FDS": "2", "LISTEN_PID": "ours"}]
)
def test_without_such_a_socket_it_says_so(environment: dict[str, str]) -> None:
    ours = {name: value.replace("ours", str(os.getpid())) for name, value in environment.items()}
    with pytest.raises(ConfigError, match="takes the one socket of a systemd socket unit, and there is none"):
        inherited(ours)


def test_a_thread_that_hangs_is_noticed(broker: Broker, tmp_path: Path) -> None:
    release = threading.Event()
    with monitor(broker, tmp_path / "m.db") as (made, client):
        assert client.get("/healthz").status_code == 200
        assert made.is_alive()
        loop = made.server._loop
        assert loop is not None
        loop.call_soon_threadsafe(release.wait)  # as a handler that never returns
        assert not made.server.comes_round(0.3)
        release.set()
        assert made.server.comes_round(PATIENCE_S)
        assert not made.ingest.comes_round(0.0)
        deadline = time.monotonic() + PATIENCE_S
        while not made.ingest.comes_round(5.0):
            assert time.monotonic() < deadline
    assert not made.ingest.comes_round(PATIENCE_S)  # its thread has ended
    assert not made.server.comes_round(PATIENCE_S)
