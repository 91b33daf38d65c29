"""Row 8: the link is gone and nobody says so: the broker stands still, or packets do not arrive."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from edge.errors import BrokerError
from tests.brokers import Broker, mosquitto
from tests.edge.connections import Log, connection
from tests.edge.faults.journals import bodies, count, wait_for
from tests.edge.faults.network import drop_packets, own_network, pass_packets
from tests.edge.faults.proxy import proxy
from tests.edge.faults.quick_rooms import quick_room
from tests.edge.test_agent import agent

KEEPALIVE_S = 3
# the keepalive is looked after once a second; three times the keepalive would be too late
NOTICED_S = 2 * KEEPALIVE_S + 2.0
READING_S = 0.1
PAUSE_S = 3.0  # of readings on a machine that has much to do; a blocked one waits for the keepalive


def send_signal(broker: Broker, number: signal.Signals) -> None:
    assert broker.process is not None
    broker.process.send_signal(number)


class Busy(threading.Thread):
    """Publishes all the while, as an agent does."""

    def __init__(self, publish: Callable[[str, bytes], int]) -> None:
        super().__init__()
        self._publish = publish
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(READING_S):
            with suppress(BrokerError):
                self._publish("busy", b"x" * 300)


@contextmanager
def two_links(port: int) -> Iterator[tuple[Log, Log]]:
    """What an idle connection and a busy one called back."""
    idle, busy = Log(), Log()
    with (
        connection(port, idle, keepalive_s=KEEPALIVE_S),
        connection(port, busy, keepalive_s=KEEPALIVE_S) as talking,
    ):
        talks = Busy(talking.publish)
        talks.start()
        try:
            busy.wait(lambda: len(busy.published) > 3)
            yield idle, busy
        finally:
            talks.ended.set()
            talks.join()


def noticed(began: float, *logs: Log) -> None:
    for log in logs:
        log.wait(lambda log=log: bool(log.disconnects))
    assert time.monotonic() - began < NOTICED_S


def test_row_08_a_link_that_nothing_comes_through_is_noticed_within_twice_the_keepalive() -> None:
    with ExitStack() as stack:
        broker, behind = stack.enter_context(mosquitto()), stack.enter_context(mosquitto())
        way = stack.enter_context(proxy(behind.port))
        stopped = stack.enter_context(two_links(broker.port))
        stalled = stack.enter_context(two_links(way.port))
        began = time.monotonic()
        send_signal(broker, signal.SIGSTOP)
        way.stall()
        try:
            noticed(began, *stopped, *stalled)
        finally:
            send_signal(broker, signal.SIGCONT)


def test_row_08_dropped_packets_are_noticed_within_twice_the_keepalive() -> None:
    with own_network(), mosquitto() as broker, two_links(broker.port) as logs:
        drop_packets()
        began = time.monotonic()
        try:
            noticed(began, *logs)
        finally:
            pass_packets()


def received(log: Log) -> set[int]:
    """The numbers of the records."""
    batches = [json.loads(payload)["records"] for _, payload, _ in list(log.messages)]
    return {record["seq"] for batch in batches for record in batch}


@pytest.mark.parametrize("how", ["stopped broker", "dropped packets"])
def test_row_08_sampling_goes_on_and_all_is_delivered_when_the_link_is_back(how: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    with ExitStack() as stack:
        if how == "dropped packets":
            stack.enter_context(own_network())
        broker = stack.enter_context(mosquitto())
        heard = Log()  # paho's own loop wakes itself through the loopback, and dies of lost packets
        stack.enter_context(connection(broker.port, heard)).subscribe("picanary/v1/cellar/data")
        room = quick_room(tmp_path, broker.port, speed=10 / READING_S, more=f"keepalive_s = {KEEPALIVE_S}")
        stack.enter_context(agent(tmp_path, *room))
        heard.wait(lambda: len(received(heard)) > 10)
        send_signal(broker, signal.SIGSTOP) if how == "stopped broker" else drop_packets()
        # until it must have been noticed, and the way back was tried in vain
        wait_for(journal, records=count(journal) + round((NOTICED_S + 2.0) / READING_S))
        send_signal(broker, signal.SIGCONT) if how == "stopped broker" else pass_packets()
        kept = bodies(journal)
        heard.wait(lambda: set(range(1, kept[-1]["seq"] + 1)) <= received(heard))
        waits = [(b["mono_ms"] - a["mono_ms"]) / 1000.0 for a, b in pairwise(kept)]
        assert max(waits) < PAUSE_S, "a reading waited for the broker"
