"""Faults in the course of time: planned at random, acting one after the other, put into a recording."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, takewhile
from typing import Protocol

import numpy as np

from edge.errors import ConfigError, RecordingError
from edge.reading import Channel
from edge.recording import Recording, Values
from edge.sources.fault import Fault, Memory
from edge.sources.fault_kinds import KINDS, Kind, check_kinds, kind_of
from edge.sources.sensor import step

__all__ = ["KINDS", "Fault", "Kind", "Plan", "Timeline", "inject", "occurrences", "schedule"]

# Steps of common sensors and loggers, coarse to fine.
_RESOLUTIONS = (1.0, 0.5, 0.1, 0.05, 0.01, 0.001)


class Chance(Protocol):
    """What random.Random and numpy's Generator have in common."""

    def random(self) -> float:
        """Uniform in [0, 1)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How often faults come, and which: one in every `every_s`, each kind in turn, never two at once."""

    every_s: float
    kinds: tuple[str, ...] | None = None  # None: all that can be seen on `channels`
    channels: tuple[str, ...] = ("temperature", "humidity")
    period_s: float = 10.0  # of sampling; a fault lasts for as many readings as it takes to be seen
    longest_s: float = math.inf
    minimum_gap_s: float | None = None  # calm before each fault; None: a third of `every_s`

    def __post_init__(self) -> None:
        """Raises ConfigError when no faults can come so."""
        if not self.room_s > 0:
            raise ConfigError(
                f"faults cannot come every {self.every_s:g} s with {self.gap_s:g} s of calm between; "
                "let them come more seldom"
            )
        if not self.longest_s > 0:
            raise ConfigError(f"the longest fault must be longer than {self.longest_s:g} s")
        if not self.visible_kinds:
            raise ConfigError(
                f"none of the faults chosen can be seen on {', '.join(self.channels)}; choose others"
            )

    @property
    def gap_s(self) -> float:
        """Calm before each fault."""
        return self.every_s / 3.0 if self.minimum_gap_s is None else self.minimum_gap_s

    @property
    def room_s(self) -> float:
        """What is left for the fault itself."""
        return self.every_s - self.gap_s

    @property
    def visible_kinds(self) -> list[str]:
        """Those kinds that show on the channels, in the order of KINDS."""
        chosen = KINDS if self.kinds is None else check_kinds(self.kinds)
        return [k for k in KINDS if k in chosen and (not KINDS[k].sizes or self._sized(KINDS[k]))]

    def _sized(self, kind: Kind) -> list[str]:
        return [name for name in self.channels if name in kind.sizes]

    def draw(self, rng: Chance, kind: str, slot_s: float) -> Fault:
        """A fault of `kind` in the slot of `every_s` that begins at `slot_s`."""
        about = KINDS[kind]
        low, high = about.duration_s
        duration = min(low * (high / low) ** rng.random(), self.longest_s)
        duration = min(max(duration, about.readings * self.period_s), self.room_s)
        onset = slot_s + self.gap_s + rng.random() * (self.room_s - duration)
        names = self._sized(about)
        if not names:
            return Fault(kind, onset, duration)
        name = names[int(rng.random() * len(names))]
        small, large = about.sizes[name]
        size = small + (large - small) * rng.random()
        sign = -1.0 if about.downwards and rng.random() < 0.5 else 1.0
        return Fault(kind, onset, duration, sign * size, name)


def occurrences(rng: Chance, start_s: float, plan: Plan) -> Iterator[Fault]:
    """Faults from `start_s` on without end, in shuffled rounds of all kinds. Deterministic by `rng`."""
    kinds = plan.visible_kinds
    for turn in count():
        for place, kind in enumerate(sorted(kinds, key=lambda _: rng.random())):
            yield plan.draw(rng, kind, start_s + (turn * len(kinds) + place) * plan.every_s)


