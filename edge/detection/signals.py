"""Ways to be strange: each signal is one running number that grows with one kind of strangeness.

A signal says how much; what is too much stands in the bundle (`edge/detection/detector.py` divides by it).
"""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from edge.detection.observation import Observation, SignalSettings, Strange
from edge.detection.stillness import Frozen, Stuck
from edge.detection.vapour import change
from edge.reading import HUMIDITY, TEMPERATURE

NOISE_S = 1800.0
VAPOUR_UNIT_PCT = 2.0


class Surprise:
    """The newest block is far from what the network expected."""

    def __init__(self, settings: SignalSettings, view: int) -> None:
        del settings
        self._view = view

    def update(self, seen: Observation) -> Strange:
        """The largest surprise of any channel."""
        surprise = seen.views[self._view].surprise
        channel = max(range(len(surprise)), key=surprise.__getitem__)
        return Strange(surprise[channel], channel, self._view)

    def reset(self) -> None:
        """Nothing to forget."""


class Vapour:
    """The amount of water in the air changed: an open window, a boiling pot, a leak.

    From the Magnus formula (`vapour.py`): d ln e = dRH / RH + 17.62 * 243.12 / (243.12 + T)^2 dT.
    """

    def __init__(self, settings: SignalSettings, view: int) -> None:
        self._view = view
        self._floor = settings.floor
        names = settings.channels
        both = TEMPERATURE.name in names and HUMIDITY.name in names
        self._at = (names.index(TEMPERATURE.name), names.index(HUMIDITY.name)) if both else None

    def update(self, seen: Observation) -> Strange:
        """Percent of unexpected change of vapour pressure, in units of 2 % or of the sensor's steps.

        The channel is the one of the two that surprised more.
        """
        if self._at is None:
            return Strange(0.0, 0)
        t, h = self._at
        view, room = seen.views[self._view], (seen.values[t], seen.values[h])
        more = change(*room, view.residual[t], view.residual[h])
        steps = change(*room, self._floor[t], self._floor[h])
        channel = t if view.surprise[t] > view.surprise[h] else h
        return Strange(abs(100.0 * more) / max(VAPOUR_UNIT_PCT, 100.0 * steps), channel, self._view)

    def reset(self) -> None:
        """Nothing to forget."""


class RunningMedian:
    """The median of the last `length` values (the upper one of two)."""

    def __init__(self, length: int) -> None:
        self._recent: deque[float] = deque(maxlen=length)
        self._sorted: list[float] = []

    def push(self, value: float) -> float:
        """Add a value; the median with it."""
        if len(self._recent) == self._recent.maxlen:
            del self._sorted[bisect_left(self._sorted, self._recent[0])]
        self._recent.append(value)
        insort(self._sorted, value)
        return self._sorted[len(self._sorted) // 2]

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
        self._floor = settings.floor
        self._enough = (length + 1) // 2
        self._medians = [RunningMedian(length) for _ in settings.channels]

    def update(self, seen: Observation) -> Strange:
        """Geometric mean over the channels of the running median of their surprise."""
        calm = []
        for median, residual, deviation, floor in zip(
            self._medians, seen.views[0].residual, seen.views[0].deviation, self._floor, strict=True
        ):
            # twice the floor: restlessness lasts, so it may be as small as the sensor's steps
            calm.append(median.push(abs(residual) / math.sqrt(deviation * deviation + 3.0 * floor * floor)))
        channel = max(range(len(calm)), key=calm.__getitem__)
        if len(self._medians[0]) < self._enough:
            return Strange(0.0, channel)
        return Strange(math.prod(calm) ** (1.0 / len(calm)), channel)

    def reset(self) -> None:
        """Forget the last half hour."""
        for median in self._medians:
            median.clear()


class Shape:
    """The last hours look like a kind of event that the network was shown."""

    def __init__(self, settings: SignalSettings, shape: str) -> None:
        self._at = settings.shapes.index(shape)

    def update(self, seen: Observation) -> Strange:
        """log(1 + odds) of that kind; the channel is the one that surprised most in the last minutes."""
        last = len(seen.views) - 1
        surprise = seen.views[last].surprise
        channel = max(range(len(surprise)), key=surprise.__getitem__)
        odds = seen.evidence[self._at]
        return Strange(max(odds, 0.0) + math.log1p(math.exp(-abs(odds))), channel, last)

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


def shares(surprise: Sequence[float]) -> tuple[float, ...]:
    """Each channel's part of the squared surprise; they sum to one."""
    total = sum(x * x for x in surprise)
    return tuple(x * x / total if total > 0 else 1.0 / len(surprise) for x in surprise)
