"""The range score: how strange a reading is among all, from the same signals as the alarm.

The alarm asks whether one signal is beyond its level; to rank, weak signs of many kinds count
together (`docs/detector.md` has what each part is worth).
"""

import math
from collections.abc import Mapping

# The signals that rank: those of the newest reading and of standing still. What the shapes and
# the last minutes add is in the odds and in the distance from the past.
RANKED = ("surprise", "vapour", "noise", "frozen")
UNIT = 5.0
ODDS_SHARE, MOST_ODDS = 0.5, 6.0
FAR_UNIT = 12.0
LEVEL_SHARE, LEVEL_UNIT = 2.5, 2.0
SHIFT_SHARE, SHIFT_UNIT = 0.4, 2.0


def range_score(
    ratios: Mapping[str, float], odds: float, far: float, level: float, shift: float, strange: bool
) -> float:
    """At least 1 where a signal is at its alarm level, and larger the stranger; seldom 1 elsewhere.

    `ratios` are the signals over their levels, `odds` the log odds of any shape, `far` the largest
    distance from any level of the past in its reach, `level` that from the usual in swings, `shift`
    that of the last hours in deviations of the last weeks.
    """
    signs = sum(math.log1p(ratios[name] ** 2) for name in RANKED if name in ratios)
    signs += ODDS_SHARE * math.log1p(math.exp(min(odds, MOST_ODDS))) + math.log1p((far / FAR_UNIT) ** 2)
    signs += LEVEL_SHARE * math.log1p(level / LEVEL_UNIT) + SHIFT_SHARE * math.log1p(
        (shift / SHIFT_UNIT) ** 2
    )
    score = signs / UNIT
    return max(1.0, score) if strange else score