def schedule(
    rng: Chance,
    start_s: float,
    end_s: float,
    every_s: float,
    kinds: Sequence[str] | None = None,
    minimum_gap_s: float | None = None,
    *,
    channels: Sequence[str] = ("temperature", "humidity"),
    period_s: float = 10.0,
    longest_s: float = math.inf,
) -> list[Fault]:
    """Faults within `start_s` to `end_s` from the first reading; see Plan. Raises ConfigError."""
    chosen = None if kinds is None else tuple(kinds)
    plan = Plan(every_s, chosen, tuple(channels), period_s, longest_s, minimum_gap_s)
    return list(takewhile(lambda fault: fault.end_s <= end_s, occurrences(rng, start_s, plan)))


class Timeline:
    """Faults met as time goes by: which one acts now, and what it makes of the values."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        """`faults` follow each other without overlap; they may be endless."""
        self._faults = iter(faults)
        self._over_s = -math.inf
        self._now: Fault | None = None
        self._memory: Memory = {}
        self._turn()

    def _turn(self) -> None:
        """To the next fault."""
        self._now, self._memory = next(self._faults, None), {}
        if self._now is None:
            return
        kind_of(self._now)
        if self._now.onset_s < self._over_s:
            raise ConfigError(
                f"the {self._now.kind} fault at {self._now.onset_s:g} s begins before the one ahead ends; "
                "sort faults by onset and keep them apart"
            )
        self._over_s = self._now.end_s

    def at(self, elapsed_s: float) -> Fault | None:
        """The fault acting at `elapsed_s`, which never goes back. Raises ConfigError when faults overlap."""
        while self._now is not None and elapsed_s >= self._over_s:
            self._turn()
        return self._now if self._now is not None and elapsed_s >= self._now.onset_s else None

    def distort(self, elapsed_s: float, values: dict[str, float | None]) -> dict[str, float | None]:
        """`values` as they leave the sensor at `elapsed_s`, by the waveform of the fault acting then."""
        fault = self.at(elapsed_s)
        if fault is None:
            return values
        return kind_of(fault).distort(fault, elapsed_s - fault.onset_s, values, self._memory)


def inject(recording: Recording, faults: Iterable[Fault]) -> Recording:
    """The recording with `faults` (seconds from its first row) put in, labels and kinds set.

    Rows outside of every fault keep their values, labels and kinds. A row is labelled from a fault's
    onset to its end. Raises RecordingError when a fault's channel is not in the recording, and
    ConfigError when faults overlap.
    """
    planned = sorted(faults, key=lambda fault: fault.onset_s)
    names = [c.name for c in recording.channels]
    for fault in planned:
        if fault.channel is not None and fault.channel not in names:
            raise RecordingError(
                f"{recording.name} has no {fault.channel} for a {fault.kind} fault; "
                f"plan faults for its channels: {', '.join(names)}"
            )
    timeline = Timeline(planned)
    values = recording.values.copy()
    labels = np.zeros(len(recording), bool) if recording.labels is None else recording.labels.copy()
    kinds = list(recording.kinds or (None,) * len(recording))
    steps = [_resolution(column) for column in recording.values.T]
    for row, elapsed_s in enumerate(((recording.ts_ms - recording.ts_ms[:1]) / 1000.0).tolist()):
        acting = timeline.at(elapsed_s)
        if acting is not None:
            labels[row], kinds[row] = True, acting.kind
            spoilt = timeline.distort(elapsed_s, recording.reading(row).values)
            values[row] = [
                _written(spoilt[c.name], c, size) for c, size in zip(recording.channels, steps, strict=True)
            ]
    return replace(recording, values=values, labels=labels, kinds=tuple(kinds))


def _written(value: float | None, channel: Channel, resolution: float) -> float:
    return math.nan if value is None else step(value, channel, resolution)


def _resolution(column: Values) -> float:
    """The step in which a column (n,) was recorded, 0 when there is none: faults must not show by it."""
    finite = column[np.isfinite(column)]
    for resolution in _RESOLUTIONS:
        whole = finite / resolution
        if len(finite) and np.mean(np.abs(whole - np.rint(whole)) < 1e-5) > 0.99:
            return resolution
    return 0.0
