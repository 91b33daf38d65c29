"""FAULTS.md 30 and 31: a sensor call that hangs, and a machine without a sensor."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.journal_reader import JournalReader
from tests.brokers import Broker, mosquitto
from tests.edge.test_agent import DEADLINE_S, ROOT, Subscriber, agent, subscriber

PERIOD_S = 0.2


class Systemd:
    """The end of the notify socket that systemd would hold."""

    def __init__(self, path: Path) -> None:
        self._end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._end.bind(str(path))
        self._end.settimeout(DEADLINE_S)

    def hears(self, word: str) -> None:
        """Waits for it."""
        while word not in self._end.recv(4096).decode().split("\n"):
            pass

    def heard(self) -> list[str]:
        """All that waits to be read now."""
        lines: list[str] = []
        self._end.setblocking(False)
        try:
            while True:
                lines += self._end.recv(4096).decode().split("\n")
        except BlockingIOError:
            return lines
        finally:
            self._end.settimeout(DEADLINE_S)

    def close(self) -> None:
        self._end.close()


class Sysfs:
    """A sensor of the kernel whose temperature can be made to hang: a pipe that nobody writes to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._device = folder / "iio:device0"
        self._device.mkdir(parents=True)
        (self._device / "name").write_text("bme280\n")
        (self._device / "in_humidityrelative_input").write_text("48600\n")
        self.answer()

    def answer(self) -> None:
        fresh = self._device / "fresh"
        fresh.write_text("21500\n")
        fresh.replace(self._device / "in_temp_input")

    def hang(self) -> None:
        os.mkfifo(self._device / "pipe")
        os.link(self._device / "pipe", self._device / "fresh")  # `pipe` stays ours, to end it
        (self._device / "fresh").replace(self._device / "in_temp_input")

    def end_with(self, text: str) -> None:
        """The call that hangs gets its answer after all."""
        (self._device / "pipe").write_text(text)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", str(round(5 * PERIOD_S * 1e6)))
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    end = Systemd(tmp_path / "notify")
    yield end
    end.close()


@pytest.fixture
def sensor(tmp_path: Path) -> Sysfs:
    return Sysfs(tmp_path / "sysfs")


def config(tmp_path: Path, sensor: Sysfs, broker: Broker) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(
        f'[agent]\nbundle = "none"\nperiod_s = {PERIOD_S}\n'
        f'[source]\nkind = "iio"\nsysfs = "{sensor.folder}"\ndeadline_s = 1.0\n'
        f'[journal]\ncommit_s = 0.1\n[broker]\naddress = "127.0.0.1:{broker.port}"\n'
    )
    return path


def missing(heard: Subscriber) -> list[int]:
    return [seq for seq, record in heard.records().items() if record["q"] == "missing"]


def threads(process: subprocess.Popen[str]) -> int:
    return len(list(Path(f"/proc/{process.pid}/task").iterdir()))


def test_row_30_a_sensor_that_hangs_stops_the_watchdog_and_nothing_else(
    tmp_path: Path, sensor: Sysfs, systemd: Systemd
) -> None:
    with (
        mosquitto() as broker,
        subscriber(broker) as heard,
        agent(tmp_path, "--config", config(tmp_path, sensor, broker)) as process,
    ):
        systemd.hears("READY=1")
        systemd.hears("WATCHDOG=1")
        sensor.hang()
        heard.wait(lambda: len(missing(heard)) > 0)
        systemd.heard()  # what came before the deadline was over
        before, running = len(missing(heard)), threads(process)
        heard.wait(lambda: len(missing(heard)) > before + 10)
        assert "WATCHDOG=1" not in systemd.heard()
        assert threads(process) == running, "a second call was begun"
        assert heard.of("status")[-1]["state"] == "online"
        assert "has not answered for" in next(e["why"] for e in heard.of("event"))

        sensor.answer()
        sensor.end_with("99000\n")
        systemd.hears("WATCHDOG=1")
        after = max(missing(heard))
        heard.wait(lambda: max(heard.records()) > after + 3)
        temperatures = {record["temperature_c"] for record in heard.records().values()}
        assert temperatures == {21.5, None}, "the answer of long ago is not one of now"


