"""What if the alarm were less or more sensitive: a device's past replayed with other alarm levels.

The edge opens an alarm when a signal reaches its level, lets it go on while one is above 0.6 of it, and ends
it after half an hour below. Here the signals are known by their strongest alone: `ratio` of each event
that was told, and `nearest` of each minute's health report. Both are over the level in force then, and
times that level they are strengths: 1 is at the level as calibrated. What is approximate:
- an alarm that would stay begins and ends as it did, and is not cut in two by a higher level;
- signals are known by the minute, and only for minutes in which the device was connected;
- what the device's controller of false alarms would have done at another level is not known;
- where no strength was told (an older agent, a lost connection), a calm minute's highest score stands for it,
  to the power of 1.6, as fits simulated rooms best: that is rough, and overstates what would be new.
`docs/monitor.md` has how far it is from the edge's own replay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor import labels, sensitivity
from monitor.history import chunks, pyramid, retention
from monitor.history.block import of_judged, together
from monitor.history.reading import journals
from monitor.history.summary import STATES, Summary, combined, summed_up
from monitor.message import Event, decode
from monitor.sensitivity import MINUTE_MS, Floats, Ints

RELEASE, CALM_MS = 0.6, 1_800_000  # as edge/detection/detector_settings.py has them
WEEK_MS = 7 * 86_400_000
# a logarithmic dial, of which 1 is a place
LEVELS: Floats = np.concatenate([np.geomspace(0.5, 1.0, 19), np.geomspace(1.0, 5.0, 43)[1:]])
SCORE_POWER = 1.6
BELOW = 1.0 - 1e-6  # what was calm was below the level in force
FINE_MS = 13 * WEEK_MS  # longer pasts are looked at by the quarter of an hour
EVENTS_MOST = 20_000
SHOWN = 20  # new alarms that are listed for each level

Run = Callable[..., Any]  # a connection's `execute`


@dataclass(frozen=True, slots=True)
class Alarm:
    """An anomaly as it was told."""

    epoch: str
    id: int
    onset_ms: int
    end_ms: int
    strength: float  # the highest; 1 is at the level as calibrated
    level: float  # in force when it began
    why: str | None
    verdict: str | None  # what a person said of it


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a device's time: a alarms, n calm stretches that came near one."""

    alarms: tuple[Alarm, ...]  # a, in the order of their onsets
    ts_ms: Ints  # (n,) where each stretch begins, rising
    ends_ms: Ints  # (n,) and ends
    strength: Floats  # (n,) of the strongest signal, below the level in force
    first_ms: int = 0  # of what is known


@dataclass(frozen=True, slots=True)
class New:
    """An alarm that there would have been."""

    onset_ms: int
    end_ms: int
    strength: float


@dataclass(frozen=True, slots=True)
class Replayed:
    """What would have been at one level."""

    alarms: int  # how many there would be
    kept: NDArray[np.bool_]  # (a,) which of those that were
    new: tuple[New, ...]  # the newest SHOWN of those that were not
    fresh: int  # how many were not


def replay(past: Past, level: float) -> Replayed:
    """All that was, judged by `level` times the alarm levels as calibrated."""
    kept = np.array([one.strength >= level for one in past.alarms], bool)
    if all(one.level <= level for one in past.alarms) and not np.any(past.strength >= level):
        return Replayed(int(kept.sum()), kept, (), 0)  # nothing joins, nothing opens
    near = past.strength >= RELEASE * level
    stays = [one for one, stay in zip(past.alarms, kept.tolist(), strict=True) if stay]
    starts = np.concatenate([np.array([one.onset_ms for one in stays], np.int64), past.ts_ms[near]])
    ends = np.concatenate([np.array([one.end_ms for one in stays], np.int64), past.ends_ms[near]])
    if not len(starts):
        return Replayed(0, kept, (), 0)
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], ends[order]
    calm = starts[1:] - np.maximum.accumulate(ends)[:-1] >= CALM_MS
    group = np.concatenate([[0], np.cumsum(calm)])
    # a lower level makes one of alarms that a calm of half an hour no longer parts; a higher one never does
    weight = np.array([1.0 if one.level <= level else 0.5 for one in stays])
    old = np.concatenate([weight, np.zeros(int(near.sum()))])[order]
    strength = np.concatenate([np.zeros(len(stays)), past.strength[near]])[order]
    apart = np.bincount(group, old == 1.0)
    any_old = np.bincount(group, old) > 0
    opens = np.bincount(group, strength >= level) > 0
    count = int(np.maximum(apart, any_old | opens).sum())
    fresh = np.flatnonzero(opens & ~any_old)
    new = _new(group, fresh[-SHOWN:], starts, ends, strength, level)
    return Replayed(count, kept, new, len(fresh))


def _new(
    group: Ints, fresh: Ints, starts: Ints, ends: Ints, strength: Floats, level: float
) -> tuple[New, ...]:
    found = []
    for number in fresh.tolist():
        first, stop = np.searchsorted(group, [number, number + 1])
        opened = int(first + np.argmax(strength[first:stop] >= level))
        highest = float(strength[opened:stop].max())
        found.append(New(int(starts[opened]), int(ends[opened:stop].max()), highest))
    return tuple(found)


