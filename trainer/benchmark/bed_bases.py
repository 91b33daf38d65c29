"""Long clean series for the test bed: what is known to be true in a labelled folder, and simulated rooms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from random import Random

import numpy as np

from edge.errors import RecordingError
from edge.recording import Labels, Recording, Values, find_gaps
from edge.sources.room_settings import RoomSettings
from edge.sources.simulator import simulate
from edge.sources.weather import DAY_S
from trainer.benchmark.series import Series, read_index

SHORTEST_DAYS = 2.5  # a day to train on and a day and a half to judge
SIMULATED_DAYS = 22.0
# A sensor that dies is strange before its first impossible reading.
BEFORE_LABEL_S = 12 * 3600.0
# Copies of one series with different faults in them differ by rounding and by recoveries at most.
SAME = 0.9
_MONDAY_MS = 1_736_121_600_000  # 2025-01-06; a simulated room starts up to a year later


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A device's long clean life: nothing wrong is known of any row."""

    name: str
    recording: Recording  # without labels
    both: bool  # whether it has temperature and humidity
    simulated: bool = False

    @property
    def days(self) -> float:
        """From the first row to one period after the last."""
        ts_ms = self.recording.ts_ms
        return (float(ts_ms[-1] - ts_ms[0]) / 1000.0 + self.recording.period_s) / DAY_S


def bases_from(series: Sequence[Series] | Path) -> list[Base]:
    """A base for each sensor of a labelled folder that has a long clean stretch.

    Series of the same times that agree wherever neither is labelled are copies of one sensor. A copy
    without any label is the truth. Else a row is true when some copy of it has no label and all such
    copies agree to the last digit, and the base goes from the first row to the first that is not true,
    less twelve hours. Only series that have a temperature are devices.
    Raises RecordingError when there is no base at all.
    """
    found = read_index(series) if isinstance(series, Path) else list(series)
    devices = [each for each in found if "temperature" in {c.name for c in each.channels}]
    bases = [_base(copies) for copies in _families(devices)]
    long = [base for base in bases if base is not None and base.days >= SHORTEST_DAYS]
    if not long:
        where = series if isinstance(series, Path) else "the series given"
        raise RecordingError(
            f"{where}: no temperature is free of labels for {SHORTEST_DAYS:g} days from its start; "
            "the test bed needs longer series"
        )
    return long


def simulated_bases(count: int, seed: int = 0) -> list[Base]:
    """`count` rooms like no other, from any day of the year on.

    Every eight have all mixes of DHT22 and BME280, 60 s and 300 s, with humidity and without.
    """
    rng = Random(f"test bed {seed}")  # noqa: S311 - rooms, not cryptography
    return [_room(number, rng) for number in range(count)]


def _room(number: int, rng: Random) -> Base:
    sensor = ("dht22", "bme280")[number % 2]
    period_s = (60.0, 300.0)[number // 2 % 2]
    # Humidity changes place from one round of four to the next, so that all eight mixes come.
    names = ("temperature", "humidity") if (number + number // 4) % 2 == 0 else ("temperature",)
    start_ms = _MONDAY_MS + rng.randrange(365 * 24) * 3_600_000
    room, noise = RoomSettings.random(rng), rng.randrange(2**31)
    whole = simulate(SIMULATED_DAYS * DAY_S, period_s, noise, (), start_ms, room, sensor=sensor)
    name = f"room{number:02d}_{sensor}_{period_s:g}s"
    keep = [column for column, c in enumerate(whole.channels) if c.name in names]
    recording = replace(
        whole,
        name=name,
        channels=tuple(whole.channels[column] for column in keep),
        values=whole.values[:, keep],
        labels=None,
        kinds=None,
    )
    return Base(name, recording, len(keep) == 2, simulated=True)


def _families(series: Sequence[Series]) -> list[list[Series]]:
    """Copies of one sensor together, in the order of their first."""
    families: list[list[Series]] = []
    for each in series:
        for family in families:
            if _are_copies(family[0], each):
                family.append(each)
                break
        else:
            families.append([each])
    return families


def _are_copies(one: Series, other: Series) -> bool:
    if one.channels != other.channels or not np.array_equal(one.ts_ms, other.ts_ms):
        return False
    calm = ~(one.labels | other.labels)
    rounding = np.array([c.resolution for c in one.channels])
    return bool(calm.any()) and float(_same(one.values, other.values, rounding)[calm].mean()) >= SAME


def _same(one: Values, other: Values, by: Values | float = 0.0) -> Labels:
    """(N,) whether all channels differ by no more than `by`; two missing values are the same."""
    alike = (np.abs(one - other) <= by) | (np.isnan(one) & np.isnan(other))
    return np.asarray(alike.all(axis=1), np.bool_)


def _truth(copies: Sequence[Series]) -> tuple[Values, Labels]:
    """(N, C) values of the first copy that has no label there, and (N,) where the truth is not known."""
    whole = [copy for copy in copies if not copy.labels.any()]
    chosen = whole[:1] or copies
    values, doubt = chosen[0].values.copy(), chosen[0].labels.copy()
    for copy in chosen[1:]:
        better = doubt & ~copy.labels
        values[better] = copy.values[better]
        doubt &= copy.labels
    for copy in chosen:
        doubt |= ~copy.labels & ~_same(values, copy.values)
    return values, doubt


def _base(copies: Sequence[Series]) -> Base | None:
    """The clean head of one sensor, None when there is none."""
    first = copies[0]
    values, doubt = _truth(copies)
    ts_ms = first.ts_ms
    later = np.append(True, ts_ms[1:] > np.maximum.accumulate(ts_ms)[:-1])
    head = np.ones(len(ts_ms), bool)
    if doubt.any():
        head[doubt.argmax() :] = False
        head &= ts_ms < ts_ms[doubt.argmax()] - 1000.0 * BEFORE_LABEL_S
    rows = np.flatnonzero(head & later)
    if len(rows) < 2:
        return None
    name = f"{first.group}/{_common([each.name for each in copies])}"
    names = {c.name for c in first.channels}
    recording = Recording(
        name=name,
        ts_ms=ts_ms[rows],
        channels=first.channels,
        values=values[rows],
        labels=None,
        kinds=None,
        period_s=first.period_s,
        gaps=find_gaps(ts_ms[rows], first.period_s),
        columns={channel: channel for channel in names},
        found=(),
    )
    return Base(name, recording, {"temperature", "humidity"} <= names)


def _common(names: Sequence[str]) -> str:
    """How all of them begin; the first when they have no beginning in common."""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike).rstrip("_- ") or names[0]
