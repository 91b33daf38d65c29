"""Real brokers for tests, on free ports of the loopback: mosquitto, and amqtt that speaks MQTT 3.1.1 only."""

import getpass
import importlib.util
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(slots=True)
class Broker:
    """A broker that a test may stop, kill and start again on the same port."""

    command: list[str]
    port: int
    log: Path
    process: subprocess.Popen[bytes] | None = None
    host: str = "127.0.0.1"

    def start(self, timeout_s: float = 20.0) -> None:
        """Start it and wait until the port answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout_s
        while not is_listening(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.command[0]} did not start:\n{self.log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it as a service manager would: it hangs up on its clients."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(kill=True)

    def _end(self, kill: bool) -> None:
        if self.process is None:
            return
        self.process.kill() if kill else self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        self.process = None


def free_port() -> int:
    """A port of the loopback that nobody listens at just now.

    It is below those that systems give away by themselves: whoever listens there may be killed and come
    back, and finds nobody else there.
    """
    while True:
        port = 15_000 + secrets.randbelow(15_000)
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def is_listening(port: int) -> bool:
    """Whether something accepts connections at that port of the loopback."""
    with closing(socket.socket()) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def mosquitto(config: str = "allow_anonymous true", listener: str = "") -> Iterator[Broker]:
    """A running mosquitto; `config` and `listener` are lines for its configuration file.

    Skips the test, with a sentence, when mosquitto is not installed.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    with tempfile.TemporaryDirectory(prefix="picanary-mosquitto-") as folder:
        port = free_port()
        settings = Path(folder) / "mosquitto.conf"
        # As root it would otherwise become another user, who cannot read the files of a test.
        user = getpass.getuser()
        settings.write_text(f"user {user}\nlistener {port} 127.0.0.1\n{listener}\n{config}\n")
        yield from _running([program, "-c", str(settings)], port, Path(folder))


@contextmanager
def amqtt_broker() -> Iterator[Broker]:
    """A running amqtt broker. Skips the test, with a sentence, when amqtt is not installed."""
    if importlib.util.find_spec("amqtt") is None:
        pytest.skip("amqtt is not installed: pip install 'picanary[demo]'")
    with tempfile.TemporaryDirectory(prefix="picanary-amqtt-") as folder:
        port = free_port()
        settings = Path(folder) / "amqtt.yaml"
        settings.write_text(
            f"listeners: {{default: {{type: tcp, bind: '127.0.0.1:{port}'}}}}\n"
            "plugins: {amqtt.plugins.authentication.AnonymousAuthPlugin: {allow_anonymous: true}}\n"
        )
        command = [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(settings)]
        yield from _running(command, port, Path(folder))


def _running(command: list[str], port: int, folder: Path) -> Iterator[Broker]:
    broker = Broker(command, port, folder / "broker.log")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
