"""How well alarms and scores agree with labels: points, events, false alarms, delays.

All arrays of one call have the same n rows, in time order. A score of NaN was not given: it never
reaches a threshold, and ranks below every other. What cannot be measured is None: recall without
labels, precision without alarms. `trainer.vus` has the measure that needs a page of its own.

False alarms are counted as a user lives with them. Strange readings closer than an hour are one
alarm, and one that lasts counts again every six hours. It is false when it lies outside every
event and the slack after it. An alarm that merely outlives its event is not a new one, until it
has done so for six hours; one that began before the event is false, whatever follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

HOUR_S = 3600.0
WEEK_S = 7 * 24 * HOUR_S


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """What a user met: events found, delays from their start, alarms that were false.

    `weeks` is the time in which an alarm would have been false: outside events and their slack.
    """

    events: int
    found: int
    recall: float | None
    false_alarms: int
    false_alarms_per_week: float | None
    delays_s: tuple[float, ...]  # one for each event found
    weeks: float

    @property
    def median_delay_s(self) -> float | None:
        """Seconds from an event's start to its first alarm, in the median of those found."""
        return float(np.median(self.delays_s)) if self.delays_s else None


def events(labels: ArrayLike, merge: int = 0) -> list[tuple[int, int]]:
    """Runs of true labels (n,) as (start, stop), half open; less than `merge` rows apart they are one."""
    rows = np.flatnonzero(np.asarray(labels, bool))
    if not len(rows):
        return []
    apart = max(merge, 2)
    return _runs(rows, np.diff(rows, prepend=-apart) >= apart)


def point_precision_recall(anomaly: ArrayLike, labels: ArrayLike) -> tuple[float | None, float | None]:
    """(precision, recall) of the flags (n,) row by row, with no adjustment."""
    flagged, true = np.asarray(anomaly, bool), np.asarray(labels, bool)
    hits = int((flagged & true).sum())
    return _ratio(hits, int(flagged.sum())), _ratio(hits, int(true.sum()))


def pr_curve(score: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """(precision, recall, threshold), each (k,): a point for each distinct score, the highest first.

    Raises ValueError when there is no label, as recall has no meaning then.
    """
    ranked, true = ranking(score), np.asarray(labels, bool)
    if not true.any():
        raise ValueError("no row is labelled, so there is no recall")
    order = np.argsort(-ranked, kind="stable")
    hits = np.cumsum(true[order])
    falling = ranked[order]
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))  # ties share one threshold
    return hits[last] / (last + 1.0), hits[last] / hits[-1], falling[last]


def auc_pr(score: ArrayLike, labels: ArrayLike) -> float | None:
    """Average precision: the mean of precision over recall, by steps. None without labels."""
    if not np.any(labels):
        return None
    precision, recall, _ = pr_curve(score, labels)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def ranking(score: ArrayLike) -> Floats:
    """Scores (n,) in which one that was not given stands below all others."""
    ranked = np.array(score, np.float64)
    ranked[np.isnan(ranked)] = -np.inf
    return ranked


def alarms(
    anomaly: ArrayLike, ts_s: ArrayLike, merge_s: float | None = None, recount_s: float = 6 * HOUR_S
) -> list[tuple[int, int]]:
    """Alarms as (start, stop) rows, half open: flags (n,) less than `merge_s` apart are one.

    By default that is an hour, or one and a half periods of a series that is slower.
    One that lasts is cut every `recount_s` after its start, so that the length of the list is
    the count that the budget means.
    """
    times = np.asarray(ts_s, np.float64)
    rows = np.flatnonzero(np.asarray(anomaly, bool))
    if not len(rows):
        return []
    fresh = np.diff(times[rows], prepend=-np.inf) >= (_together_s(times) if merge_s is None else merge_s)
    begin = times[rows][fresh][np.cumsum(fresh) - 1]
    piece = np.floor((times[rows] - begin) / recount_s)
    return _runs(rows, fresh | (np.diff(piece, prepend=-1.0) != 0))


def event_outcome(
    anomaly: ArrayLike, labels: ArrayLike, ts_s: ArrayLike, slack: int = 0, merge: int = 0
) -> EventOutcome:
    """Events found and false alarms, of flags and labels (n,) at times in seconds (n,).

    `merge` and `slack` count rows: labels closer than `merge` are one event, and an alarm up to
    `slack` after an event still counts for it, unless the next event has begun. Each row stands for
    the time until the next one; a gap of more than two periods stands for one period.
    """
    flagged, times = np.asarray(anomaly, bool), np.asarray(ts_s, np.float64)
    spans = events(labels, merge)
    reach = _with_slack(spans, slack, len(flagged))
    first = [(start, start + int(flagged[start:stop].argmax())) for start, stop in reach]
    delays = tuple(float(times[hit] - times[start]) for start, hit in first if flagged[hit])
    inside = _covered(reach, len(flagged))
    false = _false_alarms(flagged, inside, times)
    weeks = float(_observed_s(times)[~inside].sum()) / WEEK_S
    recall = _ratio(len(delays), len(spans))
    return EventOutcome(
        len(spans), len(delays), recall, false, false / weeks if weeks else None, delays, weeks
    )


