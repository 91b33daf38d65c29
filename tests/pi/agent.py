"""picanary as it runs on the emulated Pi, and a room for it to be in."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

from edge.sources.simulator import simulate
from tests.pi.consumer import Consumer
from tests.pi.emulator import Pi

DEVICE = "emulated-pi"
# QEMU shows the host's loopback to the guest as this address, which leads nowhere else.
EDGE_TOML = """\
[agent]
device = "emulated-pi"
bundle = "/opt/picanary/current/room.canary"

[source]
kind = "iio"

[journal]
commit_s = 1.0

[broker]
address = "10.0.2.2:{port}"
keepalive_s = 300  # its time leaps, the broker's does not
spread_s = 0.0
"""
RUN = "STATE_DIRECTORY=/var/lib/picanary exec /opt/picanary/current/venv/bin/python -m edge"
CONFIG = "--config /opt/picanary/current/edge.toml"
Pair = tuple[float, float]  # °C, %
Record = dict[str, Any]
WARM_UP = 60
DAY = 8640  # readings


def room() -> list[Pair]:
    """The fifth day of the room whose first four the model of the fixture `room_bundle` was trained on."""
    readings = simulate(4.1 * 86_400.0, 10.0, seed=7).values[4 * DAY :]
    return [(round(float(t), 1), round(float(h), 1)) for t, h in readings]


@dataclass
class Agent:
    """Each answer of the sensor is a record of the agent's, so we know which record has which reading."""

    pi: Pi
    consumer: Consumer

    def __post_init__(self) -> None:
        self._room = iter(room())
        self._answers_before = 0

    def start(self) -> None:
        """Until it has seen enough of the room to judge it."""
        self.pi.order("sh /opt/picanary/releases/*/install.sh switch")
        self.pi.order("mkdir -p /var/lib/picanary")
        self._answers_before = self.pi.answers_given()
        self.pi.order(f"({RUN} {CONFIG}) >/tmp/agent.log 2>&1 & agent=$!")
        self.consumer.wait_for(1)
        self.live(WARM_UP)

    def measure(self, *pairs: Pair, fault: str = "none", count: int = -1) -> list[Record]:
        """The records of readings of these, once they have come; `count` have the fault first (-1: all)."""
        return self.consumer.take(self.let_pass(*pairs, fault=fault, count=count))

    def let_pass(self, *pairs: Pair, fault: str = "none", count: int = -1) -> range:
        """The numbers of the records of readings of these, which may come now or later."""
        last = self.pi.measure(*pairs, fault=fault, count=count) - self._answers_before
        return range(last - len(pairs) + 1, last + 1)

    def live(self, readings: int, fault: str = "none", count: int = -1) -> list[Record]:
        """The same of so many more readings of the room."""
        return self.measure(*islice(self._room, readings), fault=fault, count=count)

    def said(self) -> str:
        """Its log."""
        return self.pi.order("cat /tmp/agent.log")
