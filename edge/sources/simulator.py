"""A simulated room with a sensor in it: a source for the agent, a labelled history for the trainer."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from random import Random

import numpy as np

from edge.errors import ConfigError
from edge.reading import Channel, Quality, Reading
from edge.recording import Recording
from edge.sources.fault import Fault, Values
from edge.sources.fault_kinds import disturbance
from edge.sources.faults import Plan, Timeline, occurrences
from edge.sources.room import CALM, MONDAY_S, Room, RoomSettings
from edge.sources.sensor import Sensor, traces
from edge.sources.settings import SourceSettings
from edge.sources.weather import DAY_S

SETTLE_DAYS = 6.0
CALM_S = 3 * 3600.0
_WEEK_S = 7 * DAY_S


class SimulatedDevice:
    """A room, the sensor in it and the faults that befall them, one reading at a time."""

    def __init__(
        self,
        period_s: float,
        seed: int,
        faults: Iterable[Fault] = (),
        *,
        start_s: float = MONDAY_S,
        room: RoomSettings | None = None,
        sensor: str = "dht22",
    ) -> None:
        """The first reading is at `start_s`, when the room has long settled. Raises ConfigError."""
        if not (math.isfinite(period_s) and period_s > 0):
            raise ConfigError(f"a simulated room needs a period above 0 s, not {period_s}")
        self._period_s = period_s
        self._timeline = Timeline(faults)
        self._room = Room(room, seed, start_s - SETTLE_DAYS * DAY_S - 2 * period_s)
        self._room.settle(SETTLE_DAYS)
        self._sensor = Sensor(sensor, self._room.step(period_s), seed)
        self.channels: tuple[Channel, ...] = self._sensor.channels
        self._taken = 0

    def advance(self) -> tuple[Values, str | None]:
        """One period on: what the sensor reports, and the kind of the fault now acting."""
        elapsed_s = self._taken * self._period_s
        self._taken += 1
        fault = self._timeline.at(elapsed_s)
        acts = self._room.disturbance = disturbance(fault)
        values = self._sensor.follow(self._room.step(self._period_s), self._period_s)
        if fault is not None and acts is CALM:
            values = self._timeline.distort(elapsed_s, values)
        return self._sensor.report(values), fault.kind if fault else None


def simulate(
    duration_s: float,
    period_s: float,
    seed: int,
    faults: Iterable[Fault] = (),
    start_ms: int = round(MONDAY_S * 1000),
    room: RoomSettings | None = None,
    *,
    sensor: str = "dht22",
) -> Recording:
    """A labelled history of `duration_s`: the same values as a Simulator would read one by one.

    A row's label and kind are those of the fault then acting; a room that is still recovering from a
    window is not labelled. Raises ConfigError.
    """
    device = SimulatedDevice(period_s, seed, faults, start_s=start_ms / 1000.0, room=room, sensor=sensor)
    rows = [device.advance() for _ in range(math.floor(duration_s / period_s))]
    kinds = tuple(kind for _, kind in rows)
    values = [[math.nan if v is None else v for v in row.values()] for row, _ in rows]
    return Recording(
        name="simulated room",
        ts_ms=start_ms + np.rint(np.arange(len(rows)) * period_s * 1000.0).astype(np.int64),
        channels=device.channels,
        values=np.array(values, np.float64).reshape(-1, len(device.channels)),
        labels=np.array([kind is not None for kind in kinds], bool),
        kinds=kinds,
        period_s=period_s,
        gaps=(),
        columns={c.name: c.key for c in device.channels},
        found=(f"{duration_s / DAY_S:g} days of a simulated room, one reading in {period_s:g} s",),
    )


class Simulator:
    """A source without hardware. Each reading is one period of the room's own time later.

    The room lives `speed` times faster than we do: it is to be read every `interval_s`. Readings
    carry the clocks of the real world. All other times are the room's. Deterministic by seed and start.
    """

    name = "simulator"
    simulated = True

    def __init__(
        self,
        period_s: float = 10.0,
        seed: int = 0,
        *,
        speed: float = 1.0,
        faults_every_s: float | None = None,
        kinds: tuple[str, ...] | None = None,
        longest_s: float = math.inf,
        calm_s: float = CALM_S,
        start_s: float | None = None,
        room: RoomSettings | None = None,
        sensor: str = "dht22",
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """One fault in every `faults_every_s`, none for None, and none in the first `calm_s`.

        `longest_s` bounds the faults. Without `start_s` the room is in a winter's week, at the weekday
        and the hour of the wall clock, for that is what the trainer simulates too. Raises ConfigError.
        """
        if not (math.isfinite(speed) and speed > 0):
            raise ConfigError(f"the simulator's speed must be above 0, not {speed}")
        self.interval_s = period_s / speed
        self._wall, self._monotonic = wall, monotonic
        faults: Iterable[Fault] = ()
        if faults_every_s is not None:
            channels = tuple(trace.channel.name for trace in traces(sensor))
            faults = endless(seed, calm_s, Plan(faults_every_s, kinds, channels, period_s, longest_s))
        start_s = MONDAY_S + (wall() - MONDAY_S) % _WEEK_S if start_s is None else start_s
        self._device = SimulatedDevice(period_s, seed, faults, start_s=start_s, room=room, sensor=sensor)
        self.channels: tuple[Channel, ...] = self._device.channels

    @classmethod
    def open(cls, settings: SourceSettings) -> "Simulator":
        """The simulator of the settings, with faults that are over in a third of the time between them."""
        every_s = settings.faults_every_s or None
        return cls(
            settings.period_s,
            settings.seed,
            speed=settings.speed,
            faults_every_s=every_s,
            longest_s=every_s / 3.0 if every_s else math.inf,
            calm_s=min(CALM_S, every_s) if every_s else CALM_S,
            sensor=settings.sensor.lower(),
        )

    def read(self) -> Reading:
        """One period later in the room. A reading that drops out has no values, and still its fault."""
        values, fault = self._device.advance()
        quality: Quality = "missing" if None in values.values() else "ok"
        return Reading(round(self._wall() * 1000), round(self._monotonic() * 1000), values, quality, fault)

    def close(self) -> None:
        """Nothing to let go of."""


def endless(seed: int, calm_s: float, plan: Plan) -> Iterator[Fault]:
    """The faults that a simulator of that seed meets, the first not before `calm_s`."""
    rng = Random(f"faults {seed}")  # noqa: S311 - faults, not cryptography
    return occurrences(rng, calm_s - plan.gap_s, plan)
