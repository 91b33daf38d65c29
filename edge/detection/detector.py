"""Readings to verdicts: warming, normal, anomalous, sensor fault; events with onset and end."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edge.detection.advisory import LEVEL as SHIFT_LEVEL
from edge.detection.advisory import Advisory, Shift
from edge.detection.budget import Budget
from edge.detection.detector_settings import DetectorSettings
from edge.detection.explain import explain, explain_shift
from edge.detection.observation import Observation, SignalSettings, Strange
from edge.detection.rank import range_score
from edge.detection.scorer import Answers, Scorer
from edge.detection.signals import SIGNALS, Signal, shares
from edge.detection.window import Window
from edge.detection.windowing import Windowing
from edge.event import Change, Event, EventTracker
from edge.gate import Gate, fault_after
from edge.reading import Reading

State = Literal["no_model", "warming", "normal", "anomalous", "sensor_fault"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reading means. Tuples have one number a channel; None without a score."""

    state: State
    score: float | None = None
    anomaly: bool | None = None
    expected: tuple[float, ...] | None = None
    spread: tuple[float, ...] | None = None
    why: str | None = None
    changes: tuple[Change, ...] = ()
    shift: float = 0.0  # of the last hours, in deviations of the last weeks, over the level of an advice
    level: float = 0.0  # how far the value itself is from what it mostly is, in swings


def after(changes: tuple[Change, ...], verdict: Verdict) -> Verdict:
    """The verdict, with what happened before it."""
    return replace(verdict, changes=changes + verdict.changes) if changes else verdict


class Decision:
    """Scored readings to verdicts; one arithmetic for streaming and batch."""

    def __init__(self, windowing: Windowing, settings: DetectorSettings) -> None:
        self._windowing = windowing
        self._room_s = 0.0
        self._began_ms: int | None = None
        self._names = windowing.channels
        self._settings = settings
        about = SignalSettings(
            windowing.channels, windowing.period_s, settings.floor, settings.change_rate, windowing.shapes
        )
        self._signals: dict[str, Signal] = {name: SIGNALS[name](about) for name in settings.levels}
        calm_samples = max(1, round(settings.calm_s / windowing.period_s))
        self._tracker = EventTracker(calm_samples)
        self._budget = Budget(settings.budgets, windowing.period_s)
        self._advisory = Advisory(windowing.channels, settings.past)
        self._advice = EventTracker(1)
        self._state: State = "warming"
        self.faults = 0  # scores that were not finite

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
        return Verdict("warming", why="getting to know the room", changes=self._sensor_is_back())

    def scored(self, seen: Observation) -> Verdict:
        """A reading that the network has judged."""
        changes = self._sensor_is_back()
        shift = self._advisory.update(self._room_ms(seen.ts_ms), seen.values)
        strange = {name: signal.update(seen) for name, signal in self._signals.items()}
        ratios = {name: strange[name].value / self._level(name) for name in strange}
        worst = max(ratios, key=lambda name: (not np.isfinite(ratios[name]), ratios[name]))
        if not np.isfinite(ratios[worst]):
            self.faults += 1
            return Verdict("no_model", why="the model's answer was not a number", changes=changes)
        self._budget.pass_by()
        changes += self._advise(seen, shift)
        opened = self._tracker.open is not None
        alarmed = ratios[worst] >= (self._settings.release if opened else 1.0)
        odds = seen.evidence[0] if seen.evidence else 0.0
        score = range_score(ratios, odds, max(seen.far), max(seen.level), shift.size, ratios[worst] >= 1.0)
        newest = seen.views[0]
        spread = tuple(b * d for b, d in zip(self._settings.band, newest.deviation, strict=True))
        away = (shift.size / SHIFT_LEVEL, max(seen.level))
        if not alarmed:
            self._state = "normal"
            changes += self._tracker.calm()
            return Verdict("normal", score, False, newest.expected, spread, None, changes, *away)
        self._state = "anomalous"
        if not opened:
            self._budget.alarmed(worst, ratios[worst])
        why = explain(worst, strange[worst], seen, self._names, self._settings.band)
        event = self._event(seen, worst, strange[worst], score, why, spread)
        changes += self._tracker.strange(event)
        return Verdict("anomalous", score, True, newest.expected, spread, why, changes, *away)

    def _room_ms(self, ts_ms: int) -> int:
        """The time of the room, which may live faster than our clock; it begins with ours."""
        if self._began_ms is None:
            self._began_ms = ts_ms - round(self._room_s * 1000.0)
        return self._began_ms + round(self._room_s * 1000.0)

    def _level(self, name: str) -> float:
        return self._settings.levels[name] * self._budget.factor(name)

    def _event(
        self,
        seen: Observation,
        name: str,
        strange: Strange,
        score: float,
        why: str,
        spread: tuple[float, ...],
    ) -> Event:
        return Event(
            "anomalous", seen.ts_ms, score, why, self._names[strange.channel], name,
            seen.values, seen.views[0].expected, spread, shares(seen.views[strange.view].surprise),
        )  # fmt: skip

    def _advise(self, seen: Observation, shift: Shift) -> tuple[Change, ...]:
        """The slow channel: apart from the alarm, and on no budget."""
        opened = self._advice.open is not None
        if shift.size < SHIFT_LEVEL * (self._settings.release if opened else 1.0):
            return self._advice.calm()
        name = self._names[shift.channel]
        why = explain_shift(name, shift)
        return self._advice.strange(Event("advisory", seen.ts_ms, shift.size / SHIFT_LEVEL, why, name))

    def _sensor_is_back(self) -> tuple[Change, ...]:
        event = self._tracker.open
        return self._tracker.close() if event is not None and event.kind == "sensor_fault" else ()


class Detector:
    """Readings to verdicts, one by one, as they come.

    `speed` is how many times faster than real time a simulated room lives; the model sees
    the room's own time.
    """

    def __init__(
        self,
        network: Answers,
        windowing: Windowing,
        settings: DetectorSettings,
        speed: float = 1.0,
    ) -> None:
        self.gate = Gate(windowing.measured, fault_after(windowing.period_s), speed)
        self._scorer = Scorer(network, windowing, settings.floor)
        self._windowing = windowing
        self._window = Window(windowing)
        self._decision = Decision(windowing, settings)
        self._speed = speed
        self._last_ms: int | None = None

    @property
    def faults(self) -> int:
        """How many times the model's answer was no number."""
        return self._decision.faults

    def see(self, reading: Reading) -> tuple[Reading, Verdict]:
        """The reading with its quality, and what it means."""
        reading = self.gate.check(reading)
        if self.gate.reason is not None:
            return reading, self._decision.failed(reading, self.gate.reason, self.gate.sensor_fault)
        values = tuple(float(reading.values[name] or 0.0) for name in self._windowing.channels)
        elapsed_s = 0.0 if self._last_ms is None else (reading.mono_ms - self._last_ms) / 1000.0 * self._speed
        self._last_ms = reading.mono_ms
        ended = self._decision.elapse(elapsed_s)
        windows = self._window.push(values, elapsed_s)
        if windows is None:
            return reading, after(ended, self._decision.unscored())
        scores = self._scorer.score(windows)
        verdict = self._decision.scored(next(scores.observations([reading.ts_ms], [values])))
        return reading, after(ended, verdict)

    def close(self) -> tuple[Change, ...]:
        """The end of watching ends an open event."""
        return self._decision.close()
