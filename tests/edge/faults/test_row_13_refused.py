"""Row 13: the broker takes no message: not authorized, or the quota is exceeded."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from edge.uplink.delivery import RETRY_S
from tests.brokers import mosquitto
from tests.edge.faults.caller import caller
from tests.edge.faults.journals import count, wait_for
from tests.edge.faults.quick_rooms import quick_room
from tests.edge.faults.scripted_broker import (
    NOT_AUTHORIZED,
    QUOTA_EXCEEDED,
    Published,
    ScriptedBroker,
    scripted_broker,
)
from tests.edge.test_agent import agent, subscriber

FORBIDDEN = "topic read #\n" + "".join(
    f"topic write picanary/v1/cellar/{leaf}\n" for leaf in ("info", "status", "health", "cmd/#", "res/#")
)


def tries(messages: list[Published]) -> list[float]:
    """When each begins: after a refusal there is a pause."""
    times = [each.at for each in messages]
    return [at for at, before in zip(times, [-1e9, *times], strict=False) if at - before > 1.0]


def refused(messages: list[Published]) -> list[Published]:
    return [each for each in messages if each.reason >= 0x80]


def taken(messages: list[Published]) -> set[int]:
    """The numbers of the records that the broker has said yes to."""
    batches = [json.loads(each.payload)["records"] for each in messages if each.reason < 0x80]
    return {record["seq"] for batch in batches for record in batch}


def brokers(stack: ExitStack, tmp_path: Path) -> Iterator[tuple[ScriptedBroker, Path]]:
    """One that refuses records for each reason, with an agent of its own, and that agent's journal."""
    for reason in (NOT_AUTHORIZED, QUOTA_EXCEEDED):
        folder = tmp_path / f"{reason:x}"
        folder.mkdir()
        broker = stack.enter_context(
            scripted_broker(lambda topic, reason=reason: reason if topic.endswith("/data") else 0)
        )
        # so slowly that no message is large: halves of a large one are tried before the pauses grow
        stack.enter_context(agent(folder, *quick_room(folder, broker.port, speed=10.0)))
        yield broker, folder / "journal.db"


def test_row_13_refused_records_are_kept_counted_and_offered_again_ever_later(tmp_path: Path) -> None:
    with ExitStack() as stack:
        both = list(brokers(stack, tmp_path))
        for broker, _ in both:
            broker.wait(lambda broker=broker: len(tries(refused(broker.of("data")))) == 2)
            again = refused(broker.of("data"))[-1].at
            # it has heard the refusal when it goes on to other things
            broker.wait(
                lambda broker=broker, again=again: sum(each.at > again for each in broker.of("state")) > 1
            )
            broker.hang_up()  # health is told at once when the agent is back
        for broker, _ in both:
            broker.wait(lambda broker=broker: len(broker.of("health")) >= 2)
            health = json.loads(broker.of("health")[-1].payload)
            assert health["faults"]["refused"] >= 2
            assert health["journal"]["sent_seq"] == 0, "a refusal was taken for a delivery"
            assert health["journal"]["unsent"] > 0
            broker.verdict = lambda _: 0
        for broker, journal in both:
            top = count(journal)
            broker.wait(lambda broker=broker, top=top: set(range(1, top + 1)) <= taken(broker.of("data")))
            first, second, third = tries(broker.of("data"))[:3]
            assert second - first >= RETRY_S * 0.99
            assert third - second >= 2 * RETRY_S * 0.99


def test_row_13_what_mosquitto_does_not_authorize_comes_once_it_does(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text(FORBIDDEN)
    with (
        mosquitto(f"allow_anonymous true\nacl_file {acl}") as broker,
        subscriber(broker) as heard,
        caller(broker) as somebody,
        agent(tmp_path, *quick_room(tmp_path, broker.port)),
    ):
        heard.wait(lambda: bool(heard.of("health")))
        wait_for(tmp_path / "journal.db", records=20)
        somebody.ask("snooze", "r1", minutes=1)  # which has health told at once
        heard.wait(lambda: len(heard.of("health")) >= 2)
        health = heard.of("health")[-1]
        assert health["faults"]["refused"] >= 1
        assert health["journal"]["sent_seq"] == 0
        assert not heard.of("data")
        acl.write_text(f"{FORBIDDEN}topic write picanary/v1/cellar/data\n")
        assert broker.process is not None
        broker.process.send_signal(signal.SIGHUP)
        held = count(tmp_path / "journal.db")
        heard.wait(lambda: set(range(1, held + 1)) <= heard.records().keys())
