"""A fault, and the waveform of each kind: what leaves the sensor in place of what is true.

A waveform is `kind(fault, elapsed_s, values, memory)`: `elapsed_s` counts from the onset, `values`
maps channels to physical units (None: no value), and `memory` is a dict that lives as long as the
fault. A room fault's waveform stands in for the physics where the room is gone, in a recorded series;
it ends with the recovery, so that nothing of it is left when the fault is over.
"""

from dataclasses import dataclass
from math import exp, pi, sin
from random import Random
from typing import Any

from edge.sources.moist_air import mixing_ratio, relative_humidity

Values = dict[str, float | None]
Memory = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, at `onset_s` from the first reading of a series."""

    kind: str
    onset_s: float
    duration_s: float
    size: float = 0.0  # in the unit of `channel`; 0 for kinds that have no size
    channel: str | None = None  # None for a fault of the whole sensor

    @property
    def end_s(self) -> float:
        """When it is over; that moment is outside."""
        return self.onset_s + self.duration_s


def _moved(values: Values, channel: str | None, by: float) -> Values:
    """`values` with one channel raised, if it has a value."""
    value = values.get(channel) if channel else None
    return values if value is None or channel is None else {**values, channel: value + by}


def _chance(fault: Fault, memory: Memory) -> Random:
    """The fault's own random numbers, the same wherever it is put in."""
    if "chance" not in memory:
        memory["chance"] = Random(repr(fault))  # noqa: S311 - noise, not cryptography
    chance: Random = memory["chance"]
    return chance


def level_shift(fault: Fault, _elapsed_s: float, values: Values, _memory: Memory) -> Values:
    """Off by its size all the time; a spike is a short one."""
    return _moved(values, fault.channel, fault.size)


def drift(fault: Fault, elapsed_s: float, values: Values, _memory: Memory) -> Values:
    """Off by more and more, its size at the end; then somebody mends the sensor."""
    return _moved(values, fault.channel, fault.size * elapsed_s / fault.duration_s)


def frozen(_fault: Fault, _elapsed_s: float, values: Values, memory: Memory) -> Values:
    """The first value again and again."""
    for name, value in values.items():
        if value is not None:
            memory.setdefault(name, value)
    return {name: memory.get(name) for name in values}


def dropout(_fault: Fault, _elapsed_s: float, values: Values, _memory: Memory) -> Values:
    """No reading."""
    return dict.fromkeys(values)


def noise_burst(fault: Fault, _elapsed_s: float, values: Values, memory: Memory) -> Values:
    """White noise on top, of a standard deviation of its size."""
    return _moved(values, fault.channel, _chance(fault, memory).gauss(0.0, fault.size))


def zero(_fault: Fault, _elapsed_s: float, values: Values, _memory: Memory) -> Values:
    """A frame of nothing but zeros, which passes a DHT's checksum."""
    return {name: None if value is None else 0.0 for name, value in values.items()}


def saturated(fault: Fault, _elapsed_s: float, values: Values, _memory: Memory) -> Values:
    """Stuck at the end of the range, which is its size: water on the sensor, a broken element."""
    name = fault.channel
    return values if name is None or values.get(name) is None else {**values, name: fault.size}


def decorrelated(fault: Fault, elapsed_s: float, values: Values, memory: Memory) -> Values:
    """The channel goes its own smooth way from its value at the onset, whatever the room does."""
    name = fault.channel
    value = values.get(name) if name else None
    if name is None or value is None:
        return values
    if "waves" not in memory:
        chance = _chance(fault, memory)
        memory["start"] = value
        memory["waves"] = [(chance.uniform(1.5, 8.0), chance.uniform(0.0, 2.0 * pi)) for _ in range(3)]
    turn = 2.0 * pi * elapsed_s / fault.duration_s
    wander = sum(sin(rate * turn + phase) - sin(phase) for rate, phase in memory["waves"])
    return {**values, name: memory["start"] + 0.6 * fault.size * wander}


def _approach(fault: Fault, elapsed_s: float, slow_s: float) -> float:
    """0 to 1: towards 1 for two thirds of the duration, then back; time constant `slow_s` at most."""
    turn_s = fault.duration_s * 2.0 / 3.0
    slow_s = min(slow_s, turn_s / 3.0)
    if elapsed_s < turn_s:
        return 1.0 - exp(-elapsed_s / slow_s)
    back_s = (fault.duration_s - turn_s) / 5.0
    return (1.0 - exp(-turn_s / slow_s)) * exp(-(elapsed_s - turn_s) / back_s)


def _air(values: Values, temperature: float, ratio: float) -> Values:
    """`values` with air of °C and g/kg, in the channels that there are."""
    changed: Values = {"temperature": temperature}
    if values.get("humidity") is not None:
        changed["humidity"] = relative_humidity(temperature, ratio)
    return {**values, **changed}


def window_open(fault: Fault, elapsed_s: float, values: Values, memory: Memory) -> Values:
    """Air falls by its size towards cold air outside, and gets that air's water."""
    temperature, humidity = values.get("temperature"), values.get("humidity")
    if temperature is None:
        return values
    # The walls hold back about half of the fall in temperature, and little of the water.
    outdoor = memory.setdefault("outdoor", mixing_ratio(temperature - 2.0 * fault.size, 80.0))
    pull = _approach(fault, elapsed_s, 600.0)
    ratio = mixing_ratio(temperature, humidity or 0.0)
    return _air(values, temperature - fault.size * pull, ratio + (outdoor - ratio) * 0.8 * pull)


def heater_failing(fault: Fault, elapsed_s: float, values: Values, _memory: Memory) -> Values:
    """Air cools by its size over hours; its water stays, so that the relative humidity rises."""
    temperature, humidity = values.get("temperature"), values.get("humidity")
    if temperature is None:
        return values
    ratio = mixing_ratio(temperature, humidity or 0.0)
    return _air(values, temperature - fault.size * _approach(fault, elapsed_s, 10_800.0), ratio)


def humidity_surge(fault: Fault, elapsed_s: float, values: Values, _memory: Memory) -> Values:
    """A shower, a boiling pot or a leak: humidity rises by its size, the air a little warmer."""
    pull = _approach(fault, elapsed_s, 480.0)
    wetter = _moved(values, "humidity", fault.size * pull)
    return _moved(wetter, "temperature", fault.size / 60.0 * pull)
