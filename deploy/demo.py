"""All of picanary on one laptop: a model, a broker, the monitor, an agent with a simulated room."""

import fcntl
import http.client
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.children import Children, stop_on_signals
from deploy.demo_model import provide
from deploy.demo_summary import Summary, summarise
from edge.errors import ConfigError
from edge.mqtt import local_broker
from edge.mqtt.local_broker import LOOPBACK

DEVICE = "demo"
SPEED = 120.0  # a reading of ten seconds in a twelfth of a second, a day in twelve minutes
FAULTS_EVERY_S = 60.0
FAULTS_IN_A_SHORT_DEMO = 4
START_S = 60.0
READING_S = 120.0
SETTLE_S = 15.0


@dataclass(frozen=True, slots=True)
class Programs:
    """The commands that the demo runs; tests put stand-ins here."""

    trainer: tuple[str, ...] = (sys.executable, "-m", "trainer")
    convert: tuple[str, ...] = (sys.executable, "-m", "convert")
    monitor: tuple[str, ...] = (sys.executable, "-m", "monitor")
    edge: tuple[str, ...] = (sys.executable, "-m", "edge")


@dataclass(frozen=True, slots=True)
class Order:
    """Where a demo keeps its files, where its page is, and how long it runs."""

    folder: Path = Path("demo")
    port: int = 8080
    seconds: float | None = None  # after the first reading was received; None: until stopped
    fresh: bool = False

    @property
    def faults_every_s(self) -> float:
        """Real seconds between faults: a short demo needs several of them."""
        return min(FAULTS_EVERY_S, (self.seconds or float("inf")) / FAULTS_IN_A_SHORT_DEMO)


@dataclass(frozen=True, slots=True)
class Show:
    """Where a demo tells how it goes: `say` for people, `page` gets the address."""

    say: Callable[[str], None]
    page: Callable[[str], None]


def run(order: Order, show: Show, programs: Programs | None = None) -> Summary:
    """Run until `order.seconds` are over; what came of it.

    Raises Stopped on Ctrl-C or SIGTERM, ChildError when a part fails, ConfigError when another
    demo runs in the folder. However it ends, no process and no port is left.
    """
    programs = programs or Programs()
    stop = threading.Event()
    started = time.monotonic()
    with _ours(order.folder), stop_on_signals(stop), Children(stop) as children:
        _clear(order.folder)
        broker = _start_broker(order, children, show)
        page = _start_monitor(order, children, programs, broker, show)
        bundle = provide(
            order.folder, children, programs.trainer, programs.convert, show.say, fresh=order.fresh
        )
        agent = children.start("agent", _agent(order, programs, bundle, broker), order.folder / "agent.log")
        children.wait("the first reading on the page", lambda: received(page) > 0, READING_S)
        show.say(f"the first reading is on the page, {time.monotonic() - started:.0f} s after the start")
        _run_for(order.seconds, children)
        children.end(agent)
        return _settled(order, page, stop)


def received(port: int) -> int:
    """How many readings of the demo's device the monitor at that port has."""
    device = ask(port, f"/api/devices/{DEVICE}")
    return int(device["counts"]["received"]) if device else 0


def ask(port: int, path: str) -> dict[str, Any] | None:
    """What the monitor answers, or None while it does not, or does not know."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5.0)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    found = json.loads(body) if answer.status == http.client.OK else None
    return found if isinstance(found, dict) else None


@contextmanager
def _ours(folder: Path) -> Iterator[None]:
    """The folder, locked, so that a second demo does not remove the journal of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(f"a demo is running in {folder}: stop it, or name another folder") from error
        yield


def _clear(folder: Path) -> None:
    """Each demo starts with an empty journal and an empty store: its figures are its own."""
    for name in ("journal.db", "monitor.db"):
        for suffix in ("", "-wal", "-shm"):
            (folder / f"{name}{suffix}").unlink(missing_ok=True)


def _start_broker(order: Order, children: Children, show: Show) -> str:
    port = local_broker.free_port()
    command = local_broker.command(order.folder, port)
    show.say(f"starting the broker ({'mosquitto' if 'mosquitto' in command[0] else 'embedded'})")
    children.start("broker", command, order.folder / "broker.log")
    children.wait("the broker's start", lambda: local_broker.answers(port), START_S)
    return f"{LOOPBACK}:{port}"


def _start_monitor(order: Order, children: Children, programs: Programs, broker: str, show: Show) -> int:
    port = order.port
    if not local_broker.is_free(port):
        port = local_broker.free_port()
        show.say(f"port {order.port} is in use: taking {port}")
    listen, store = f"{LOOPBACK}:{port}", str(order.folder / "monitor.db")
    # the broker answers already; one that takes its time over the first hello is no failure
    command = [*programs.monitor, "--broker", broker, "--wait", "--listen", listen, "--store", store]
    children.start("monitor", command, order.folder / "monitor.log")
    children.wait("the page", lambda: local_broker.answers(port), START_S)
    show.page(f"http://{listen}/")
    return port


def _agent(order: Order, programs: Programs, bundle: Path, broker: str) -> list[str]:
    simulator = ["--source", "simulator", "--speed", f"{SPEED:g}"]
    faults = ["--faults-every", f"{order.faults_every_s:g}"]
    files = ["--bundle", str(bundle), "--journal", str(order.folder / "journal.db")]
    return [*programs.edge, *simulator, *faults, *files, "--broker", broker, "--wait", "--device", DEVICE]


def _run_for(seconds: float | None, children: Children) -> None:
    until = time.monotonic() + seconds if seconds is not None else float("inf")
    children.wait("the end", lambda: time.monotonic() >= until, float("inf"))


def _settled(order: Order, page: int, stop: threading.Event) -> Summary:
    """The figures, once the monitor has all that the agent has sent, or SETTLE_S later."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        summary = summarise(order.folder / "journal.db", ask(page, f"/api/devices/{DEVICE}"), SPEED)
        if not summary.missing or time.monotonic() > deadline or stop.wait(0.2):
            return summary
