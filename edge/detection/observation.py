"""A scored reading, as the signals see it, and what a signal says of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ViewScore:
    """What one view says of the newest block; every tuple has one number a channel, in physical units."""

    expected: tuple[float, ...]
    surprise: tuple[float, ...]  # |residual| in standard deviations
    residual: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """One scored reading."""

    ts_ms: int
    values: tuple[float, ...]  # C, physical units
    views: tuple[ViewScore, ...]  # the first is that of the reading itself, a second of the last minutes
    level: tuple[float, ...] = ()  # C: distance from the usual, in swings
    far: tuple[float, ...] = ()  # C: largest distance from any level of the past, in that level's reach
    evidence: tuple[float, ...] = ()  # log odds of each shape of event that the model knows


@dataclass(frozen=True, slots=True)
class Strange:
    """How strange, and which channel (index) in which view says so."""

    value: float
    channel: int
    view: int = 0


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """What a signal may want to know of the room and its sensor."""

    channels: tuple[str, ...]
    period_s: float
    floor: tuple[float, ...]  # C, physical units
    change_rate: tuple[
        tuple[float, ...], ...
    ]  # C x 24: how often a value differs from the one before, by UTC hour
    shapes: tuple[str, ...] = ()  # those that the model knows
