"""The monitor's own broker, for who has none: started, watched, started again, and ended with us."""

import ipaddress
import logging
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import IO

from edge.child import child_command, child_environment
from edge.errors import BrokerError, ConfigError
from edge.lockfile import claim
from edge.mqtt import local_broker
from edge.mqtt.broker import parse_broker

START_S = 20.0
TICK_S = 0.1
GRACE_S = 5.0
PAUSE_S, PAUSE_MOST_S = 0.5, 30.0  # before a broker that died is started again
STEADY_S = 60.0  # after so long a life the pause is short again
LOG_BYTES_MOST = 1_000_000

LOG = logging.getLogger(__name__)


def place(text: str) -> tuple[str, int]:
    """`ADDRESS:PORT` to (address, port); port 0 is a free one. Raises ConfigError."""
    host, port = (parse_broker(text[:-2])[0], 0) if text.endswith(":0") else parse_broker(text)
    host = local_broker.LOOPBACK if host == "localhost" else host
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise ConfigError(
            f"--embedded-broker {text!r}: {host} must be an address of this machine, such as 127.0.0.1"
        ) from error
    return host, port


class EmbeddedBroker:
    """A context manager around a monitor: in it the broker answers at `address`."""

    def __init__(self, host: str, port: int, folder: Path) -> None:
        """At port 0 a free one is taken; `folder` is for what it keeps."""
        self._host = host
        self._port = port or local_broker.free_port()
        self._folder = folder
        self._stop = threading.Event()
        self._answers = threading.Event()
        self._failure: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        # The kernel ends the child with the *thread* that started it, so that has to be one that stays.
        self._thread = threading.Thread(target=self._watch, name="broker", daemon=True)
        self._lock: IO[str] | None = None

    @property
    def address(self) -> str:
        """`HOST:PORT` by which we reach it ourselves."""
        return f"[{self._near}]:{self._port}" if ":" in self._near else f"{self._near}:{self._port}"

    @property
    def pid(self) -> int | None:
        """The process that runs just now."""
        return self._process.pid if self._process else None

    @property
    def warning(self) -> str | None:
        """A sentence when it can be reached from elsewhere."""
        if ipaddress.ip_address(self._host).is_loopback:
            return None
        return (
            f"everyone who reaches {self._host}:{self._port} can read and write all that this broker "
            "carries, unencrypted; beyond a trusted network set up a broker of your own and use --broker"
        )

    def __enter__(self) -> "EmbeddedBroker":
        """Raises ConfigError, MissingExtra, BrokerError when it cannot be started."""
        self._claim()
        if not local_broker.is_free(self._port, self._host):
            self._release()
            raise ConfigError(
                f"cannot start a broker at {self._host}:{self._port}: something listens there; use that one "
                "with --broker, or name another place with --embedded-broker ADDRESS:PORT"
            )
        try:
            command = local_broker.command(self._folder, self._port, self._host, keep=True)
        except BaseException:
            self._release()
            raise
        self._command = command
        self._thread.start()
        while not self._answers.wait(TICK_S):
            if self._failure is not None:
                self.__exit__()
                raise BrokerError(f"the embedded broker did not start: {self._failure}")
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._stop.set()
        self._thread.join()
        self._release()

    @property
    def _near(self) -> str:
        """Where we find it: one that listens everywhere listens on the loopback too."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _claim(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = claim(self._folder / "owner")
        except BlockingIOError as error:
            raise ConfigError(
                f"{self._folder} belongs to the broker of another monitor that runs: name another --store"
            ) from error
        except OSError as error:
            raise ConfigError(f"{self._folder}: cannot be written: {error.strerror}") from error

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()

    def _watch(self) -> None:
        pause_s = PAUSE_S
        while not self._stop.is_set():
            began_s = time.monotonic()
            try:
                status = self._live()
            except OSError as error:
                status = None
                self._failure = str(error)
            if self._stop.is_set():
                return
            if not self._answers.is_set():
                self._failure = self._failure or f"it ended with status {status}: {self._last_words()}"
                return
            LOG.warning("the embedded broker ended with status %s: starting it again", status)
            self._stop.wait(pause_s)
            pause_s = PAUSE_S if time.monotonic() - began_s > STEADY_S else min(2 * pause_s, PAUSE_MOST_S)

    def _live(self) -> int:
        """One life of the broker, from its start to its end; the exit status."""
        with self._log.open("ab" if self._log_is_small() else "wb") as log:
            self._process = subprocess.Popen(
                child_command("monitor.tethered", str(os.getpid()), *self._command),
                env=child_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C reaches us alone, and we say goodbye to it first
            )
        try:
            self._wait_for_answer(self._process)
            while not self._stop.wait(TICK_S):
                if self._process.poll() is not None:
                    break
        finally:
            self._end(self._process)
        return self._process.returncode

    def _wait_for_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline_s = time.monotonic() + START_S
        while process.poll() is None and not self._stop.wait(TICK_S / 4):
            if local_broker.answers(self._port, self._near):
                self._answers.set()
                return
            if time.monotonic() > deadline_s:
                process.terminate()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()

    def _log_is_small(self) -> bool:
        return not self._log.exists() or self._log.stat().st_size < LOG_BYTES_MOST

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} (more in {self._log})"
