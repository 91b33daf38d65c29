"""Holds the budget of false alarms on the device: a level that cries too often rises, slowly falls again.

Only weak alarms move it. Nobody says on the device which alarms are false, but a strong one
seldom is; if it counted, real events would eat the budget and the next one would be missed.
"""

import math
from collections.abc import Mapping

WEEK_S = 7 * 86_400.0
# What can be asked for, in false alarms a week.
LEAST_BUDGET, MOST_BUDGET = 0.01, 100.0
# How the levels of rarer alarms are further out: the mean excess of the logarithm of peaks, in a fleet.
TAIL = 0.2
# An alarm this many times above its level says nothing of the level: most false ones are just above.
STRONG = 1.5
STEP = 0.1  # of the logarithm, for each weak alarm
HIGHEST, LOWEST = math.log(1.5), math.log(0.9)
# A signal may use more than its share before it is held back: the shares are a fleet's, not a room's.
PATIENCE = 4.0


class Budget:
    """One factor for each signal's level; 1 at the start."""

    def __init__(self, per_week: Mapping[str, float], period_s: float) -> None:
        """`per_week` is each signal's share of the budget, in alarms a week."""
        self._logs = dict.fromkeys(per_week, 0.0)
        # In balance when weak alarms come as often as the budget allows.
        self._ease = {name: STEP * PATIENCE * rate * period_s / WEEK_S for name, rate in per_week.items()}

    def factor(self, name: str) -> float:
        """What the signal's level is to be multiplied by."""
        return math.exp(self._logs[name])

    def pass_by(self) -> None:
        """One sample went by: all levels ease a little."""
        for name, ease in self._ease.items():
            self._logs[name] = max(LOWEST, self._logs[name] - ease)

    def alarmed(self, name: str, ratio: float) -> None:
        """An event began, `ratio` times above the level of that signal."""
        if ratio < STRONG:
            self._logs[name] = min(HIGHEST, self._logs[name] + STEP)
