"""From the process's start to its first record: on disk, and at a broker."""

import time
from pathlib import Path
from statistics import median

from tests.bench.agent_process import agent_command, newest_on_disk
from tests.bench.listener import Listener
from tests.bench.part import Part, Row, below
from tests.bench.processes import started, usage
from tests.bench.workplace import Workplace
from tests.brokers import mosquitto

TIMES = 5
DEADLINE_S = 30.0


def measure(place: Workplace) -> Part:
    """With the package's model and a trained one, for the first time and again."""
    rows = []
    for name, bundle in (("the package's model", None), ("a trained model", place.bundle)):
        found = [_starts(place.fresh("start"), bundle) for _ in range(TIMES)]
        for which, index in (("first start", 0), ("later start", 1)):
            wall = median(each[index][0] for each in found)
            cpu = median(each[index][1] for each in found)
            how = f"median of {TIMES}, {cpu:.2f} s of CPU; " + (
                "the model proves itself in a child process" if bundle and not index else "a new journal"
            )
            what = f"start to first record on disk, {name}, {which}"
            rows.append(Row(what, f"{wall:.2f} s", how, **below(wall, 1.0, "s")))
    wall = median(_at_the_broker(place) for _ in range(TIMES))
    how = f"median of {TIMES}, `state`, a trained model, first start"
    rows.append(Row("start to first record at the broker", f"{wall:.2f} s", how, **below(wall, 1.0, "s")))
    return Part("Start", rows)


def _starts(folder: Path, bundle: Path | None) -> list[tuple[float, float]]:
    """Wall and CPU seconds of a first start and of one with the same models' folder."""
    command = agent_command(folder, every_s=2.0, bundle=bundle, commit_records=1)
    found = []
    for _ in range(2):
        for path in folder.glob("journal.db*"):
            path.unlink()
        start = time.perf_counter()
        with started(command) as agent:
            while not newest_on_disk(folder):
                if agent.poll() is not None or time.perf_counter() - start > DEADLINE_S:
                    raise RuntimeError(f"no record from: {' '.join(command)}")
                time.sleep(0.005)
            found.append((time.perf_counter() - start, usage(agent.pid).cpu_s))
    return found


def _at_the_broker(place: Workplace) -> float:
    with mosquitto() as broker, Listener(broker) as heard:
        command = agent_command(place.fresh("start"), every_s=2.0, bundle=place.bundle, broker=broker)
        start = time.perf_counter()
        with started(command):
            return heard.first("/state", DEADLINE_S) - start