def recall_by_kind(
    anomaly: ArrayLike, kinds: Sequence[str | None], slack: int = 0
) -> dict[str, tuple[int, int]]:
    """{kind: (events found, events)} in the order of first appearance; `kinds` has n items, None is normal.

    Two kinds that touch are two events; `slack` is as in `event_outcome`.
    """
    flagged = np.asarray(anomaly, bool)
    edges = [row for row in range(len(kinds)) if row == 0 or kinds[row] != kinds[row - 1]]
    runs = zip(edges, [*edges[1:], len(kinds)], strict=True)
    spans = [(start, stop) for start, stop in runs if kinds[start] is not None]
    counts: dict[str, tuple[int, int]] = {}
    for (first, _), (start, stop) in zip(spans, _with_slack(spans, slack, len(kinds)), strict=True):
        kind = str(kinds[first])
        found, of = counts.get(kind, (0, 0))
        counts[kind] = (found + bool(flagged[start:stop].any()), of + 1)
    return counts


def best_event_recall(
    score: ArrayLike,
    labels: ArrayLike,
    ts_s: ArrayLike,
    budget_per_week: float = 1.0,
    slack: int = 0,
    merge: int = 0,
) -> float | None:
    """Event recall within the budget of false alarms, at the best threshold known in hindsight.

    Only thresholds that just find one more event are worth a try, so each event's highest score
    is a candidate, the lowest first. (Between two of them no event is won; two false alarms might
    join into one, which we do not count as skill.) None without labels.
    """
    ranked, times = ranking(score), np.asarray(ts_s, np.float64)
    reach = _with_slack(events(labels, merge), slack, len(ranked))
    if not reach:
        return None
    inside = _covered(reach, len(ranked))
    allowed = budget_per_week * float(_observed_s(times)[~inside].sum()) / WEEK_S
    peaks = np.array([ranked[start:stop].max() for start, stop in reach])
    for threshold in np.unique(peaks[peaks > -np.inf]):
        if _false_alarms(ranked >= threshold, inside, times) <= allowed:
            return float((peaks >= threshold).mean())
    return 0.0


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _runs(rows: NDArray[np.intp], opens: Flags) -> list[tuple[int, int]]:
    """Ascending row numbers to (start, stop), a new run wherever `opens`."""
    first = np.flatnonzero(opens)
    last = np.append(first[1:], len(rows)) - 1
    return [(int(start), int(stop) + 1) for start, stop in zip(rows[first], rows[last], strict=True)]


def _with_slack(spans: list[tuple[int, int]], slack: int, n: int) -> list[tuple[int, int]]:
    """Each span with the rows after it in which an alarm still counts for it."""
    following = [*(start for start, _ in spans), n][1:]
    return [(start, min(stop + slack, limit)) for (start, stop), limit in zip(spans, following, strict=True)]


def _covered(spans: list[tuple[int, int]], n: int) -> Flags:
    covered = np.zeros(n, bool)
    for start, stop in spans:
        covered[start:stop] = True
    return covered


def _false_alarms(flagged: Flags, inside: Flags, times: Floats) -> int:
    """Alarms outside of events that do not merely go on from an alarm inside one."""
    rows = np.flatnonzero(flagged)
    starts = np.array([start for start, _ in alarms(flagged & ~inside, times)], int)
    before = np.searchsorted(rows, starts) - 1
    goes_on = (
        (before >= 0) & inside[rows[before]] & (times[starts] - times[rows[before]] < _together_s(times))
    )
    return int((~goes_on).sum()) if len(starts) else 0


def _together_s(times: Floats) -> float:
    """Flags closer than this are one alarm: an hour, unless the series is slower than that."""
    return max(HOUR_S, 1.5 * float(np.median(np.diff(times)))) if len(times) > 1 else HOUR_S


def _observed_s(times: Floats) -> Floats:
    """(n,) seconds that each row stands for."""
    if len(times) < 2:
        return np.zeros(len(times))
    steps = np.diff(times)
    period = float(np.median(steps))
    return np.append(np.where(steps > 2 * period, period, steps), period)
