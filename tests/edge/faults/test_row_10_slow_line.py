"""Row 10: a line that carries a kilobyte a second and loses a fifth of its packets."""

import shutil
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest

from edge.journal import Journal
from edge.message import encode
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from edge.notices import Notices
from edge.uplink.uplink import Uplink
from tests.brokers import mosquitto
from tests.edge.faults.network import own_network
from tests.edge.faults.proxy import proxy
from tests.edge.test_agent import Subscriber, subscriber

BACKLOG = 600
BYTES_A_SECOND = 1000


def lose_a_fifth(port: int) -> None:
    """Of the packets to and from that port; needs a network of our own."""
    if shutil.which("iptables") is None:
        pytest.skip("iptables is not installed: apt-get install iptables")
    for end in ("--dport", "--sport"):
        rule = ["INPUT", "-p", "tcp", end, str(port), "-m", "statistic"]
        subprocess.run(
            ["iptables", "-A", *rule, "--mode", "random", "--probability", "0.2", "-j", "DROP"], check=True
        )


def numbers(heard: Subscriber) -> list[int]:
    return [record["seq"] for batch in heard.of("data") for record in batch["records"]]


def test_row_10_an_event_overtakes_the_backlog_on_a_slow_line_that_loses_packets(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    for seq in range(1, BACKLOG + 1):
        journal.append(encode({"seq": seq, "filler": "x" * 550}))
    journal.commit()
    with (
        own_network(),
        mosquitto() as broker,
        proxy(broker.port, rate=BYTES_A_SECOND) as line,
        subscriber(broker) as heard,
    ):
        lose_a_fifth(line.port)
        settings = BrokerSettings("127.0.0.1", line.port, client_id="cellar")
        uplink = Uplink("cellar", journal, partial(Connection, settings), "s1", 1.0, dict, Notices())
        uplink.start()
        heard.wait(lambda: len(numbers(heard)) >= 10)
        before = len(numbers(heard))
        journal.append_events((encode({"id": 1, "why": "the window is open"}),))
        heard.wait(lambda: bool(heard.of("event")))
        names = [name for name, *_ in heard.messages]
        overtaken = [
            len(message["records"])
            for name, message, _ in heard.messages[: names.index("event")]
            if name == "data"
        ]
        # what had been handed to the network; without a bound it is all of the backlog
        assert sum(overtaken) - before <= 30
        seen = len(numbers(heard))
        heard.wait(lambda: len(numbers(heard)) > seen + 20)  # and the records go on
        hurry = threading.Event()
        hurry.set()
        uplink.stop(hurry)
    journal.close()
