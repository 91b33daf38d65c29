"""Which events before were like this one: of the same kind, channel and direction, and of about its size.

Two such events are as far apart as they differ in doublings: one that was twice as bad is 1 away, one
that was twice as bad and four times as long is 3 away. A person can check that with a glance at both.
"""

import math
from collections.abc import Iterable

from monitor.message import Event

FAR = 4.0  # doublings; beyond that nobody would call them similar
SHOWN_MOST = 5
LEAST_S = 1.0  # so that a single reading has a length too
LEAST_SCORE = 0.01


def similar(event: Event, earlier: Iterable[Event], most: int = SHOWN_MOST) -> list[tuple[Event, float]]:
    """The most similar of those before it, each with its distance; the nearest first, then the newest."""
    found = [
        (other, distance(event, other))
        for other in earlier
        if _sort(other) == _sort(event) and (other.epoch, other.id) != (event.epoch, event.id)
    ]
    near = [each for each in found if each[1] <= FAR]
    return sorted(near, key=lambda each: (round(each[1], 6), -each[0].onset_ms))[:most]


def distance(one: Event, other: Event) -> float:
    """In doublings: of the worst score, where both have one, and of the length."""
    apart = abs(math.log2(_length_s(one) / _length_s(other)))
    if one.score is not None and other.score is not None:
        scores = [max(each.score or 0.0, LEAST_SCORE) for each in (one, other)]
        apart += abs(math.log2(scores[0] / scores[1]))
    return apart


def direction(event: Event) -> int:
    """1 when the channel to blame was above what was expected, -1 when below, 0 when nobody knows."""
    key = event.channel or ""
    seen, expected = event.observed.get(key), event.expected.get(key)
    if seen is None or expected is None:
        return 0
    return (seen > expected) - (seen < expected)


def _sort(event: Event) -> tuple[str, str | None, int]:
    return event.state, event.channel, direction(event)


def _length_s(event: Event) -> float:
    """So far, for one that is open or whose end was never told."""
    end_ms = event.ts_ms if event.end_ms is None else event.end_ms
    return max((end_ms - event.onset_ms) / 1000, LEAST_S)
