"""Rows 1 and 4: no broker when the agent starts, and one that comes back knowing nothing."""

import time
from pathlib import Path

from edge.uplink.discovery import discovery_topic
from tests.brokers import Broker, mosquitto
from tests.edge.connections import Log, connection
from tests.edge.faults.journals import bodies, wait_for
from tests.edge.faults.proxy import proxy
from tests.edge.faults.quick_rooms import quick_room
from tests.edge.test_agent import agent, subscriber

START_S = 20.0  # to the first record; a second on a quiet machine
BACK_S = 5.0
HERE = "picanary/v1/cellar"
RETAINED = {discovery_topic("cellar"), *(f"{HERE}/{leaf}" for leaf in ("info", "status", "state"))}


def test_row_01_sampling_begins_without_a_broker_and_all_is_delivered_once_it_is_there(
    tmp_path: Path,
) -> None:
    kept = f"allow_anonymous true\npersistence true\npersistence_location {tmp_path}/\nmax_queued_messages 0"
    with mosquitto(kept) as broker:
        with subscriber(broker, session="reader"):
            pass  # the broker keeps for it whatever comes while it is away
        broker.stop()
        began_ms = time.time() * 1000.0
        with agent(tmp_path, *quick_room(tmp_path, broker.port)) as process:
            wait_for(tmp_path / "journal.db", records=100)
            held = bodies(tmp_path / "journal.db")
            assert held[0]["seq"] == 1
            assert held[0]["ts_ms"] - began_ms < 1000.0 * START_S
            assert process.poll() is None
            broker.start()
            with subscriber(broker, session="reader") as heard:
                heard.wait(lambda: len(heard.records()) > len(held))
                had = [record["seq"] for batch in heard.of("data") for record in batch["records"]]
                assert had == list(range(1, len(had) + 1))
            assert process.poll() is None


def test_row_04_a_broker_that_forgot_all_is_told_all_within_five_seconds(tmp_path: Path) -> None:
    with mosquitto("persistence false\nallow_anonymous true") as broker, proxy(broker.port) as way:
        # at one reading in a minute no next reading comes to the rescue
        slow = quick_room(tmp_path, way.port, speed=1.0, more="[agent]\nperiod_s = 60.0")
        with agent(tmp_path, *slow):
            told(broker)
            way.refuse()
            broker.kill()
            broker.start()
            assert not told_now(broker)
            before = len(way.connects)
            way.accept()
            told(broker)
            assert time.monotonic() - way.connects[before] < BACK_S


def told(broker: Broker) -> None:
    """Wait until somebody who has just come finds all of it."""
    log = Log()
    with connection(broker.port, log) as somebody:
        for topic in RETAINED:
            somebody.subscribe(topic)
        log.wait(lambda: log.topics() >= RETAINED)


def told_now(broker: Broker) -> set[str]:
    """What the broker has kept; the answer to a message of our own comes behind all of it."""
    log = Log()
    with connection(broker.port, log) as somebody:
        for topic in ("end", *RETAINED):
            somebody.subscribe(topic)
        somebody.publish("end", b"")
        log.wait(lambda: "end" in log.topics())
    return log.topics() - {"end"}
