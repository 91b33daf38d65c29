"""What the networks are shown: windows of many lives, and the right answers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.detection.habits import elapsed, learn_habits, plausible
from edge.detection.signals import SHAPES
from edge.detection.window import Inputs, batches
from edge.detection.windowing import Windowing
from edge.errors import RecordingError
from edge.recording import Recording
from trainer.networks import around, away, take
from trainer.pretraining.lives import Life
from trainer.pretraining.oddities import OTHER

# Of each life, so that a long one does not count for more.
MOST_ROWS = 2_500
# Rows after an event in which nobody can say whether it is over: the answer to `strange` does not count.
UNDECIDED_ROWS = 6
UNKNOWN = -1.0


class Examples(NamedTuple):
    """Inputs and answers of both networks."""

    around: Inputs  # (m, 24)
    newest: Inputs  # (m,) what the expectation should have said
    away: Inputs  # (n, 72)
    shapes: Inputs  # (n, len(SHAPES)) 1 while such an event goes on, 0 while not, -1 where nobody knows


def examples(life: Life, seed: int) -> Examples | None:
    """Of one life. None when too little of it is whole."""
    rng = np.random.default_rng(seed)
    try:
        windowing = learn_habits(life.history).windowing
    except RecordingError:
        return None
    _, calm = _windows(windowing, life.clean, rng)
    sights = [
        (around(windowing, v, c), windowing.inputs_of(v, c).start)
        for v in range(len(windowing.views))
        for c in range(len(windowing.channels))
    ]
    rows, seen = _windows(windowing, life.spoilt, rng, after=len(life.history))
    if not len(seen):
        return None
    return Examples(
        np.concatenate([take(calm, columns) for columns, _ in sights]),
        np.concatenate([calm[:, newest] for _, newest in sights]),
        take(seen, away(windowing)[0]),
        _answers(life.spoilt.kinds or ())[rows],
    )


def together(parts: Sequence[Examples]) -> Examples:
    """All of them as one."""
    return Examples(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _windows(
    windowing: Windowing, life: Recording, rng: np.random.Generator, after: int = 0
) -> tuple[NDArray[np.int64], Inputs]:
    """(rows, windows) of some of the readings from row `after` on."""
    values = plausible(life)
    found = list(batches(windowing, values, elapsed(life.ts_ms, values)))
    if not found:
        return np.empty(0, np.int64), np.empty((0, windowing.width), np.float32)
    rows = np.concatenate([each.rows for each in found])
    inputs = np.concatenate([each.windows.inputs for each in found])
    chosen = np.flatnonzero(rows >= after)
    chosen = np.sort(rng.permutation(chosen)[:MOST_ROWS])
    return rows[chosen], inputs[chosen]


def _answers(kinds: Sequence[str | None]) -> Inputs:
    """(n, len(SHAPES))"""
    answers = np.zeros((len(kinds), len(SHAPES)), np.float32)
    strange = np.array([kind is not None for kind in kinds])
    for column, shape in enumerate(SHAPES):
        answers[:, column] = strange if shape == "strange" else [kind == shape for kind in kinds]
    answers[[kind == OTHER for kind in kinds], 1:] = UNKNOWN  # it may well look like one of them
    soon = np.zeros(len(kinds), bool)
    for rows in range(1, UNDECIDED_ROWS + 1):
        soon[rows:] |= strange[:-rows]
    answers[soon & ~strange, 0] = UNKNOWN
    return answers
