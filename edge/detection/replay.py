"""A recorded series through the very same detector: all at once, the same figures as one by one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.detection.detector import Decision, Verdict, after
from edge.detection.detector_settings import DetectorSettings
from edge.detection.observation import Observation
from edge.detection.scorer import Answers, Scorer
from edge.detection.window import Floats, batches
from edge.detection.windowing import Windowing
from edge.gate import Gate, fault_after
from edge.reading import Reading
from edge.recording import Recording


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts of a whole series: n rows, C channels."""

    verdicts: tuple[Verdict, ...]  # n

    @property
    def score(self) -> Floats:
        """(n,) scores, NaN without one."""
        return np.array([np.nan if v.score is None else v.score for v in self.verdicts])

    @property
    def alarm(self) -> NDArray[np.bool_]:
        """(n,) whether the room or the sensor is in an alarm."""
        return np.array([v.state in ("anomalous", "sensor_fault") for v in self.verdicts])

    @property
    def level(self) -> Floats:
        """(n,) how far the values are from what they mostly are, in swings."""
        return np.array([v.level for v in self.verdicts])

    @property
    def advisory(self) -> NDArray[np.bool_]:
        """(n,) whether the last hours were far from the last weeks."""
        return np.array([v.shift >= 1.0 for v in self.verdicts])

    def expected(self, channels: int) -> Floats:
        """(n, C) expected values, NaN without one."""
        nothing = (np.nan,) * channels
        return np.array([v.expected or nothing for v in self.verdicts]).reshape(-1, channels)

    def spread(self, channels: int) -> Floats:
        """(n, C) half the 90 % band, NaN without one."""
        nothing = (np.nan,) * channels
        return np.array([v.spread or nothing for v in self.verdicts]).reshape(-1, channels)

    def event_numbers(self) -> NDArray[np.int64]:
        """(n,) the number of the event that a strange row belongs to, 0 for none."""
        numbers, number = np.zeros(len(self.verdicts), np.int64), 0
        for row, verdict in enumerate(self.verdicts):
            started = [change.event.kind for change in verdict.changes if change.phase == "start"]
            number += sum(kind != "advisory" for kind in started)
            if verdict.state in ("anomalous", "sensor_fault"):
                numbers[row] = number
        return numbers

    def advised(self) -> NDArray[np.bool_]:
        """(n,) whether an advisory is open, which ends later than its level is left."""
        opened, rows = False, np.zeros(len(self.verdicts), np.bool_)
        for row, verdict in enumerate(self.verdicts):
            for change in verdict.changes:
                if change.event.kind == "advisory":
                    opened = change.phase != "end"
            rows[row] = opened
        return rows


def observe(recording: Recording, gate: Gate, scorer: Scorer, windowing: Windowing) -> "Observed":
    """Gate, window and score all rows at once."""
    rows = [recording.reading(row) for row in range(len(recording))]
    complaints: list[tuple[str, bool] | None] = []
    for reading in rows:
        gate.check(reading)
        complaints.append(None if gate.reason is None else (gate.reason, gate.sensor_fault))
    order = [[c.name for c in recording.channels].index(name) for name in windowing.channels]
    values = recording.values[:, order].copy()
    values[[complaint is not None for complaint in complaints]] = np.nan
    elapsed_s = np.zeros(len(rows))
    good = np.flatnonzero([complaint is None for complaint in complaints])
    elapsed_s[good[1:]] = np.diff(recording.ts_ms[good]) / 1000.0
    observations: list[Observation | None] = [None] * len(rows)
    for batch in batches(windowing, values, elapsed_s):
        seen = values[batch.rows]
        scores = scorer.score(batch.windows)
        times = recording.ts_ms[batch.rows].tolist()
        for row, observation in zip(
            batch.rows.tolist(), scores.observations(times, map(tuple, seen.tolist())), strict=True
        ):
            observations[row] = observation
    return Observed(rows, complaints, observations, elapsed_s)


@dataclass(frozen=True, slots=True)
class Observed:
    """A series that is scored, but not yet judged; n rows."""

    readings: list[Reading]
    complaints: list[
        tuple[str, bool] | None
    ]  # why the gate held a row back, and whether it is a sensor fault
    observations: list[Observation | None]  # None where held back or warming
    elapsed_s: Floats  # since the row before that passed the gate


def judge(
    recording: Recording, network: Answers, windowing: Windowing, settings: DetectorSettings
) -> Judgement:
    """Every row's verdict, bit for bit as `Detector.see` gives them one by one."""
    scorer = Scorer(network, windowing, settings.floor)
    observed = observe(
        recording, Gate(windowing.measured, fault_after(windowing.period_s)), scorer, windowing
    )
    decision = Decision(windowing, settings)
    verdicts = []
    for reading, complaint, seen, elapsed_s in zip(
        observed.readings,
        observed.complaints,
        observed.observations,
        observed.elapsed_s.tolist(),
        strict=True,
    ):
        if complaint is not None:
            verdicts.append(decision.failed(reading, *complaint))
            continue
        ended = decision.elapse(elapsed_s)
        verdicts.append(after(ended, decision.unscored() if seen is None else decision.scored(seen)))
    return Judgement(tuple(verdicts))
