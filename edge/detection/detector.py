"""Readings to verdicts: warming, normal, anomalous, sensor fault; events with onset and end."""

from edge.detection.decision import Decision
from edge.detection.detector_settings import DetectorSettings
from edge.detection.levels import Near
from edge.detection.memory import Memory
from edge.detection.scorer import Answers, Scorer
from edge.detection.verdict import Verdict, after
from edge.detection.window import Window
from edge.detection.windowing import Windowing
from edge.event import Change
from edge.gate import Gate, beside, fault_after
from edge.reading import Channel, Reading


class Detector:
    """Readings to verdicts, one by one, as they come.

    `speed` is how many times faster than real time a simulated room lives; the model sees
    the room's own time. `measured` are the sensor's channels: what is not judged must be plausible too.
    """

    def __init__(
        self,
        network: Answers,
        windowing: Windowing,
        settings: DetectorSettings,
        speed: float = 1.0,
        measured: tuple[Channel, ...] = (),
    ) -> None:
        judged = windowing.measured
        self.gate = Gate(judged, fault_after(windowing.period_s), speed, beside(measured, judged))
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
        verdict = self._decision.scored(self._scorer.one(windows, reading.ts_ms, values))
        return reading, after(ended, verdict)

    @property
    def memory(self) -> Memory | None:
        """What it has come to know, to be kept for another time."""
        return self._decision.memory

    def restore(self, memory: Memory) -> None:
        """Know what was known at another time, of the same model on the same device."""
        self._decision.restore(memory)

    @property
    def level(self) -> float | None:
        """What all calibrated alarm levels are multiplied by."""
        return self._decision.levels.level

    def turn(self, level: float) -> None:
        """The same from now on. Raises ValueError out of range."""
        self._decision.levels.turn(level)

    def take_nearest(self) -> Near | None:
        """The closest that a signal came to its level since this was last asked."""
        return self._decision.levels.take_nearest()

    def close(self) -> tuple[Change, ...]:
        """The end of watching ends an open event."""
        return self._decision.close()
