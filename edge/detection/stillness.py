"""Values that do not move: one that is stuck, and all of them at once."""

import functools
import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from edge.detection.arithmetic import N, largest, sqrt
from edge.detection.observation import Observation, SignalSettings, Strange

# One value that stands while the others go on is broken sooner than a night that is quiet: after so many
# minutes, if it mostly moves each minute (a nat of surprise). In recorded rooms the longest that a value
# like that stood beside others that moved gives half a nat a minute.
STUCK_MIN, STUCK_NATS_PER_MIN, STUCK_WEIGHT = 50.0, 1.0, 4.0
# The others go on when they move at least so often as this share of their habit.
MOVING = 0.5


# Evidence is counted in whole quanta, whose sums are exact: one by one or all at once.
QUANTUM = 2.0**-36
HOUR_MS = 3_600_000
UNIT = round(1.0 / QUANTUM)
Count = Any  # an integer, or a column of them


class Run:
    """What has been gained since something moved last, and nothing in the reading that moved."""

    def __init__(self) -> None:
        self.gained = 0

    def see(self, moved: Any, gain: Count) -> Count:
        """One reading, or a column of them: whether it moved, and what it gains else."""
        if moved is True or moved is False:
            self.gained = 0 if moved else self.gained + gain
            return self.gained
        total = np.cumsum(gain)
        last = np.maximum.accumulate(np.where(moved, np.arange(len(moved)), -1))
        gained = total - np.where(last < 0, -self.gained, total[last])
        self.gained = int(gained[-1])
        return gained


class Hours:
    """Numbers of each channel for each hour of the day (UTC), in quanta."""

    def __init__(self, numbers: Iterable[Iterable[float]]) -> None:
        """C x 24."""
        self._columns = [np.array([round(x / QUANTUM) for x in row], np.int64) for row in numbers]
        self._hours = list(zip(*(column.tolist() for column in self._columns), strict=True))

    def at(self, ts_ms: Any) -> Sequence[Count]:
        """C of one time, or columns of many."""
        hour = ts_ms // HOUR_MS % 24
        if isinstance(ts_ms, int):
            of_all: Sequence[int] = self._hours[hour]
            return of_all
        return [column[hour] for column in self._columns]


class Stillness:
    """For how long values have not changed, and how surprising that is."""

    def __init__(self, settings: SignalSettings) -> None:
        self._period_min = settings.period_s / 60.0
        self._hours = Hours([-math.log1p(-rate) for rate in hours] for hours in settings.change_rate)
        self._last: Sequence[float] = [math.nan] * len(settings.channels)
        self._runs = [(Run(), Run()) for _ in settings.channels]
        self.nats: Sequence[Count] = []  # C: the surprise of each value if it has not moved, in quanta
        self.moved: list[Any] = []  # C: whether each value has
        self.samples: list[Count] = []
        self.evidence: list[Count] = []  # in quanta

    def see(self, seen: Observation[N]) -> None:
        """One reading, or many."""
        self.nats, values = self._hours.at(seen.ts_ms), seen.values
        if isinstance(values[0], float):
            one: Count = 1
            self.moved = [value != last for value, last in zip(values, self._last, strict=True)]
            self._last = values
        else:
            one = np.ones(len(seen.ts_ms), np.int64)
            before = [np.append(last, value[:-1]) for value, last in zip(values, self._last, strict=True)]
            self.moved = [value != last for value, last in zip(values, before, strict=True)]
            self._last = [float(value[-1]) for value in values]
        runs = list(zip(self._runs, self.moved, self.nats, strict=True))
        self.samples = [samples.see(moved, one) for (samples, _), moved, _ in runs]
        self.evidence = [evidence.see(moved, nats) for (_, evidence), moved, nats in runs]

    def strength(self, samples: Count, evidence: Count) -> Any:
        """sqrt(minutes unchanged x their surprise in nats)."""
        return sqrt(self.minutes(samples) * (evidence * QUANTUM))

    def minutes(self, samples: Count) -> Any:
        """How long so many samples are."""
        return samples * self._period_min

    def reset(self) -> None:
        """Forget since when the values stand."""
        self._last = [math.nan] * len(self._last)


class Beside:
    """Whether the other values went on while one stood still."""

    def __init__(self, settings: SignalSettings) -> None:
        self._asked = Hours([MOVING * rate for rate in hours] for hours in settings.change_rate)
        # for each channel, since it stands: how often the others moved, above what is asked of them
        self._moves = [Run() for _ in settings.channels]

    def see(self, seen: Observation[N], moved: list[Any]) -> list[Any]:
        """Whether the others of each channel went on; a value without others has none."""
        asked = self._asked.at(seen.ts_ms)
        gained = [each * UNIT - least for each, least in zip(moved, asked, strict=True)]
        total = sum(gained)
        moves = [
            run.see(each, total - own) for run, each, own in zip(self._moves, moved, gained, strict=True)
        ]
        return [(each >= 0) & (len(moves) > 1) for each in moves]

    def reset(self) -> None:
        """Forget what was."""
        for run in self._moves:
            run.gained = 0


class Stuck:
    """One value stands still for longer than it ever does at this time of day."""

    def __init__(self, settings: SignalSettings) -> None:
        self._still = Stillness(settings)
        self._beside = Beside(settings)

    def update(self, seen: Observation[N]) -> Strange[N]:
        """Of the stillest channel."""
        self._still.see(seen)
        went_on = self._beside.see(seen, self._still.moved)
        strengths = [self._strength(c, others) for c, others in enumerate(went_on)]
        return Strange(largest(strengths), strengths, range(len(strengths)))

    def _strength(self, c: int, others: Any) -> Any:
        samples, evidence = self._still.samples[c], self._still.evidence[c]
        strength, minutes = self._still.strength(samples, evidence), self._still.minutes(samples)
        lively = (minutes >= STUCK_MIN) & (evidence * QUANTUM >= STUCK_NATS_PER_MIN * minutes)
        return strength * (1.0 + (STUCK_WEIGHT - 1.0) * (lively & others))

    def reset(self) -> None:
        """Forget since when the values stand."""
        self._still.reset()
        self._beside.reset()


class Frozen:
    """Nothing moves at all. A quiet night holds one value for hours, and seldom two at once."""

    def __init__(self, settings: SignalSettings) -> None:
        self._still = Stillness(settings)
        self._samples, self._nats = Run(), Run()

    def update(self, seen: Observation[N]) -> Strange[N]:
        """Of all channels together, since the last of them moved."""
        still = self._still
        still.see(seen)
        moved = functools.reduce(operator.or_, still.moved)
        samples = self._samples.see(moved, moved * 0 + 1)
        strength = still.strength(samples, self._nats.see(moved, sum(still.nats)))
        # the root, since what two channels have gained adds up in the square of the strength
        most = [sqrt(evidence * QUANTUM) for evidence in still.evidence]
        return Strange(strength, most, range(len(most)))

    def reset(self) -> None:
        """Forget since when the values stand."""
        self._still.reset()
        self._samples.gained = self._nats.gained = 0