def answer(past: Past, span: tuple[int, int], level: float | None) -> dict[str, Any]:
    """For the page: how many alarms at each of LEVELS, which would be new, and those that were."""
    replayed = [replay(past, float(one)) for one in LEVELS]
    true = np.array([one.verdict == "true_alarm" for one in past.alarms], bool)
    false = np.array([one.verdict == "false_alarm" for one in past.alarms], bool)
    return {
        "from_ms": span[0],
        "to_ms": span[1],
        "level": level,
        "levels": [round(float(one), 4) for one in LEVELS],
        "alarms": [one.alarms for one in replayed],
        "true_lost": [int((true & ~one.kept).sum()) for one in replayed],
        "false_gone": [int((false & ~one.kept).sum()) for one in replayed],
        "true": int(true.sum()),
        "new": [_shown(one.new) for one in replayed],
        "new_count": [one.fresh for one in replayed],
        "were": [
            {
                "epoch": one.epoch,
                "id": one.id,
                "onset_ms": one.onset_ms,
                "end_ms": one.end_ms,
                "strength": round(one.strength, 4),
                "why": one.why,
                "verdict": one.verdict,
            }
            for one in past.alarms
        ],
    }


def _shown(new: Sequence[New]) -> list[list[float]]:
    """Each as [onset, end, strength]."""
    return [[one.onset_ms, one.end_ms, round(one.strength, 3)] for one in new]


def past_of(run: Run, device: str, span: tuple[int, int]) -> tuple[Past, float]:
    """What the store knows of a device then, and for which share of the known minutes strengths were told."""
    history = sensitivity.levels(run, device)
    alarms = _alarms(run, device, span, history)
    told_ms, strength = sensitivity.nearness(run, device, *span)
    strength = np.minimum(strength, BELOW * sensitivity.level_at(history, told_ms))
    rows = _summary(run, device, span)
    starts, widths, guessed, unknown = _guessed(rows, told_ms, history)
    ts_ms = np.concatenate([told_ms, starts])
    ends = np.concatenate([told_ms + MINUTE_MS, starts + widths])
    both = np.concatenate([strength, guessed])
    near = both >= RELEASE * LEVELS[0]
    order = np.argsort(ts_ms[near], kind="stable")
    total = 0 if rows is None else len(rows)
    first_ms = int(rows.first[0]) if rows is not None and total else span[1]
    past = Past(alarms, ts_ms[near][order], ends[near][order], both[near][order], first_ms)
    return past, 1.0 - unknown / total if total else 1.0


def _alarms(
    run: Run, device: str, span: tuple[int, int], history: list[tuple[int, float]]
) -> tuple[Alarm, ...]:
    query = (
        "SELECT e.body FROM events e JOIN journals j ON j.id = e.journal WHERE j.device = ? "
        "AND e.onset_ms BETWEEN ? AND ? ORDER BY e.onset_ms, e.id LIMIT ?"
    )
    said = {(one.label.epoch, one.label.event): one.label.verdict for one in labels.labelled(run, device)}
    events = [decode(body, Event) for (body,) in run(query, (device, *span, EVENTS_MOST))]
    events = [event for event in events if event.state == "anomalous"]
    in_force = sensitivity.level_at(history, np.array([event.onset_ms for event in events], np.int64))
    return tuple(
        Alarm(
            event.epoch,
            event.id,
            event.onset_ms,
            max(event.onset_ms, event.ts_ms if event.end_ms is None else event.end_ms),
            max(1.0, event.ratio if event.ratio is not None else event.score or 1.0) * level,
            level,
            event.why,
            said.get((event.epoch, event.id)),
        )
        for event, level in zip(events, in_force.tolist(), strict=True)
    )


def _summary(run: Run, device: str, span: tuple[int, int]) -> Summary | None:
    """Highest scores by the minute or, of long pasts and where minutes are gone, by longer stretches."""
    numbers = journals(run, device)
    level = max(retention.layer(run, numbers, span[0]) - 1, int(span[1] - span[0] > FINE_MS))
    parts = pyramid.read(run, device, level, span)
    loose = together([chunks.unpacked(run, number, span) for number in numbers] or [of_judged([])])
    if len(loose):
        parts.append(summed_up(loose, pyramid.WIDTHS_MS[level]))
    return combined(parts) if parts else None


def _guessed(
    rows: Summary | None, told_ms: Ints, history: list[tuple[int, float]]
) -> tuple[Ints, Ints, Floats, int]:
    """Stretches of which nobody told the strength: starts, widths, what the score says, and how many."""
    if rows is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), 0
    width = rows.width_ms
    starts = rows.start * width
    told = np.searchsorted(told_ms, starts + width) > np.searchsorted(told_ms, starts - MINUTE_MS + 1)
    anomalous = (rows.states >> STATES.index("anomalous")) & 1 == 1
    calm = ~told & ~anomalous & ~np.isnan(rows.score)
    level = sensitivity.level_at(history, starts[calm])
    score = np.clip(rows.score[calm], 0.0, BELOW)
    found = starts[calm]
    return found, np.full(len(found), width), score**SCORE_POWER * level, int((~told).sum())
