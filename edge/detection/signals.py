"""Ways to be strange: each signal is one running number that grows with one kind of strangeness.

A signal says how much; what is too much stands in the bundle (`edge/detection/detector.py` divides by it).
"""

import functools
import operator
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from functools import partial

import numpy as np

from edge.detection.arithmetic import N, exp, larger, largest, log1p, power, sqrt
from edge.detection.observation import Observation, SignalSettings, Strange
from edge.detection.stillness import Frozen, Stuck
from edge.detection.vapour import change
from edge.reading import HUMIDITY, TEMPERATURE

NOISE_S = 1800.0
VAPOUR_UNIT_PCT = 2.0


class Surprise:
    """The newest block is far from what the network expected."""

    def __init__(self, settings: SignalSettings, view: int) -> None:
        self._channels = range(len(settings.channels))
        self._view = view

    def update(self, seen: Observation[N]) -> Strange[N]:
        """The largest surprise of any channel."""
        surprise = seen.views[self._view].surprise
        return Strange(largest(surprise), surprise, self._channels, self._view)

    def reset(self) -> None:
        """Nothing to forget."""


class Vapour:
    """The amount of water in the air changed: an open window, a boiling pot, a leak.

    From the Magnus formula (`vapour.py`): d ln e = dRH / RH + 17.62 * 243.12 / (243.12 + T)^2 dT.
    """

    def __init__(self, settings: SignalSettings, view: int) -> None:
        """Temperature and humidity must be measured, or it is never strange."""
        self._view = view
        self._floor = settings.floor
        names = settings.channels
        both = TEMPERATURE.name in names and HUMIDITY.name in names
        self._at = (names.index(TEMPERATURE.name), names.index(HUMIDITY.name)) if both else None

    def update(self, seen: Observation[N]) -> Strange[N]:
        """Percent of unexpected change of vapour pressure, in units of 2 % or of the sensor's steps.

        The channel is the one of the two that surprised more.
        """
        if self._at is None:
            return Strange(0.0 * seen.values[0], seen.values, (0,) * len(seen.values))
        t, h = self._at
        view, temperature, humidity = seen.views[self._view], seen.values[t], seen.values[h]
        more = change(temperature, humidity, view.residual[t], view.residual[h])
        steps = change(temperature, humidity, self._floor[t], self._floor[h])
        value = abs(100.0 * more) / larger(100.0 * steps, VAPOUR_UNIT_PCT)
        return Strange(value, (view.surprise[h], view.surprise[t]), (h, t), self._view)

    def reset(self) -> None:
        """Nothing to forget."""


class RunningMedian:
    """The median of the last `length` values (the upper one of two)."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def push(self, value: N) -> N:
        """Add a value, or a column of them one by one; the median with it."""
        if isinstance(value, float):
            return self._push_all([value])[0]
        return np.array(self._push_all(value.tolist()))

    def _push_all(self, values: list[float]) -> list[float]:
        recent, ranked, medians = self._recent, self._sorted, []
        room = self._length - len(recent)
        for value in values[:room]:
            insort(ranked, value)
            medians.append(ranked[len(ranked) // 2])
        recent.extend(values)
        middle = len(ranked) // 2
        # each of the others takes the place of the oldest
        for value in values[room:]:
            del ranked[bisect_left(ranked, recent.popleft())]
            insort(ranked, value)
            medians.append(ranked[middle])
        return medians

    def __len__(self) -> int:
        return len(self._recent)

    def clear(self) -> None:
        """Forget all values."""
        self._recent.clear()
        self._sorted.clear()


class Noise:
    """The channels have been restless for half an hour: a loose wire, a failing sensor."""

    def __init__(self, settings: SignalSettings) -> None:
        length = max(5, round(NOISE_S / settings.period_s))
        # twice the floor: restlessness lasts, so it may be as small as the sensor's steps
        self._floor = [3.0 * floor * floor for floor in settings.floor]
        self._enough = (length + 1) // 2
        self._medians = [RunningMedian(length) for _ in settings.channels]

    def update(self, seen: Observation[N]) -> Strange[N]:
        """Geometric mean over the channels of the running median of their surprise."""
        before, view = len(self._medians[0]), seen.views[0]
        calm = [
            median.push(abs(residual) / sqrt(deviation * deviation + floor))
            for median, residual, deviation, floor in zip(
                self._medians, view.residual, view.deviation, self._floor, strict=True
            )
        ]
        product = functools.reduce(operator.mul, calm)
        value = power(product, 1.0 / len(calm))
        return Strange(self._known(before, value), calm, range(len(calm)))

    def _known(self, before: int, value: N) -> N:
        """The value, or 0 for the readings with which there are too few; so many came `before`."""
        few = max(0, self._enough - 1 - before)
        if isinstance(value, float):
            return 0.0 if few else value
        value[:few] = 0.0
        return value

    def reset(self) -> None:
        """Forget the last half hour."""
        for median in self._medians:
            median.clear()


class Shape:
    """The last hours look like a kind of event that the network was shown."""

    def __init__(self, settings: SignalSettings, shape: str) -> None:
        self._channels = range(len(settings.channels))
        self._at = settings.shapes.index(shape)

    def update(self, seen: Observation[N]) -> Strange[N]:
        """log(1 + odds) of that kind; the channel is the one that surprised most in the last minutes."""
        last = len(seen.views) - 1
        odds = seen.evidence[self._at]
        value = larger(odds, 0.0) + log1p(exp(-abs(odds)))
        return Strange(value, seen.views[last].surprise, self._channels, last)

    def reset(self) -> None:
        """Nothing to forget."""


Signal = Surprise | Vapour | Noise | Stuck | Frozen | Shape
# The kinds of events whose shape a network may know; `strange` is any event at all.
SHAPES = ("strange", "window_open", "heater_failing", "humidity_surge", "decorrelated", "noise_burst")
SIGNALS: dict[str, Callable[[SignalSettings], Signal]] = {
    "surprise": partial(Surprise, view=0),
    "vapour": partial(Vapour, view=0),
    "slow_surprise": partial(Surprise, view=1),
    "slow_vapour": partial(Vapour, view=1),
    "noise": Noise,
    "frozen": Frozen,
    "stuck": Stuck,
    **{shape: partial(Shape, shape=shape) for shape in SHAPES},
}


def shares(strange: Strange[float], channels: int) -> tuple[float, ...]:
    """Each of so many channels' part, squared, in what the signal saw of it; they sum to one.

    The channel to blame has the largest, and one that the signal does not look at has none.
    """
    most = max(strange.most)
    parts = [1.0 if value == most else (value / most) ** 2 for value in strange.most]
    whole = dict(zip(strange.channels, parts, strict=True))
    return tuple(whole.get(channel, 0.0) / sum(parts) for channel in range(channels))
