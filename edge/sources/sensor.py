"""A simulated sensor: what a DHT22 or a BME280 makes of the true air, slow, noisy and in steps."""

from dataclasses import dataclass
from math import exp
from random import Random

from edge.errors import ConfigError
from edge.reading import CHANNELS, HUMIDITY, PRESSURE, TEMPERATURE, Channel


@dataclass(frozen=True, slots=True)
class Trace:
    """How a sensor treats one channel, in the channel's unit."""

    channel: Channel
    resolution: float
    noise: float  # standard deviation of one measurement
    bias: float  # of this specimen
    lag_s: float  # first order


# Resolution from the data sheets; noise and lag so that steps are as frequent as in recorded DHT22 logs.
SENSORS: dict[str, tuple[Trace, ...]] = {
    "dht22": (Trace(TEMPERATURE, 0.1, 0.02, 0.2, 20.0), Trace(HUMIDITY, 0.1, 0.05, -1.4, 12.0)),
    "bme280": (
        Trace(TEMPERATURE, 0.01, 0.005, 0.5, 15.0),
        Trace(HUMIDITY, 0.01, 0.03, 1.1, 5.0),
        Trace(PRESSURE, 0.01, 0.02, -0.6, 0.5),
    ),
}

_ORDER = tuple(CHANNELS)


class Sensor:
    """One specimen of a kind. Deterministic by kind and seed."""

    def __init__(self, kind: str, true: tuple[float, float, float], seed: int) -> None:
        """`true` are °C, % and hPa of the air that it has long been in. Raises ConfigError."""
        self._traces = traces(kind)
        self.channels = tuple(t.channel for t in self._traces)
        self._rng = Random(f"sensor {seed}")  # noqa: S311 - noise, not cryptography
        self._places = [(t, _ORDER.index(t.channel.name)) for t in self._traces]
        self._felt = [true[place] for _, place in self._places]
        self._dt_s = 0.0
        self._keeps: list[float] = []

    def follow(self, true: tuple[float, float, float], dt_s: float) -> dict[str, float | None]:
        """What it feels `dt_s` later, in air of now `true` °C, % and hPa: not yet in steps."""
        if dt_s != self._dt_s:
            self._dt_s, self._keeps = dt_s, [exp(-dt_s / t.lag_s) for t in self._traces]
        values: dict[str, float | None] = {}
        for i, (trace, place) in enumerate(self._places):
            aim = true[place]
            felt = self._felt[i] = aim + (self._felt[i] - aim) * self._keeps[i]
            values[trace.channel.name] = felt + trace.bias + trace.noise * self._rng.gauss(0.0, 1.0)
        return values

    def report(self, values: dict[str, float | None]) -> dict[str, float | None]:
        """Values as they leave the sensor: within its range and in steps of its resolution."""
        reported: dict[str, float | None] = {}
        for trace in self._traces:
            value = values[trace.channel.name]
            reported[trace.channel.name] = (
                None if value is None else step(value, trace.channel, trace.resolution)
            )
        return reported


def traces(kind: str) -> tuple[Trace, ...]:
    """How a sensor of that kind treats its channels. Raises ConfigError when it is unknown."""
    if kind not in SENSORS:
        raise ConfigError(f"simulated sensor {kind!r} is unknown; choose one of {', '.join(sorted(SENSORS))}")
    return SENSORS[kind]


def step(value: float, channel: Channel, resolution: float) -> float:
    """`value` within the channel's range, in whole steps of `resolution` (0: as it is)."""
    value = min(channel.high, max(channel.low, value))
    if not resolution:
        return value
    # Dividing by a whole number gives 21.3 where a product gives 21.300000000000001.
    per_unit = round(1.0 / resolution) if resolution <= 1.0 else 1.0 / resolution
    return round(value * per_unit) / per_unit
