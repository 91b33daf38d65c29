"""What the agent announces: a story chapter by chapter, and to who comes later where it stands."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from edge.journal import Journal
from edge.message import encode, topic
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from edge.notices import Notices
from edge.uplink.uplink import Uplink
from tests.brokers import mosquitto
from tests.edge.test_agent import Subscriber, subscriber

CHAPTERS = 20


@contextmanager
def uplink(folder: Path, port: int) -> Iterator[Uplink]:
    journal = Journal(folder / "journal.db")
    settings = BrokerSettings("127.0.0.1", port, client_id="cellar", spread_s=0.0)
    made = Uplink("cellar", journal, partial(Connection, settings), "s1", 1.0, dict, Notices())
    try:
        yield made
    finally:
        hurry = threading.Event()
        hurry.set()
        made.stop(hurry)
        journal.close()


def tell(way: Uplink, *, chapter: bool) -> None:
    """As fast as may be."""
    for number in range(1, CHAPTERS + 1):
        way.announce(topic("cellar", "model"), encode({"number": number}), chapter=chapter)


def numbers(heard: Subscriber) -> list[int]:
    return [message["number"] for message in heard.of("model")]


def test_each_chapter_of_a_story_is_told_in_order_however_short(tmp_path: Path) -> None:
    with mosquitto() as broker, subscriber(broker) as heard, uplink(tmp_path, broker.port) as way:
        way.start()
        heard.wait(lambda: bool(heard.of("status")))
        tell(way, chapter=True)
        heard.wait(lambda: CHAPTERS in numbers(heard))
        assert numbers(heard) == list(range(1, CHAPTERS + 1))


def test_a_broker_that_comes_later_is_told_where_the_story_stands(tmp_path: Path) -> None:
    with mosquitto() as broker, subscriber(broker) as heard, uplink(tmp_path, broker.port) as way:
        tell(way, chapter=True)
        way.start()
        heard.wait(lambda: bool(heard.of("status")))  # the last word of a birth
        assert numbers(heard) == [CHAPTERS]


def test_of_what_is_no_story_the_newest_takes_the_place_of_what_waits(tmp_path: Path) -> None:
    with mosquitto() as broker, subscriber(broker) as heard, uplink(tmp_path, broker.port) as way:
        way.start()
        heard.wait(lambda: bool(heard.of("status")))
        tell(way, chapter=False)
        heard.wait(lambda: CHAPTERS in numbers(heard))
        assert numbers(heard) == sorted(set(numbers(heard)))
