"""Holds the budget of false alarms on the device: a level that cries too often rises, slowly falls again.

Only weak alarms move it. Nobody says on the device which alarms are false, but a strong one
seldom is; if it counted, real events would eat the budget and the next one would be missed.
"""

import math
from collections.abc import Container, Mapping

import numpy as np

from edge.detection.arithmetic import Floats, exp

WEEK_S = 7 * 86_400.0
# What can be asked for, in false alarms a week.
LEAST_BUDGET, MOST_BUDGET = 0.01, 100.0
# How the levels of rarer alarms are further out: the mean excess of the logarithm of peaks, in a fleet.
TAIL = 0.2
# An alarm this many times above its level says nothing of the level: most false ones are just above.
STRONG = 1.5
STEP = 0.1  # of the logarithm, for each weak alarm
HIGHEST, LOWEST = math.log(1.5), math.log(0.9)
# Below this share of its level no signal raises an alarm, whatever the budget has come to.
LEAST_FACTOR = math.exp(LOWEST) * (1.0 - 1e-9)
# A signal may use more than its share before it is held back: the shares are a fleet's, not a room's.
PATIENCE = 4.0


class Budget:
    """One factor for each signal's level; 1 at the start."""

    def __init__(self, per_week: Mapping[str, float], period_s: float) -> None:
        """`per_week` is each signal's share of the budget, in alarms a week."""
        self._logs = dict.fromkeys(per_week, 0.0)
        # In balance when weak alarms come as often as the budget allows.
        self._ease = {name: STEP * PATIENCE * rate * period_s / WEEK_S for name, rate in per_week.items()}

    @property
    def raised(self) -> dict[str, float]:
        """The logarithm of each signal's factor."""
        return dict(self._logs)

    def restore(self, raised: Mapping[str, float]) -> None:
        """Factors of another time, of those signals that there are."""
        for name in self._logs.keys() & raised.keys():
            self._logs[name] = min(HIGHEST, max(LOWEST, raised[name]))

    def factor(self, name: str) -> float:
        """What the signal's level is to be multiplied by."""
        return math.exp(self._logs[name])

    def over(self, values: Mapping[str, float], levels: Mapping[str, float]) -> dict[str, float]:
        """The signals' values over their levels, as high as they are now."""
        logs, exp = self._logs, math.exp
        return {name: value / (levels[name] * exp(logs[name])) for name, value in values.items()}

    def pass_by(self) -> None:
        """One sample went by: all levels ease a little."""
        logs = self._logs
        for name, ease in self._ease.items():
            log = logs[name] - ease
            logs[name] = log if log > LOWEST else LOWEST

    def pass_many(self, samples: int, names: Container[str]) -> dict[str, Floats]:
        """So many samples go by: the factors (samples,) before each, of the signals with these names."""
        factors = {}
        for name, ease in self._ease.items():
            steps = np.full(samples + 1, ease)
            steps[0] = self._logs[name]
            logs = np.maximum(np.subtract.accumulate(steps), LOWEST)
            self._logs[name] = float(logs[-1])
            if name in names:
                factors[name] = exp(logs[:-1])
        return factors

    def alarmed(self, name: str, ratio: float) -> None:
        """An event began, `ratio` times above the level of that signal."""
        if ratio < STRONG:
            self._logs[name] = min(HIGHEST, self._logs[name] + STEP)
