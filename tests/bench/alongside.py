"""The agent beside what a user would pick instead: one broker, the same minutes, the same outage."""

import shutil
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, linear_regression

from tests.bench.listener import Listener
from tests.bench.part import Part, Row, below
from tests.bench.processes import Usage, family, started, usage
from tests.bench.rivals import EVERY_S, Client, clients
from tests.bench.sensor_files import sensor_files
from tests.bench.workplace import Workplace
from tests.brokers import Broker, mosquitto

WARM_S = 60.0
QUIET_S = 300.0
LOOK_S = 10.0
OUTAGE_S = 60.0
AFTER_S = 60.0  # for what was kept meanwhile, and for readings that come after
START_S = 60.0
ABOUT = (
    f"All at once on one mosquitto that keeps nothing on disk, one reading in {EVERY_S:g} s, each with its "
    "children. Lost: of the records from its first to its last, those that never came to a subscriber which "
    "is back within 20 ms. The paho loop (`tests/bench/rival_loop.py`) scores with the same model and keeps "
    "its queue in memory alone: a restart during the outage would lose it. Start: one start each, while "
    "those above it run."
)


@dataclass(slots=True)
class Seen:
    """What was measured of one client."""

    client: Client
    process: "subprocess.Popen[bytes]"
    first_s: float
    looks: list[tuple[float, Usage]] = field(default_factory=list)
    taken: int = 0
    lost: int = 0
    ended: bool = False

    @property
    def cpu_share(self) -> float:
        """Of one core."""
        (began, first), (ended, last) = self.looks[0], self.looks[-1]
        return (last.cpu_s - first.cpu_s) / (ended - began)

    @property
    def resident(self) -> int:
        """Bytes, when it was last looked at."""
        return self.looks[-1][1].resident

    @property
    def growth(self) -> float:
        """Bytes an hour, fitted to all looks."""
        times, sizes = zip(*((at, float(each.resident)) for at, each in self.looks), strict=True)
        return linear_regression(times, sizes).slope * 3600

    @property
    def written(self) -> float:
        """Bytes given to the file system a reading."""
        (began, first), (ended, last) = self.looks[0], self.looks[-1]
        return (last.written - first.written) / ((ended - began) / EVERY_S)


def measure(place: Workplace) -> Part:
    """Minutes at one reading in two seconds, then a broker that is killed and comes back."""
    broker_settings = "allow_anonymous true\npersistence false"
    with ExitStack() as stack:
        sensor = stack.enter_context(sensor_files(place.fresh("sensor")))
        broker = stack.enter_context(mosquitto(broker_settings))
        heard = stack.enter_context(Listener(broker))
        all_seen = []
        _ = place.bundle  # made before any clock runs
        for client in clients():
            start = time.perf_counter()
            process = stack.enter_context(started(client.command(place, broker, sensor)))
            all_seen.append(Seen(client, process, heard.first(client.topic, START_S) - start))
        time.sleep(WARM_S)
        _look(all_seen)
        _cut(all_seen, broker, heard)
    return Part("Beside what a user would pick instead", _rows(all_seen[0]), _table(all_seen))


def _look(all_seen: list[Seen]) -> None:
    """The quiet minutes."""
    end = time.perf_counter() + QUIET_S
    while True:
        for seen in all_seen:
            seen.looks.append((time.perf_counter(), usage(seen.process.pid)))
        left = end - time.perf_counter()
        if left <= 0:
            return
        time.sleep(min(LOOK_S, left))


def _cut(all_seen: list[Seen], broker: Broker, heard: Listener) -> None:
    """The broker is killed, and comes back as if it had never been there."""
    broker.kill()
    time.sleep(OUTAGE_S)
    broker.start()
    heard.wait_subscribed()
    time.sleep(AFTER_S)
    for seen in all_seen:
        seen.ended = _has_ended(seen)
        got: set[int] = set()
        for _, topic, payload in list(heard.messages):
            if topic.startswith(seen.client.topic.rsplit("/state", 1)[0]):
                got |= set(seen.client.records(topic, payload))
        _count(seen, got)


def _has_ended(seen: Seen) -> bool:
    """Whether it is gone; of a pipeline, whether the part that publishes is."""
    if seen.process.poll() is not None:
        return True
    names = {Path(f"/proc/{pid}/comm").read_text().strip() for pid in family(seen.process.pid)}
    return seen.client.publisher is not None and seen.client.publisher not in names


def _count(seen: Seen, got: set[int]) -> None:
    """Between the first and the last that came, all should have come; one that ended lost all since."""
    step = seen.client.step
    least, most = min(got), max(got)
    seen.taken = (most - least) // step + 1
    if seen.ended:
        seen.taken += round((OUTAGE_S + AFTER_S) / EVERY_S)
    seen.lost = seen.taken - len(got)


def _rows(agent: Seen) -> list[Row]:
    resident, share, grows = agent.resident / 1e6, 100 * agent.cpu_share, agent.growth / 1e6
    minutes = QUIET_S / 60
    at = f"one reading in {EVERY_S:g} s, live broker, after {WARM_S + QUIET_S:.0f} s"
    how = f"{at}; 1 MB = 10⁶ bytes, that is {agent.resident / 2**20:.1f} MiB"
    slope = f"fitted to {len(agent.looks)} looks while its memory of the room fills; see Ageing"
    mean = fmean(each.resident for _, each in agent.looks) / 1e6
    return [
        Row("resident memory", f"{resident:.1f} MB", f"{how}; mean {mean:.1f}", **below(resident, 55, "MB")),
        Row("its growth", f"{grows:+.2f} MB/h", slope),
        Row(
            "CPU",
            f"{share:.2f} % of a core",
            f"user and system over {minutes:g} minutes, the simulated room included",
            **below(share, 0.3, "%"),
        ),
    ]


def _table(all_seen: list[Seen]) -> str:
    titles = ["", "resident MB", "CPU %", "start to first message", "bytes to disk a reading"]
    titles.append(f"lost when the broker is killed for {OUTAGE_S:.0f} s")
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for seen in all_seen:
        lost = f"{seen.lost} of {seen.taken}" + (": it ended" if seen.ended else "")
        cells = [
            seen.client.name,
            f"{seen.resident / 1e6:.1f}",
            f"{100 * seen.cpu_share:.2f}",
            f"{seen.first_s:.2f} s",
            f"{seen.written:,.0f}",
            lost,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    missing = (
        "" if shutil.which("collectd", path="/usr/sbin:/usr/bin") else " collectd is not installed here."
    )
    return f"{chr(10).join(lines)}\n\n{ABOUT}{missing}"
