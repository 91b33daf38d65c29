"""A day without a broker, one reading a second: how long until a subscriber has it all."""

import json
import time

from edge.journal import Journal
from tests.bench.agent_process import agent_command
from tests.bench.listener import Listener
from tests.bench.part import Part, Row, below
from tests.bench.processes import started, usage
from tests.bench.records import a_day, days
from tests.bench.workplace import Workplace
from tests.brokers import mosquitto

RECORDS = 86_400
DEADLINE_S = 300.0


def measure(place: Workplace) -> Part:
    """From the agent's start to the last record at the subscriber."""
    folder = place.fresh("backlog")
    journal = Journal(folder / "journal.db", commit_records=1000)
    for body in days(a_day(place.bundle, journal.epoch), RECORDS):
        journal.append(body)
    journal.close()
    with mosquitto() as broker, Listener(broker) as heard:
        # the readings of now come at a walk: it is the backlog that is timed
        command = agent_command(folder, every_s=10.0, bundle=place.bundle, broker=broker)
        start = time.perf_counter()
        with started(command) as agent:
            got: set[int] = set()
            looked = 0
            while len(got) < RECORDS and time.perf_counter() - start < DEADLINE_S:
                time.sleep(0.1)
                fresh = heard.messages[looked:]
                looked += len(fresh)
                for _, topic, payload in fresh:
                    if topic.endswith("/data"):
                        got |= {each["seq"] for each in json.loads(payload)["records"]}
                        last = time.perf_counter() - start
            cpu = usage(agent.pid).cpu_s
    got = {seq for seq in got if seq <= RECORDS}
    how = (
        f"from the agent's start until a subscriber of a real mosquitto had {len(got):,} of them, "
        f"each looked at; {cpu:.1f} s of the agent's CPU"
    )
    figure = f"{last:.1f} s"
    asked = {**below(last, 60, "s"), "met": last < 60 and len(got) == RECORDS}
    return Part("Backlog", [Row(f"{RECORDS:,} records drained", figure, how, **asked)])
