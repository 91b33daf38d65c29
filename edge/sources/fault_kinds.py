"""The kinds of faults: for each its waveform, its physics, and what is believable. Add a kind here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import edge.sources.fault as waveforms
from edge.errors import ConfigError
from edge.sources.fault import Fault, Memory, Values
from edge.sources.room import CALM, Disturbance

_MINUTE, _HOUR = 60.0, 3600.0
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of fault. Durations are in seconds, sizes per channel in that channel's unit.

    `disturb` is what it does to a room's physics; None for a fault of the sensor.
    """

    distort: Callable[[Fault, float, Values, Memory], Values]
    duration_s: Range
    sizes: Mapping[str, Range] = field(default_factory=dict)
    downwards: bool = False  # whether it goes down as often as up
    readings: int = 1  # in fewer than these it cannot be seen
    disturb: Callable[[Fault], Disturbance] | None = None

    @property
    def acts_on(self) -> Literal["sensor", "room"]:
        """Whether the sensor is at fault or the room."""
        return "sensor" if self.disturb is None else "room"


def _window(fault: Fault) -> Disturbance:
    return Disturbance(ventilation=2.0 * fault.size)  # 20 times for a fall of 10 °C


def _heater(fault: Fault) -> Disturbance:
    return Disturbance(heating=max(0.0, 0.6 - 0.1 * fault.size))  # nothing is left from 6 °C on


def _moisture(fault: Fault) -> Disturbance:
    return Disturbance(moistening=3.0 * fault.size)  # its size in 20 minutes, if nothing were lost


KINDS: dict[str, Kind] = {
    "spike": Kind(
        waveforms.level_shift,
        (5.0, 30.0),
        {"temperature": (4.0, 15.0), "humidity": (10.0, 40.0), "pressure": (10.0, 60.0)},
        downwards=True,
    ),
    "level_shift": Kind(
        waveforms.level_shift,
        (20 * _MINUTE, 6 * _HOUR),
        {"temperature": (2.0, 6.0), "humidity": (8.0, 20.0), "pressure": (5.0, 15.0)},
        downwards=True,
        readings=6,
    ),
    "drift": Kind(
        waveforms.drift,
        (2 * _HOUR, 12 * _HOUR),
        {"temperature": (3.0, 8.0), "humidity": (10.0, 25.0), "pressure": (8.0, 20.0)},
        downwards=True,
        readings=12,
    ),
    "frozen": Kind(waveforms.frozen, (40 * _MINUTE, 6 * _HOUR), readings=12),
    "dropout": Kind(waveforms.dropout, (2 * _MINUTE, 30 * _MINUTE)),
    "noise_burst": Kind(
        waveforms.noise_burst,
        (10 * _MINUTE, 60 * _MINUTE),
        {"temperature": (0.8, 3.0), "humidity": (3.0, 10.0), "pressure": (1.0, 4.0)},
        readings=8,
    ),
    "zero": Kind(waveforms.zero, (1 * _MINUTE, 10 * _MINUTE)),
    "saturated": Kind(
        waveforms.saturated,
        (5 * _MINUTE, 60 * _MINUTE),
        {"temperature": (80.0, 80.0), "humidity": (99.9, 99.9)},  # where a DHT22 ends
        readings=2,
    ),
    "window_open": Kind(
        waveforms.window_open,
        (15 * _MINUTE, 90 * _MINUTE),
        {"temperature": (4.0, 12.0)},
        readings=6,
        disturb=_window,
    ),
    "heater_failing": Kind(
        waveforms.heater_failing,
        (3 * _HOUR, 12 * _HOUR),
        {"temperature": (3.0, 8.0)},
        readings=6,
        disturb=_heater,
    ),
    "humidity_surge": Kind(
        waveforms.humidity_surge,
        (12 * _MINUTE, 45 * _MINUTE),
        {"humidity": (12.0, 35.0)},
        readings=4,
        disturb=_moisture,
    ),
    "decorrelated": Kind(
        waveforms.decorrelated,
        (1 * _HOUR, 4 * _HOUR),
        {"temperature": (1.0, 3.0), "humidity": (4.0, 12.0)},
        readings=12,
    ),
}


def kind_of(fault: Fault) -> Kind:
    """The kind of that fault. Raises ConfigError when there is none, or when it never lasts."""
    if not fault.duration_s > 0:
        raise ConfigError(f"a {fault.kind} fault must last longer than {fault.duration_s} s")
    return KINDS[check_kinds((fault.kind,))[0]]


def check_kinds(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """`kinds`, if all of them exist. Raises ConfigError otherwise."""
    for kind in kinds:
        if kind not in KINDS:
            raise ConfigError(f"fault kind {kind!r} is unknown; choose from {', '.join(KINDS)}")
    return kinds


def disturbance(fault: Fault | None) -> Disturbance:
    """What that fault does to the physics of a room."""
    disturb = kind_of(fault).disturb if fault else None
    return disturb(fault) if fault and disturb else CALM
