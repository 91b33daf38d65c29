"""Lives to learn from: simulated rooms, signals of any kind, and recorded rooms, with known events put in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from edge.recording import Recording
from edge.sources.fault import Fault
from edge.sources.faults import inject, schedule
from edge.sources.room_settings import RoomSettings
from edge.sources.simulator import simulate
from edge.sources.weather import DAY_S
from trainer.pretraining.oddities import put_in
from trainer.pretraining.surrogate import surrogate

# Mostly what people choose; hours and seconds so that the network knows the ends.
PERIODS_S = (2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 60.0, 120.0, 120.0, 300.0, 300.0, 300.0, 600.0, 3600.0)
ROWS = (4_000, 12_000)
# A history of a twenty-fifth to a half of a life: from hours to weeks.
HISTORY_SHARE = (0.04, 0.5)
FEWEST_HISTORY_ROWS = 260
SURROGATE_SHARE, ODDITY_SHARE, RECORDED_SHARE = 0.25, 0.5, 0.3
# Of the simulated rooms with faults: those whose faults act on the physics, not on the values.
PHYSICS_SHARE = 0.6
_YEAR_MS = 1_700_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Life:
    """A device from its first reading on."""

    history: Recording  # clean, to learn the scales from
    clean: Recording  # all of it, with nothing wrong
    spoilt: Recording  # all of it, with labelled events after the history


def life(seed: int, recorded: tuple[Recording, ...] = ()) -> Life:
    """A life like no other; some are of `recorded` clean rooms if there are any. Deterministic."""
    rng = np.random.default_rng(seed)
    room: _Room | None = None
    if recorded and rng.random() < RECORDED_SHARE:
        clean = _piece(recorded[int(rng.integers(len(recorded)))], rng)
    elif rng.random() < SURROGATE_SHARE:
        clean = surrogate(rng, int(rng.integers(*ROWS)), float(rng.choice(PERIODS_S)))
    else:
        room = _Room.drawn(Random(seed), rng)  # noqa: S311 - rooms, not cryptography
        clean = room.lived(())
    keep = _some_channels(clean, rng)
    clean = _with(clean, keep)
    share = np.exp(rng.uniform(*np.log(HISTORY_SHARE)))
    cut = max(FEWEST_HISTORY_ROWS, int(len(clean) * share))
    history, rest = clean.between(0, cut), clean.between(cut, len(clean))
    if rng.random() < ODDITY_SHARE:
        return Life(history, clean, history.followed_by(put_in(rest, history, rng)))
    faults = _faults(rest, rng)
    if room is not None and rng.random() < PHYSICS_SHARE:
        offset_s = float(rest.ts_ms[0] - clean.ts_ms[0]) / 1000.0
        spoilt = room.lived([replace(fault, onset_s=fault.onset_s + offset_s) for fault in faults])
        return Life(history, clean, _with(spoilt, keep))
    return Life(history, clean, history.followed_by(inject(rest, faults)))


@dataclass(frozen=True, slots=True)
class _Room:
    """A simulated room, that can live the same days with faults and without."""

    length_s: float
    period_s: float
    seed: int
    start_ms: int
    settings: RoomSettings
    sensor: str

    @classmethod
    def drawn(cls, chance: Random, rng: np.random.Generator) -> "_Room":
        period_s = float(rng.choice(PERIODS_S))
        return cls(
            length_s=float(rng.integers(*ROWS)) * period_s,
            period_s=period_s,
            seed=chance.randrange(2**31),
            start_ms=_YEAR_MS + int(rng.integers(365 * 24)) * 3_600_000,
            settings=RoomSettings.random(chance),
            sensor=chance.choice(("dht22", "dht22", "bme280")),
        )

    def lived(self, faults: Sequence[Fault]) -> Recording:
        return simulate(
            self.length_s, self.period_s, self.seed, faults, self.start_ms, self.settings, sensor=self.sensor
        )


def _piece(whole: Recording, rng: np.random.Generator) -> Recording:
    """Some thousand rows of a recorded room."""
    length = min(len(whole), int(rng.integers(*ROWS)))
    start = int(rng.integers(len(whole) - length + 1))
    return whole.between(start, start + length)


def _some_channels(whole: Recording, rng: np.random.Generator) -> list[int]:
    """Columns: without pressure, which no shape needs; a third have temperature alone."""
    names = [c.name for c in whole.channels if c.name != "pressure"]
    if len(names) > 1 and rng.random() < 1 / 3:
        names = names[:1]
    return [k for k, c in enumerate(whole.channels) if c.name in names]


def _with(whole: Recording, columns: list[int]) -> Recording:
    channels = tuple(whole.channels[k] for k in columns)
    return replace(whole, channels=channels, values=whole.values[:, columns])


def _faults(rest: Recording, rng: np.random.Generator) -> list[Fault]:
    """Faults of the simulator's library, so often that a life has dozens, some of them cut short."""
    length_s = float(rest.ts_ms[-1] - rest.ts_ms[0]) / 1000.0
    longest_s = length_s / float(rng.choice((8.0, 12.0, 30.0)))
    every_s = max(length_s / 60.0, 40 * rest.period_s, min(length_s / 12.0, DAY_S / 8))
    names = tuple(c.name for c in rest.channels)
    return schedule(rng, 0.0, length_s, every_s, channels=names, period_s=rest.period_s, longest_s=longest_s)
