"""NAB's own score: an early find in a window is worth most, a false alarm costs, one threshold for all.

The Numenta Anomaly Benchmark (Lavin and Ahmad, 2015; github.com/numenta/NAB) gives a detection in a
window up to 1, the earlier the more, and one outside down to minus a weight, the less the closer it
follows a window. In a window only the best detection counts; one without any costs too. The threshold
is the best for the whole corpus, known in hindsight, and the sum is scaled so that 0 is a detector
that never speaks and 100 one that finds each window at its first row and nothing else.

Outside of windows each row that is flagged costs, so that what stays high while something lasts pays
for saying it again. `onsets` leaves of a score the rows at which it says something new.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from trainer.metrics import events, ranking

Floats = NDArray[np.float64]

PROBATION, LONGEST_PROBATION = 0.15, 750  # share of a file's rows that are not judged; rows at most
_STEEPNESS = 5.0
_FAR = 3.0  # window lengths after a window, beyond which a false alarm costs all of its weight


@dataclass(frozen=True, slots=True)
class Profile:
    """What an application would pay; a window found at its first row is worth 1."""

    false_positive: float
    false_negative: float


PROFILES: dict[str, Profile] = {
    "standard": Profile(0.11, 1.0),
    "reward_low_FP_rate": Profile(0.22, 1.0),
    "reward_low_FN_rate": Profile(0.11, 2.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class NabSeries:
    """The scores of all n rows of one file of the corpus, and its windows."""

    score: Floats  # (n,) only their order matters; NaN is never a detection
    windows: tuple[tuple[int, int], ...]  # (start, stop) rows, half open, in order and apart
    probation: int  # leading rows that are not judged

    def __post_init__(self) -> None:
        """Raises ValueError when windows overlap or leave the file."""
        edges = [0, *(edge for window in self.windows for edge in window), len(self.score)]
        if edges != sorted(edges) or any(start == stop for start, stop in self.windows):
            raise ValueError(f"windows {self.windows} do not follow each other in {len(self.score)} rows")

    @staticmethod
    def labelled(score: ArrayLike, labels: ArrayLike) -> "NabSeries":
        """Windows are the runs of the labels (n,); the probation is NAB's."""
        scores = np.asarray(score, np.float64)
        return NabSeries(scores, tuple(events(labels)), probation(len(scores)))


def probation(n: int) -> int:
    """Leading rows of a file of n rows that are not judged."""
    return min(int(PROBATION * n), LONGEST_PROBATION)


def nab_scores(
    results: Mapping[str, NabSeries], thresholds: Mapping[str, float] | None = None
) -> dict[str, float]:
    """{profile: score} of a corpus by file; 0 is silence, 100 is perfect, and there is no lower end.

    As published: at that one threshold which is best for the whole corpus and the profile. With
    `thresholds`, one for each file, it is the score of a detector that decides for itself: a row at
    or above its file's threshold is a detection. Raises ValueError when there is no window to find,
    and KeyError when a file has no threshold.
    """
    if not any(each.windows for each in results.values()):
        raise ValueError("no file has a window, so there is nothing to find")
    rows = _judged_rows(results, thresholds)
    windows = sum(len(each.windows) for each in results.values())
    judged = sum(stop > each.probation for each in results.values() for _, stop in each.windows)
    scores = {}
    for name, profile in PROFILES.items():
        gains = _gains(rows, profile)
        gained = gains.max() if thresholds is None else gains[-1]
        scores[name] = 100.0 * float(gained) / (windows + profile.false_negative * judged)
    return scores


def scaled_sigmoid(position: ArrayLike) -> Floats:
    """What a detection is worth: nearly 1 at position -1, where a window begins, 0 at its end, then less.

    Positions are in lengths of the window; beyond three of them past its end it is -1 precisely.
    """
    places = np.asarray(position, np.float64)
    inner = 2.0 / (1.0 + np.exp(_STEEPNESS * np.minimum(places, _FAR))) - 1.0
    return np.where(places > _FAR, -1.0, inner)


def onsets(score: ArrayLike, rows: int) -> Floats:
    """(n,) the score where it is higher than in all of the last `rows` rows, else NaN, no detection.

    It looks back only, and not beyond the first row. Raises ValueError when `rows` is below 1.
    """
    if rows < 1:
        raise ValueError(f"an onset must be compared with a row at least, not with {rows}")
    scores = np.asarray(score, np.float64)
    ranked = ranking(scores)
    reach = min(rows, max(len(scores), 1))
    padded = np.append(np.full(reach, -np.inf), ranked)
    before = sliding_window_view(padded, reach)[:-1].max(axis=1)
    return np.where(ranked > before, scores, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The m rows of all files that may be detections, the highest score first."""

    score: Floats  # (m,)
    window: NDArray[np.intp]  # (m,) number of the window in the corpus, -1 outside
    worth: Floats  # (m,) scaled sigmoid of the place; 1 at a window's first row


def _judged_rows(results: Mapping[str, NabSeries], thresholds: Mapping[str, float] | None) -> _Rows:
    scores, numbers, worths, before = [], [], [], 0
    for name, each in results.items():
        number, position = _places(each)
        kept = ~np.isnan(each.score) & (np.arange(len(each.score)) >= each.probation)
        if thresholds is not None:
            kept &= each.score >= thresholds[name]
        scores.append(each.score[kept])
        numbers.append(np.where(number < 0, -1, number + before)[kept])
        worths.append(scaled_sigmoid(position)[kept])
        before += len(each.windows)
    score, window, worth = (np.concatenate(parts) for parts in (scores, numbers, worths))
    order = np.argsort(-score, kind="stable")
    worth = np.where(window < 0, worth, worth / scaled_sigmoid(-1.0))
    return _Rows(score[order], window[order], worth[order])


def _places(each: NabSeries) -> tuple[NDArray[np.intp], Floats]:
    """(n,) each row's window, -1 outside; (n,) its position in that window or after the one before."""
    rows = np.arange(len(each.score))
    number, position = np.full(len(rows), -1, np.intp), np.full(len(rows), np.inf)
    for at, (start, stop) in enumerate(each.windows):
        number[start:stop] = at
        position[start:stop] = (rows[start:stop] - stop) / (stop - start)
        # A window of one row has no length to go by: all after it is far.
        position[stop:] = (rows[stop:] - stop + 1) / (stop - start - 1) if stop - start > 1 else np.inf
    return number, position


def _gains(rows: _Rows, profile: Profile) -> Floats:
    """(k,) raw score over that of silence, at each threshold from above all scores to the lowest."""
    gain = np.where(rows.window < 0, profile.false_positive * rows.worth, 0.0)
    for window in np.unique(rows.window[rows.window >= 0]):
        members = np.flatnonzero(rows.window == window)
        best = np.maximum.accumulate(rows.worth[members])
        gain[members] = np.diff(best, prepend=-profile.false_negative)
    ties = np.append(rows.score[1:] == rows.score[:-1], False)[: len(gain)]
    return np.append(0.0, np.cumsum(gain)[~ties])
