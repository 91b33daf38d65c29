"""The long test bed: devices that live for weeks, with faults that we put in and therefore know."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from edge.recording import Labels, Recording
from edge.sources.fault import Fault
from edge.sources.faults import inject, schedule
from edge.sources.weather import DAY_S
from trainer.benchmark.bed_bases import Base
from trainer.benchmark.detection import Task

DAYS = (1.0, 3.0, 7.0, 14.0)
LONGEST_REST_DAYS = 14.0
SHORTEST_REST_DAYS = 1.5
CONTAMINATED = 0.1  # of the rows of a history
EVENTS_EVERY_S, EVENTS_EVERY_PERIODS = 6 * 3600.0, 40
# A base with long gaps has fewer days in it than it says, and no detector learns from a few dozen rows.
FEWEST_SHARE, FEWEST_ROWS = 0.5, 200


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A task whose truth is known: learn a device in some days, then watch it."""

    name: str
    base: str
    both: bool  # whether the device has temperature and humidity
    simulated: bool
    days: float  # of history
    contaminated: bool  # whether a tenth of the history is faulty
    injected: bool  # whether there are events in the rest
    seed: int
    task: Task
    truth: Recording  # the rest with labels and kinds


def trials(
    bases: Sequence[Base],
    days: Sequence[float] = DAYS,
    contaminated: Sequence[bool] = (False, True),
    seed: int = 0,
    *,
    injected: Sequence[bool] = (True, False),
) -> list[Trial]:
    """Each base with each length of history for which it is long enough, clean and contaminated.

    `injected` False makes trials without events, which only count false alarms; they have the
    clean history alone. Deterministic by `seed`. The same rest has the same events whether its
    history is contaminated or not. Raises ConfigError and RecordingError as `inject` does.
    """
    return [
        _trial(base, length, dirty, events, seed)
        for base in bases
        for length in days
        if _is_long_enough(base, length)
        for dirty in contaminated
        for events in injected
        if events or not dirty
    ]


def _is_long_enough(base: Base, days: float) -> bool:
    if base.days < days + SHORTEST_REST_DAYS:
        return False
    history, rest = _parts(base.recording, days)
    rows_a_day = DAY_S / base.recording.period_s
    fewest = max(FEWEST_ROWS, FEWEST_SHARE * days * rows_a_day)
    return len(history) >= fewest and len(rest) >= FEWEST_SHARE * SHORTEST_REST_DAYS * rows_a_day


def _trial(base: Base, days: float, contaminated: bool, injected: bool, seed: int) -> Trial:
    history, rest = _parts(base.recording, days)
    if contaminated:
        history = contaminate(history, CONTAMINATED, f"{seed} history {base.name} {days:g}")
    truth = inject(rest, _events(rest, f"{seed} rest {base.name} {days:g}") if injected else [])
    what = ("contaminated" if contaminated else "clean") + ("" if injected else ", no events")
    name = f"{base.name} after {days:g} days, {what}"
    task = Task(name, _unlabelled(history, name), _unlabelled(truth, name))
    return Trial(name, base.name, base.both, base.simulated, days, contaminated, injected, seed, task, truth)


def contaminate(history: Recording, share: float, seed: str) -> Recording:
    """A history in which `share` of the rows are faulty, labelled, by faults of all kinds at any time."""
    rng = Random(seed)  # noqa: S311 - faults, not cryptography
    wanted = round(share * len(history))
    every_s = _every_s(history)
    spoilt = inject(history, _planned(rng, history, every_s))
    while int(_marked(spoilt).sum()) < wanted:  # a short history needs faults that come more often
        every_s *= 0.8
        spoilt = inject(history, _planned(rng, history, every_s))
    return _kept(history, spoilt, rng, wanted)


def _kept(clean: Recording, spoilt: Recording, rng: Random, wanted: int) -> Recording:
    """Faults of `spoilt` at random until `wanted` rows are faulty; the last of them ends early."""
    marked = _marked(spoilt)
    number = np.cumsum(np.diff(marked, prepend=False) & marked)
    keep = np.zeros(len(marked), bool)
    order = list(range(1, int(number[-1]) + 1))
    rng.shuffle(order)
    for fault in order:
        rows = np.flatnonzero(marked & (number == fault))
        keep[rows[: max(0, wanted - int(keep.sum()))]] = True
    kinds = spoilt.kinds or ()
    return replace(
        clean,
        values=np.where(keep[:, None], spoilt.values, clean.values),
        labels=keep,
        kinds=tuple(kind if faulty else None for kind, faulty in zip(kinds, keep, strict=True)),
    )


def _events(rest: Recording, seed: str) -> list[Fault]:
    return _planned(Random(seed), rest, _every_s(rest))  # noqa: S311 - faults, not cryptography


def _every_s(recording: Recording) -> float:
    """So seldom that calm remains between, for false alarms."""
    return max(EVENTS_EVERY_S, EVENTS_EVERY_PERIODS * recording.period_s)


def _planned(rng: Random, recording: Recording, every_s: float) -> list[Fault]:
    """Faults of all kinds that its channels can show, over the whole of it."""
    end_s = float(recording.ts_ms[-1] - recording.ts_ms[0]) / 1000.0 + recording.period_s
    names = [c.name for c in recording.channels]
    return schedule(rng, 0.0, end_s, every_s, channels=names, period_s=recording.period_s)


def _marked(recording: Recording) -> Labels:
    return np.zeros(len(recording), bool) if recording.labels is None else recording.labels


def _parts(recording: Recording, days: float) -> tuple[Recording, Recording]:
    """(the first `days`, what comes after them within 14 days)."""
    elapsed_s = (recording.ts_ms - recording.ts_ms[0]) / 1000.0
    cut, end = np.searchsorted(elapsed_s, [days * DAY_S, (days + LONGEST_REST_DAYS) * DAY_S])
    return recording.between(0, int(cut)), recording.between(int(cut), int(end))


def _unlabelled(recording: Recording, name: str) -> Recording:
    return replace(recording, name=name, labels=None, kinds=None)
