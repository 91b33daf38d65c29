"""What systemd hears, at a real socket as systemd makes one."""

import os
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.notify import ServiceManager, Watchdog


@pytest.fixture
def end(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(end: socket.socket) -> list[str]:
    messages = []
    try:
        while True:
            messages.append(end.recv(4096).decode())
    except BlockingIOError:
        return messages


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), **more}


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_beginning_and_the_end_are_told(tmp_path: Path, end: socket.socket) -> None:
    manager = ServiceManager(environment(tmp_path))
    manager.ready("device cellar")
    manager.reloading()
    manager.stopping()
    ready, reloading, stopping = heard(end)
    assert ready.split("\n") == ["READY=1", "STATUS=device cellar"]
    assert reloading.split("\n")[0] == "RELOADING=1" and "MONOTONIC_USEC=" in reloading
    assert stopping == "STOPPING=1"


def test_an_abstract_socket_is_found_by_its_at_sign() -> None:
    name = f"picanary-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(10)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).stopping()
        assert listening.recv(100) == b"STOPPING=1"


def test_without_systemd_nothing_is_said_and_nothing_fails() -> None:
    manager = ServiceManager({})
    manager.ready("device cellar")
    Watchdog(manager, 10.0).kept()
    assert manager.watchdog_s == 0.0


def test_a_socket_that_is_gone_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ServiceManager(environment(tmp_path)).stopping()
    assert "systemd does not hear us" in caplog.text


def test_a_full_socket_stops_nothing(tmp_path: Path, end: socket.socket) -> None:
    manager = ServiceManager(environment(tmp_path))
    for _ in range(2000):  # nobody reads
        manager.tell("WATCHDOG=1")
    assert 0 < len(heard(end)) < 2000


def test_a_watchdog_that_is_for_another_process_is_not_fed() -> None:
    for pid, watched in ((str(os.getpid()), 30.0), ("1", 0.0)):
        assert ServiceManager({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": pid}).watchdog_s == watched


def test_a_watchdog_time_that_is_no_number_is_none() -> None:
    assert ServiceManager({"WATCHDOG_USEC": "soon"}).watchdog_s == 0.0


def test_a_sensor_that_hangs_does_not_feed(tmp_path: Path, end: socket.socket) -> None:
    hanging = [True]
    watchdog = Watchdog(
        ServiceManager(environment(tmp_path, WATCHDOG_USEC="300000000")), 10.0, lambda: hanging[0]
    )
    watchdog.kept()
    assert heard(end) == []
    hanging[0] = False
    watchdog.kept()
    assert heard(end) == ["WATCHDOG=1"]


def test_rare_readings_ask_systemd_for_patience(tmp_path: Path, end: socket.socket) -> None:
    manager = ServiceManager(environment(tmp_path, WATCHDOG_USEC="300000000"))
    Watchdog(manager, 10.0)
    assert heard(end) == []
    Watchdog(manager, 600.0)
    assert heard(end) == ["WATCHDOG_USEC=3000000000"]


@given(
    watchdog_s=st.integers(1, 3600),
    period_s=st.floats(0.1, 3600.0),
    jitter=st.lists(st.floats(0.0, 0.2), min_size=20, max_size=60),
)
def test_records_in_time_feed_at_least_twice_in_systemds_patience(
    watchdog_s: int, period_s: float, jitter: list[float]
) -> None:
    told: list[str] = []

    class Heard(ServiceManager):
        def tell(self, *assignments: str) -> None:
            told.extend(assignments)

    clock = Clock()
    watchdog = Watchdog(Heard({"WATCHDOG_USEC": str(watchdog_s * 10**6)}), period_s, lambda: False, clock)
    patience_s = float(watchdog_s)
    if told:
        patience_s = int(told.pop().removeprefix("WATCHDOG_USEC=")) / 1e6
    fed_s = []
    for late in jitter:
        watchdog.kept()
        if told:
            told.clear()
            fed_s.append(clock.now_s)
        clock.now_s += period_s * (1 + late)
    fed_s.append(clock.now_s)
    assert max(b - a for a, b in pairwise(fed_s)) <= patience_s / 2
