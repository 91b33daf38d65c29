"""Days in minutes: whether memory and descriptors stand still once all that an agent remembers is there."""

import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.agent_process import ROOM_S, agent_command, newest_on_disk
from tests.bench.part import Part, Row
from tests.bench.processes import started, usage
from tests.bench.workplace import Workplace
from tests.brokers import mosquitto

EVERY_S = 0.01
FILLED, END = 10_000, 20_000  # readings
DEADLINE_S = 600.0


@dataclass(frozen=True, slots=True)
class Age:
    """The agent after so many readings."""

    readings: int
    resident: int  # bytes
    descriptors: int


def measure(place: Workplace) -> Part:
    """The second half of some days, with a live broker."""
    folder = place.fresh("ageing")
    with mosquitto() as broker:
        command = agent_command(folder, every_s=EVERY_S, bundle=place.bundle, broker=broker)
        with started(command) as agent:
            first, last = (_at(folder, agent.pid, readings) for readings in (FILLED, END))
    grown, read = (last.resident - first.resident) / 1e6, last.readings - first.readings
    hours = ROOM_S * read / 3600
    how = (
        f"from reading {first.readings:,} to {last.readings:,}, which are {hours:.0f} hours at one in "
        f"{ROOM_S:g} s; {first.resident / 1e6:.1f} to {last.resident / 1e6:.1f} MB; "
        f"{1 / EVERY_S:g} readings/s, live broker"
    )
    more = last.descriptors - first.descriptors
    rows = [
        Row("growth of resident memory", f"{grown:+.2f} MB", how, "flat: at most 0.5 MB", grown <= 0.5),
        Row("growth of open descriptors", f"{more:+d}", f"{last.descriptors} at the end", "none", more <= 0),
    ]
    return Part("Ageing", rows)


def _at(folder: Path, pid: int, readings: int) -> Age:
    """As it is after so many readings. Raises RuntimeError when they do not come."""
    deadline = time.monotonic() + DEADLINE_S
    while (newest := newest_on_disk(folder)) < readings:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{newest} readings in {DEADLINE_S:g} s, {readings} were to come")
        time.sleep(1.0)
    return Age(newest, usage(pid).resident, len(list(Path(f"/proc/{pid}/fd").iterdir())))
