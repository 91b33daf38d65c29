"""Scored readings to verdicts: what is normal, what is an alarm, and when an event begins and ends."""

from collections.abc import Callable, Mapping

import numpy as np

from edge.detection.advisory import LEVEL as SHIFT_LEVEL
from edge.detection.advisory import Advisory, Shift
from edge.detection.arithmetic import Floats, largest
from edge.detection.budget import LEAST_FACTOR, Budget
from edge.detection.detector_settings import DetectorSettings
from edge.detection.explain import explain, explain_shift
from edge.detection.levels import Levels
from edge.detection.looked import Calm, Looked
from edge.detection.memory import Memory
from edge.detection.observation import (
    Observation,
    SignalSettings,
    Strange,
    odds,
    one_of,
    spreads,
    strange_of,
)
from edge.detection.rank import RANKED, range_score
from edge.detection.signals import SIGNALS, Signal, shares
from edge.detection.verdict import State, Verdict
from edge.detection.windowing import Windowing
from edge.event import Change, Event, EventTracker
from edge.reading import Reading


class Decision:
    """Scored readings to verdicts; one arithmetic for streaming and batch."""

    def __init__(self, windowing: Windowing, settings: DetectorSettings) -> None:
        self._windowing = windowing
        self._room_s = 0.0
        self._began_ms: int | None = None
        self._names = windowing.channels
        self._settings = settings
        self._signals = open_signals(windowing, settings)
        calm_samples = max(1, round(settings.calm_s / windowing.period_s))
        self._tracker = EventTracker(calm_samples)
        self.levels = Levels(settings.levels)
        self._budget = Budget(settings.budgets, windowing.period_s)
        self._advisory = Advisory(windowing.channels, settings.past)
        self._advice = EventTracker(1)
        self._state: State = "warming"
        minutes = windowing.warm_up * windowing.period_s / 60.0
        self._warming = f"getting to know the room: a verdict takes {minutes:.3g} minutes of readings"
        self.faults = 0  # scores that were not finite

    @property
    def memory(self) -> Memory:
        """What no journal of some days can tell again."""
        return Memory(self._budget.raised, *self._advisory.memory, self.levels.level)

    def restore(self, memory: Memory) -> None:
        """What was known at another time, in place of what is known now."""
        self._budget.restore(memory.raised)
        self._advisory.restore(memory.hours, memory.seen_hours)
        self.levels.turn(memory.level)

    def elapse(self, elapsed_s: float) -> tuple[Change, ...]:
        """So much of the room's time went by since the last good reading."""
        self._room_s += elapsed_s
        return self._restart() if self._windowing.is_long(elapsed_s) else ()

    def _restart(self) -> tuple[Change, ...]:
        """After a gap that was too long to bridge: nobody knows whether an open event went on."""
        for signal in self._signals.values():
            signal.reset()
        event = self._tracker.open
        return self._tracker.close() if event is not None and event.kind == "anomalous" else ()

    def close(self) -> tuple[Change, ...]:
        """The end of watching ends what is open."""
        return self._tracker.close() + self._advice.close()

    def failed(self, reading: Reading, reason: str, sensor_fault: bool) -> Verdict:
        """A reading that the gate held back."""
        if not sensor_fault:
            return Verdict(self._state, why=reason)
        self._state = "sensor_fault"
        changes = self._tracker.strange(Event("sensor_fault", reading.ts_ms, None, reason))
        return Verdict("sensor_fault", why=reason, changes=changes)

    def unscored(self) -> Verdict:
        """A good reading without a score: the window is filling."""
        self._state = "warming"
        return Verdict("warming", why=self._warming, changes=self._sensor_is_back())

    def scored(self, seen: Observation[float], room_s: float | None = None) -> Verdict:
        """A reading that the network has judged; `room_s` is the room's time if more has gone by since."""
        room_s = self._room_s if room_s is None else room_s
        shift = self._advisory.update(self._room_ms(seen.ts_ms, room_s), seen.values)
        if not seen.finite:
            self.faults += 1
            return Verdict(
                "no_model", why="the model's answer was not a number", changes=self._sensor_is_back()
            )
        strange = {name: signal.update(seen) for name, signal in self._signals.items()}
        values = {name: each.value for name, each in strange.items()}
        return self._decide(seen, values, strange.__getitem__, shift)

    @property
    def is_calm(self) -> bool:
        """Whether no alarm is open."""
        return self._tracker.open is None

    def look(self, seen: Observation[Floats], room_s: Floats) -> Looked:
        """What there is to be seen in n readings, at these times of the room (n,), to be decided later."""
        self._room_ms(int(seen.ts_ms[0]), float(room_s[0]))
        room_ms = (self._began_ms or 0) + np.rint(room_s * 1000.0).astype(np.int64)
        shifts = self._advisory.update_many(room_ms, seen.values)
        strange = {name: signal.update(seen) for name, signal in self._signals.items()}
        # the advice may change where the shift does; what is below the least level is no alarm
        doubtful = np.zeros(len(room_ms) + 1, np.bool_)
        doubtful[[*(start for start, _ in shifts), len(room_ms)]] = True
        for name, each in strange.items():
            doubtful[:-1] |= each.value >= self.levels.in_force[name] * LEAST_FACTOR
        lengths = np.diff([*(start for start, _ in shifts), len(room_ms)])
        sizes = np.repeat([shift.size for _, shift in shifts], lengths)
        values = {name: each.value.tolist() for name, each in strange.items()}
        return Looked(
            seen, strange, values, shifts, sizes, largest(seen.level), np.flatnonzero(doubtful).tolist()
        )

    def decide(self, looked: Looked, row: int) -> Verdict:
        """What one of the readings means, after those before it."""
        values = {name: column[row] for name, column in looked.values.items()}
        return self._decide(
            one_of(looked.seen, row),
            values,
            lambda name: strange_of(looked.strange[name], row),
            looked.shift_at(row),
        )

    def pass_by(self, looked: Looked, start: int, stop: int) -> Calm:
        """The readings [start, stop), of which none is doubtful, while no alarm is open: all are normal."""
        rows, newest = slice(start, stop), looked.seen.views[0]
        factors = self._budget.pass_many(stop - start, RANKED)
        ratios = {
            name: looked.strange[name].value[rows] / (self.levels.in_force[name] * factor)
            for name, factor in factors.items()
        }
        shift, level = looked.shift[rows], looked.level[rows]
        score = range_score(
            ratios, odds(looked.seen)[rows], largest(looked.seen.far)[rows], level, shift, False
        )
        if self._advice.open is not None:  # it goes on
            self._advise(int(looked.seen.ts_ms[stop - 1]), looked.shift_at(stop - 1))
        self._state = "normal"
        expected = np.column_stack([column[rows] for column in newest.expected])
        spread = np.column_stack([column[rows] for column in spreads(self._settings.band, newest)])
        return Calm(score, expected, spread, shift / SHIFT_LEVEL, level)

    def elapse_many(self, elapsed_s: Floats) -> tuple[tuple[Change, ...], Floats]:
        """As `elapse` for n readings, the first alone after a long gap if any; and the room's times (n,)."""
        ended = self.elapse(float(elapsed_s[0]))
        room_s = np.cumsum(np.append(self._room_s, elapsed_s[1:]))
        self._room_s = float(room_s[-1])
        return ended, room_s

    def _decide(
        self,
        seen: Observation[float],
        values: Mapping[str, float],
        strange: Callable[[str], Strange[float]],
        shift: Shift,
    ) -> Verdict:
        """A reading with these values of the signals; `strange` has more to say of the one to blame."""
        changes = self._sensor_is_back()
        ratios = self._budget.over(values, self.levels.in_force)
        worst = max(ratios, key=ratios.__getitem__)
        self.levels.note(worst, ratios[worst])
        self._budget.pass_by()
        changes += self._advise(seen.ts_ms, shift)
        opened = self._tracker.open is not None
        alarmed = ratios[worst] >= (self._settings.release if opened else 1.0)
        level = largest(seen.level)
        score = range_score(ratios, odds(seen), largest(seen.far), level, shift.size, ratios[worst] >= 1.0)
        newest = seen.views[0]
        spread = tuple(spreads(self._settings.band, newest))
        away = (shift.size / SHIFT_LEVEL, level)
        if not alarmed:
            self._state = "normal"
            changes += self._tracker.calm()
            return Verdict("normal", score, False, tuple(newest.expected), spread, None, changes, *away)
        self._state = "anomalous"
        if not opened:
            self._budget.alarmed(worst, ratios[worst])
        blamed = strange(worst)
        why = explain(worst, blamed, seen, self._names, self._settings.band)
        event = self._event(seen, worst, ratios[worst], blamed, score, why, spread)
        changes += self._tracker.strange(event)
        return Verdict("anomalous", score, True, tuple(newest.expected), spread, why, changes, *away)

    def _room_ms(self, ts_ms: int, room_s: float) -> int:
        """The time of the room, which may live faster than our clock; it begins with ours."""
        if self._began_ms is None:
            self._began_ms = ts_ms - round(room_s * 1000.0)
        return self._began_ms + round(room_s * 1000.0)

    def _event(
        self,
        seen: Observation[float],
        name: str,
        ratio: float,
        strange: Strange[float],
        score: float,
        why: str,
        spread: tuple[float, ...],
    ) -> Event:
        return Event(
            "anomalous", seen.ts_ms, score, why, self._names[strange.channel], name,
            tuple(seen.values), tuple(seen.views[0].expected), spread,
            shares(strange, len(self._names)), ratio=ratio,
        )  # fmt: skip

    def _advise(self, ts_ms: int, shift: Shift) -> tuple[Change, ...]:
        """The slow channel: apart from the alarm, and on no budget."""
        opened = self._advice.open is not None
        if shift.size < SHIFT_LEVEL * (self._settings.release if opened else 1.0):
            return self._advice.calm()
        name = self._names[shift.channel]
        why = explain_shift(name, shift)
        return self._advice.strange(Event("advisory", ts_ms, shift.size / SHIFT_LEVEL, why, name))

    def _sensor_is_back(self) -> tuple[Change, ...]:
        event = self._tracker.open
        return self._tracker.close() if event is not None and event.kind == "sensor_fault" else ()


def open_signals(windowing: Windowing, settings: DetectorSettings) -> dict[str, Signal]:
    """The signals that have a level, by name; they have seen nothing yet."""
    about = SignalSettings(
        windowing.channels, windowing.period_s, settings.floor, settings.change_rate, windowing.shapes
    )
    return {name: SIGNALS[name](about) for name in settings.levels}
