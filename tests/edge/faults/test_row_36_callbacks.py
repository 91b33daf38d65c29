"""Row 36: a bug in what the connection calls back is counted, and costs no connection."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.brokers import Broker, mosquitto
from tests.edge.connections import Log, connection
from tests.edge.faults.caller import caller
from tests.edge.faults.quick_rooms import quick_room
from tests.edge.test_agent import DEADLINE_S, ROOT, subscriber

CALLBACKS = ("on_message", "on_connect", "on_disconnect", "on_published")

# The agent itself, with a bug behind each callback, and one where commands come in.
BUGGY = """
import sys
from edge.mqtt.connection import Connection
from edge.uplink.commands import Commands

def buggy(right):
    def wrong(*arguments):
        right(*arguments)
        raise RuntimeError("a bug of ours")
    return wrong

begin, receive = Connection.__init__, Commands.receive

def begin_buggy(self, *arguments, **options):
    begin(self, *arguments, **{k: buggy(v) if k.startswith("on_") else v for k, v in options.items()})

def receive_buggy(self, name, payload, retained):
    if payload == b"bug":
        raise KeyError("another bug of ours")
    receive(self, name, payload, retained)

Connection.__init__, Commands.receive = begin_buggy, receive_buggy
from edge.__main__ import main
sys.exit(main())
"""


@contextmanager
def buggy_agent(folder: Path, broker: Broker) -> Iterator[subprocess.Popen[bytes]]:
    room = [*map(str, quick_room(folder, broker.port)), "--device", "cellar"]
    process = subprocess.Popen(
        [sys.executable, "-c", BUGGY, *room, "--journal", str(folder / "journal.db")],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,  # a traceback for each bug would fill a pipe
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(DEADLINE_S)


def failing(log: Log) -> dict[str, Any]:
    """The callbacks of that log, each of which raises in the end."""

    def fail(name: str) -> Any:
        def wrong(*arguments: Any) -> None:
            getattr(log, name)(*arguments)
            raise LookupError(f"a bug in {name}")

        return wrong

    return {name: fail(name) for name in CALLBACKS}


def test_row_36_a_connection_outlives_an_exception_in_each_of_its_callbacks() -> None:
    log = Log()
    with mosquitto() as broker, connection(broker.port, log, **failing(log)) as one:
        one.subscribe("a")
        for number in (1, 2):
            one.publish("a", b"x")
            log.wait(lambda number=number: len(log.published) == len(log.messages) == number)
        broker.kill()
        log.wait(lambda: len(log.disconnects) == 1)
        broker.start()
        log.wait(lambda: len(log.connects) == 2)
        one.publish("a", b"x")
        log.wait(lambda: len(log.published) == len(log.messages) == 3)
        assert one.connected
    assert one.faults == {"on_message": 3, "on_published": 3, "on_connect": 2, "on_disconnect": 2}


def test_row_36_an_agent_with_a_bug_in_each_callback_delivers_all_and_says_so_in_health(
    tmp_path: Path,
) -> None:
    with mosquitto() as broker, buggy_agent(tmp_path, broker) as process:
        with subscriber(broker) as heard, caller(broker) as somebody:
            heard.wait(lambda: len(heard.records()) > 10)
            somebody.raw("identify", b"bug")
            assert somebody.ask("snooze", "r1", minutes=1)["ok"], "a command after one that hit a bug"
            before = max(heard.records())
        broker.kill()
        broker.start()
        with subscriber(broker) as heard:
            heard.wait(lambda: bool(heard.of("health")))
            faults = heard.of("health")[-1]["faults"]
            assert (faults["callback_on_connect"], faults["callback_on_disconnect"]) == (2, 1)
            assert faults["callback_on_message"] >= 2, "a command that was a bug, and one that was not"
            assert faults["callback_on_published"] > 10
            heard.wait(lambda: max(heard.records(), default=0) > before + 50)
        assert process.poll() is None