def test_row_30_what_the_watchdog_ends_says_where_it_stood_and_begins_anew(
    tmp_path: Path, sensor: Sysfs, systemd: Systemd
) -> None:
    with mosquitto() as broker, subscriber(broker) as heard:
        settings = config(tmp_path, sensor, broker)
        with agent(tmp_path, "--config", settings) as process:
            systemd.hears("WATCHDOG=1")
            sensor.hang()
            heard.wait(lambda: len(missing(heard)) > 3)
            process.send_signal(signal.SIGABRT)  # as systemd does when WatchdogSec is over
            _, said = process.communicate(timeout=DEADLINE_S)
            assert process.returncode == -signal.SIGABRT
            assert "edge/sources/iio.py" in said
        last = max(heard.records())
        sensor.answer()
        with agent(tmp_path, "--config", settings):
            systemd.hears("WATCHDOG=1")
            heard.wait(lambda: max(heard.records()) > last + 3)
        assert heard.records()[max(heard.records())]["temperature_c"] == 21.5


def test_row_30_an_agent_whose_sensor_hangs_still_ends_in_order(
    tmp_path: Path, sensor: Sysfs, systemd: Systemd
) -> None:
    sensor.hang()
    with (
        mosquitto() as broker,
        subscriber(broker) as heard,
        agent(tmp_path, "--config", config(tmp_path, sensor, broker)) as process,
    ):
        heard.wait(lambda: len(missing(heard)) > 0)
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
        assert time.monotonic() - asked < 5.0
        systemd.hears("STOPPING=1")
        heard.wait(lambda: heard.of("status")[-1]["state"] == "disconnected")


def test_row_30_a_disk_that_refuses_is_no_reason_to_restart(
    tmp_path: Path, sensor: Sysfs, systemd: Systemd
) -> None:
    with (
        mosquitto() as broker,
        subscriber(broker) as heard,
        agent(tmp_path, "--config", config(tmp_path, sensor, broker)) as process,
    ):
        heard.wait(lambda: len(heard.records()) > 1)
        _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        assert most == resource.RLIM_INFINITY
        with JournalReader(tmp_path / "journal.db") as journal:
            kept = journal.last_seq
            systemd.heard()
            for _ in range(5):
                systemd.hears("WATCHDOG=1")
            assert journal.last_seq <= kept + 1, "the disk did not refuse"
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
        heard.wait(lambda: max(heard.records()) > kept + 10)
        assert set(heard.records()) == set(range(1, max(heard.records()) + 1))


@pytest.mark.parametrize("source", ["iio", "dht"])
def test_row_31_without_a_sensor_the_agent_says_so_and_simulates_nothing(source: str, tmp_path: Path) -> None:
    if source == "dht" and list(Path("/dev").glob("gpiochip*")):
        pytest.skip("this machine has GPIO lines: nothing is missing")
    (tmp_path / "sysfs").mkdir()
    settings = tmp_path / "edge.toml"
    settings.write_text(f'[source]\nkind = "{source}"\nsysfs = "{tmp_path / "sysfs"}"\n')
    with agent(tmp_path, "--config", settings) as process:
        _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 2
    assert said.startswith("python -m edge: ") and said.count("\n") == 1
    assert not (tmp_path / "journal.db").exists(), "no reading was made up"


def test_row_31_a_simulated_room_says_so_in_every_record(tmp_path: Path) -> None:
    settings = tmp_path / "edge.toml"
    settings.write_text('[agent]\nbundle = "none"\n[source]\nkind = "simulator"\nspeed = 1000.0\n')
    with mosquitto() as broker, subscriber(broker) as heard:
        where = f"127.0.0.1:{broker.port}"
        with agent(tmp_path, "--config", settings, "--commit-s", 0.2, "--broker", where):
            heard.wait(lambda: len(heard.records()) > 50)
        assert all(record["sim"] is True for record in heard.records().values())
        assert all(record["sim"] is True for record in heard.of("state"))
        assert heard.of("info")[0]["sim"] is True


def test_row_31_the_doctor_warns_of_a_simulated_room() -> None:
    command = [sys.executable, "-m", "edge", "doctor", "--source", "simulator", "--bundle", "none", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    (finding,) = [f for f in json.loads(done.stdout)["findings"] if f["subject"] == "sensor"]
    assert finding["level"] == "warn" and "simulated" in finding["found"]
