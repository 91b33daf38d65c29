"""Rows 14 and 15: the broker takes small packets only, or one unanswered message at a time."""

import json
from pathlib import Path

import pytest

from tests.brokers import mosquitto
from tests.edge.faults.journals import count, wait_for
from tests.edge.faults.proxy import proxy
from tests.edge.faults.scripted_broker import ScriptedBroker, scripted_broker
from tests.edge.test_agent import Subscriber, agent, subscriber

BACKLOG = 300
LIMIT = 6000
PAUSES_S = 240.0  # tries come up to a minute apart, and it takes two to see that it is not the line
ROOM = ["--source", "simulator", "--speed", 600, "--bundle", "none", "--commit-s", 0.2, "--wait"]


def sizes(heard: Subscriber) -> list[int]:
    return [len(batch["records"]) for batch in heard.of("data")]


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(f"max_packet_size {LIMIT}", id="said"),
        pytest.param(f"message_size_limit {LIMIT}", id="refused message by message"),
    ],
)
def test_row_14_batches_become_as_small_as_the_broker_wants_them(tmp_path: Path, limits: str) -> None:
    journal = tmp_path / "journal.db"
    with (
        mosquitto(f"allow_anonymous true\n{limits}") as broker,
        subscriber(broker) as heard,
        proxy(broker.port) as way,  # to be cut off alone: who listens must be there when it comes back
    ):
        way.refuse()
        with agent(tmp_path, *ROOM, "--broker", f"127.0.0.1:{way.port}"):
            wait_for(journal, records=BACKLOG)
            held = count(journal)
            way.accept()
            heard.wait(lambda: heard.records().keys() >= set(range(1, held + 1)), PAUSES_S)
        assert max(sizes(heard)) > 1, "a batch of one is smaller than the broker wants it"
        largest = max(len(json.dumps(batch, separators=(",", ":"))) for batch in heard.of("data"))
        assert largest <= LIMIT


def test_row_14_where_the_broker_only_hangs_up_on_a_large_packet_batches_halve_until_they_pass(
    tmp_path: Path,
) -> None:
    journal = tmp_path / "journal.db"
    with scripted_broker() as broker:
        broker.largest = LIMIT
        with agent(tmp_path, *ROOM, "--broker", f"127.0.0.1:{broker.port}"):
            wait_for(journal, records=BACKLOG)
            broker.wait(lambda: had(broker) >= set(range(1, BACKLOG + 1)))
        assert max(len(each.payload) for each in broker.of("data")) > LIMIT / 4


def had(broker: ScriptedBroker) -> set[int]:
    batches = [json.loads(each.payload)["records"] for each in broker.of("data")]
    return {record["seq"] for batch in batches for record in batch}


def test_row_15_a_broker_that_takes_one_unanswered_message_gets_all_one_by_one(tmp_path: Path) -> None:
    """mosquitto keeps to such a number towards subscribers alone, and lets publishers send as they like."""
    journal = tmp_path / "journal.db"
    with scripted_broker() as broker:
        broker.receive_maximum = 1
        with agent(tmp_path, *ROOM, "--broker", f"127.0.0.1:{broker.port}"):
            wait_for(journal, records=BACKLOG)
            broker.wait(lambda: had(broker) >= set(range(1, BACKLOG + 1)))
        assert broker.most_unanswered == 1
        assert len(broker.wires) == 1
