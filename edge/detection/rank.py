"""The range score: how strange a reading is among all, from the same signals as the alarm.

The alarm asks whether one signal is beyond its level; to rank, weak signs of many kinds count
together (`docs/detector.md` has what each part is worth).
"""

from collections.abc import Mapping

from edge.detection.arithmetic import N, exp, larger, log1p, smaller

# The signals that rank: those of the newest reading and of standing still. What the shapes and
# the last minutes add is in the odds and in the distance from the past.
RANKED = ("surprise", "vapour", "noise", "frozen")
UNIT = 5.0
ODDS_SHARE, MOST_ODDS = 0.5, 6.0
FAR_UNIT = 12.0
LEVEL_SHARE, LEVEL_UNIT = 2.5, 2.0
SHIFT_SHARE, SHIFT_UNIT = 0.4, 2.0


def range_score(ratios: Mapping[str, N], odds: N, far: N, level: N, shift: N, strange: bool) -> N:
    """At least 1 where a signal is at its alarm level, and larger the stranger; seldom 1 elsewhere.

    Of one reading, or of n that are all `strange` or all not. `ratios` are the signals over their levels,
    `odds` the log odds of any shape, `far` the largest distance from any level of the past in its reach,
    `level` that from the usual in swings, `shift` that of the last hours in deviations of the last weeks.
    """
    signs = ODDS_SHARE * log1p(exp(smaller(odds, MOST_ODDS)))
    for name in RANKED:
        if name in ratios:
            signs = signs + log1p(ratios[name] * ratios[name])
    far, shift = far / FAR_UNIT, shift / SHIFT_UNIT
    signs = signs + log1p(far * far) + LEVEL_SHARE * log1p(level / LEVEL_UNIT)
    score = (signs + SHIFT_SHARE * log1p(shift * shift)) / UNIT
    return larger(score, 1.0) if strange else score
