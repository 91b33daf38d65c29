"""Slow, obvious versions of the trainer's measures: the oracles of the fast ones.

`vus_pr` follows the definition as TSB-AD publishes it, threshold by threshold and row by row.
"""

import itertools
import math
from collections.abc import Sequence

HOUR_S = 3600.0


def events(labels: Sequence[bool], merge: int) -> list[tuple[int, int]]:
    runs: list[list[int]] = []
    for row, label in enumerate(labels):
        if not label:
            continue
        if runs and (row - runs[-1][-1] == 1 or row - runs[-1][-1] < merge):
            runs[-1].append(row)
        else:
            runs.append([row])
    return [(run[0], run[-1] + 1) for run in runs]


def together_s(ts_s: Sequence[float]) -> float:
    """How close two flags are one alarm: an hour, or one and a half periods of a slow series."""
    steps = sorted(b - a for a, b in itertools.pairwise(ts_s))
    if not steps:
        return HOUR_S
    middle = (steps[(len(steps) - 1) // 2] + steps[len(steps) // 2]) / 2
    return max(HOUR_S, 1.5 * middle)


def alarms(
    anomaly: Sequence[bool], ts_s: Sequence[float], merge_s: float, recount_s: float
) -> list[tuple[int, int]]:
    """Walk through time as the rule is worded."""
    found: list[tuple[int, int]] = []
    begin = 0.0
    for row, flagged in enumerate(anomaly):
        if not flagged:
            continue
        if not found or ts_s[row] - ts_s[found[-1][1] - 1] >= merge_s:
            begin = ts_s[row]
            found.append((row, row + 1))
        elif (ts_s[row] - begin) // recount_s > (ts_s[found[-1][1] - 1] - begin) // recount_s:
            found.append((row, row + 1))
        else:
            found[-1] = (found[-1][0], row + 1)
    return found


def reach(labels: Sequence[bool], slack: int, merge: int) -> list[tuple[int, int]]:
    """Events with their slack, which ends where the next event begins."""
    spans = events(labels, merge)
    return [
        (start, min([stop + slack, len(labels)] + [s for s, _ in spans[i + 1 : i + 2]]))
        for i, (start, stop) in enumerate(spans)
    ]


def false_alarms(
    anomaly: Sequence[bool], labels: Sequence[bool], ts_s: Sequence[float], slack: int, merge: int
) -> int:
    inside = {row for start, stop in reach(labels, slack, merge) for row in range(start, stop)}
    outside = [flagged and row not in inside for row, flagged in enumerate(anomaly)]
    count = 0
    for start, _ in alarms(outside, ts_s, together_s(ts_s), 6 * HOUR_S):
        earlier = [row for row in range(start) if anomaly[row]]
        goes_on = earlier and earlier[-1] in inside and ts_s[start] - ts_s[earlier[-1]] < together_s(ts_s)
        count += not goes_on
    return count


def delays(
    anomaly: Sequence[bool], labels: Sequence[bool], ts_s: Sequence[float], slack: int, merge: int
) -> list[float]:
    found = []
    for start, stop in reach(labels, slack, merge):
        hits = [row for row in range(start, stop) if anomaly[row]]
        if hits:
            found.append(ts_s[hits[0]] - ts_s[start])
    return found


def _widened(spans: list[tuple[int, int]], half: int, n: int) -> list[tuple[int, int]]:
    """Spans with `half` rows more on both sides, joined where they touch; stops are half open."""
    joined: list[tuple[int, int]] = []
    for start, stop in spans:
        low, high = max(start - half, 0), min(stop + half, n)
        if joined and joined[-1][1] > low:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return joined


def _soft_labels(labels: Sequence[bool], spans: list[tuple[int, int]], width: int) -> list[float]:
    soft = [float(label) for label in labels]
    for start, stop in spans:
        for distance in range(1, width // 2 + 1):
            for row in (start - distance, stop - 1 + distance):
                if 0 <= row < len(soft):
                    soft[row] += math.sqrt(1 - distance / width)
    return [min(weight, 1.0) for weight in soft]


def vus_pr(score: Sequence[float], labels: Sequence[bool], buffer: int, thresholds: int | None) -> float:
    ordered = sorted(score, reverse=True)
    count = len(ordered) if thresholds is None else thresholds
    step = (len(ordered) - 1) / max(count - 1, 1)
    positions = [math.floor(k * step) for k in range(count)]
    if count > 1:
        positions[-1] = len(ordered) - 1  # the product above may fall short of it by a rounding
    levels = [ordered[position] for position in positions]
    spans = events(labels, 0)
    areas = []
    for width in range(buffer + 1):
        soft = _soft_labels(labels, spans, width)
        segments = _widened(spans, width // 2, len(labels))
        area, recall_before = 0.0, 0.0
        for level in levels:
            flagged = [value >= level for value in score]
            hits = sum(weight for weight, flag in zip(soft, flagged, strict=True) if flag)
            shoulder = sum(
                weight
                for weight, flag, label in zip(soft, flagged, labels, strict=True)
                if flag and not label
            )
            # The published code halves between the labels and the labels with the flagged shoulders.
            positives = (sum(labels) + sum(labels) + shoulder) / 2
            met = sum(any(flagged[start:stop]) for start, stop in segments) / len(segments)
            recall = min(hits / positives, 1.0) * met
            area += (recall - recall_before) * hits / sum(flagged)
            recall_before = recall
        areas.append(area)
    return sum(areas) / len(areas)
