"""The product's own detector on a benchmark's task, and what is left of it without one of its parts.

All of it runs through the edge's own code: window, interpreter, signals, calibration, alarm, one
arithmetic with the Pi. The network is the shipped one, as a new device gets it; nothing is trained.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edge.detection.calibration import calibrate
from edge.detection.detector_settings import DetectorSettings
from edge.detection.fleet import Fleet
from edge.detection.habits import Habits, learn_habits
from edge.detection.judgement import Judgement
from edge.detection.network import Network
from edge.detection.replay import judge
from edge.detection.scorer import Answers
from edge.detection.windowing import Windowing
from edge.errors import ConfigError, RecordingError
from edge.recording import Recording
from trainer.benchmark.ablations import ConstantDeviation, Persistence, own_levels, uncalibrated
from trainer.benchmark.detection import Detector, Result, Task
from trainer.benchmark.nab import onsets
from trainer.evaluate import ranking
from trainer.export import float32
from trainer.prior import Prior, shipped

Calibrate = Callable[[Recording, Habits, Answers, float, Fleet], DetectorSettings]
Change = Callable[[Answers, Recording, Habits], Answers]


def _unchanged(network: Answers, _history: Recording, _habits: Habits) -> Answers:
    return network


@dataclass(slots=True)
class Product:
    """A detector; `shapes`, `change` and `calibrated` are where an ablation takes something away."""

    prior: Prior
    shapes: bool = True
    change: Change = _unchanged
    calibrated: Calibrate = calibrate
    # The model depends on channels and views alone, so that few have to be exported.
    models: dict[tuple[tuple[str, ...], int], bytes] = field(default_factory=dict)

    def __call__(self, task: Task) -> Result:
        """Judge the rest of a task. Where the history is too short to learn from, nothing is said."""
        try:
            learnt = learn_habits(task.history)
        except RecordingError:
            nothing = np.zeros(len(task.rest), bool)
            unsaid = np.full(len(task.rest), np.nan)
            return Result(unsaid, nothing, nothing, unsaid, unsaid)
        windowing = learnt.windowing.with_shapes(self.prior.shapes if self.shapes else ())
        habits = replace(learnt, windowing=windowing)
        network = self.change(self._network(windowing), task.history, habits)
        settings = self.calibrated(
            task.history, habits, network, task.false_alarms_per_week, self.prior.fleet
        )
        whole = task.history.followed_by(task.rest)  # so that the window is warm
        judgement = judge(whole, network, windowing, settings)
        later = slice(len(task.history), None)
        return Result(
            ranking(judgement)[later],
            judgement.alarm[later],
            judgement.advisory[later],
            onsets(judgement.level, 2 * len(task.history))[later],
            _inside(judgement, whole)[later],
        )

    def _network(self, windowing: Windowing) -> Network:
        key = (windowing.channels, len(windowing.views))
        if key not in self.models:
            self.models[key] = float32(self.prior.model(windowing))
        return Network(self.models[key], windowing.width, windowing.outputs)


def _inside(judgement: Judgement, recording: Recording) -> NDArray[np.float64]:
    """(n,) share of the channels within the 90 % band, NaN where nothing is expected."""
    expected, spread = judgement.expected, judgement.spread
    away = abs(recording.values - expected)
    inside: NDArray[np.float64] = np.where(np.isnan(expected), np.nan, away <= spread).mean(axis=1)
    return inside


def _prior(architecture: str = "masked") -> Prior:
    prior = shipped(architecture)
    if prior is None:
        raise ConfigError(
            f"the package comes without {architecture}.npz: python -m trainer pretrain makes it"
        )
    return prior


def picanary() -> Detector:
    """The product."""
    return Product(_prior())


def picanary_conv() -> Detector:
    """With convolutions along the levels."""
    return Product(_prior("conv"))


def picanary_no_network() -> Detector:
    """No network: the last block is what is expected, its volatility the deviation; no shapes."""
    return Product(
        _prior(), shapes=False, change=lambda _network, _history, habits: Persistence(habits.windowing)
    )


def picanary_no_shapes() -> Detector:
    """The expectation alone."""
    return Product(_prior(), shapes=False)


def picanary_no_variance() -> Detector:
    """One deviation for each channel, whatever the room does."""
    return Product(_prior(), change=ConstantDeviation.of)


def picanary_no_calibration() -> Detector:
    """Nothing is set on the device: neither for a short history, nor by the budget as time goes by."""
    return Product(_prior(), calibrated=uncalibrated)


def picanary_own_levels() -> Detector:
    """The device's own history has a say in its levels."""
    return Product(_prior(), calibrated=own_levels)
