"""What a sensor measures: channels with their units and ranges, and one reading of them."""

import math
from dataclasses import dataclass, field
from typing import Literal

from edge.detection.arithmetic import N

Quality = Literal["ok", "retried", "rejected", "missing"]


@dataclass(frozen=True, slots=True)
class Leap:
    """How far a value can believably go from one reading to the next, in the channel's unit."""

    at_once: float = math.inf
    per_minute: float = 0.0

    def within(self, elapsed_s: N) -> N:
        """The furthest that it can go in so many seconds."""
        return self.at_once + self.per_minute * elapsed_s / 60.0


@dataclass(frozen=True, slots=True)
class Channel:
    """One measured quantity.

    `low` and `high` bound what any sensor of this kind can truthfully report; outside, the
    sensor is broken. `resolution` is the coarsest step of a common sensor, in the channel's
    unit. `key` is the name in JSON and CSV, which carries the unit. `floor` is a change that
    nobody would call strange however quiet the room: no deviation counts as smaller. `alone` is
    the furthest that this value can go while the others stay, `together` when another goes as wildly:
    a wrong reading that keeps its checksum is wrong in two places (`edge/gate_jump.py`). A value that
    always moves and stands for `stands_min` minutes is a stuck sensor's (`edge/gate_still.py`).
    """

    name: str
    unit: str
    key: str
    low: float
    high: float
    resolution: float
    floor: float = 0.0
    alone: Leap = Leap()
    together: Leap = Leap()
    stands_min: float = math.inf

    def is_plausible(self, value: float) -> bool:
        """Whether `value` is finite and inside what a working sensor can report."""
        return math.isfinite(value) and self.low <= value <= self.high


# `alone` is for the sensor in the fastest change there is, which must stay an event to be found: a DHT22
# (time constant 6 s in moving air) that goes from a freezer to a hand, a breath or steam on its humidity
# element (below 5 s); for the air's pressure a lift in a tower (0.5 hPa a second), since a gale takes an hour
# and a door half a hectopascal: more is the barometer. `together` is for the air of a room: the
# 121,000 unlabelled readings of recorded rooms, one in 5 to 3600 s, come to 0.42 of it (3.4 °C and 7.1 % in
# five minutes, on a mote in the sun), where a wrong bit in two places is 12.8 °C and 12.8 %.
TEMPERATURE = Channel(
    "temperature", "°C", "temperature_c", -40.0, 125.0, 0.1, 0.05, Leap(16.0, 30.0), Leap(2.0, 1.2)
)
HUMIDITY = Channel("humidity", "%", "humidity_pct", 0.0, 100.0, 0.1, 0.2, Leap(40.0, 30.0), Leap(4.0, 1.2))
PRESSURE = Channel(
    "pressure", "hPa", "pressure_hpa", 300.0, 1100.0, 0.01, 0.03, Leap(5.0, 20.0), Leap(3.0, 1.2), 3.0
)

# The order here is the order of channels everywhere: in windows, models, records and pages.
CHANNELS: dict[str, Channel] = {c.name: c for c in (TEMPERATURE, HUMIDITY, PRESSURE)}


def channel(name: str) -> Channel:
    """The channel of that name; one that picanary does not know has no unit and no range."""
    return CHANNELS.get(name) or Channel(name, "", name, -math.inf, math.inf, 0.0)


def in_order(names: set[str]) -> tuple[Channel, ...]:
    """Channels in their fixed order: the known ones first, then the others by name."""
    known = [c for c in CHANNELS.values() if c.name in names]
    return (*known, *(channel(name) for name in sorted(names - CHANNELS.keys())))


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement of all channels at one time.

    `values` maps channel names to physical units; None is a value that could not be had.
    `ts_ms` is wall time (Unix epoch), `mono_ms` monotonic time; replayed readings carry the
    times of the recording. `fault` names what the simulator did to this reading (ground
    truth; always None for a real sensor). `complaint` is the sensor's own sentence when it gave nothing.
    """

    ts_ms: int
    mono_ms: int
    values: dict[str, float | None] = field(default_factory=dict)
    quality: Quality = "ok"
    fault: str | None = None
    complaint: str | None = None
