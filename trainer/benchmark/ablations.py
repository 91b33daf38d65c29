"""What stands in the place of a part of the product when that part is taken away."""

import math
from dataclasses import replace

import numpy as np

from edge.detection.calibration import calibrate
from edge.detection.detector_settings import DetectorSettings
from edge.detection.fleet import Fleet
from edge.detection.habits import Habits, elapsed, plausible, robust_scale
from edge.detection.scorer import Answers
from edge.detection.window import Inputs, batches
from edge.detection.windowing import Windowing
from edge.recording import Recording
from trainer.benchmark.tail import device_tail
from trainer.signal_series import look_back, signal_values

# The mean absolute value of a normal variable in its standard deviations, as a logarithm.
LOG_MEAN_ABSOLUTE = 0.5 * math.log(2.0 / math.pi)
# The say of a device's own history, and how far it may differ from the fleet.
OWN_SAY, MOST_APART = 0.25, 4.0
# So many false alarms a week that the budget never acts.
WITHOUT_LIMIT = 1e9


class Persistence:
    """No network: the block before is what is expected, and its volatility the deviation."""

    def __init__(self, windowing: Windowing) -> None:
        self._windowing = windowing

    def answer(self, inputs: Inputs) -> Inputs:
        """Answers (n, expectations) to inputs (n, width)."""
        count = len(self._windowing.channels)
        answers = []
        for view in range(len(self._windowing.views)):
            places = [self._windowing.inputs_of(view, c).stop - 1 for c in range(count)]
            answers += [np.zeros((len(inputs), count)), inputs[:, places] - LOG_MEAN_ABSOLUTE]
        return np.concatenate(answers, axis=1).astype(np.float32)


class ConstantDeviation:
    """A network's means, with one deviation for each channel and view, from the history."""

    def __init__(self, network: Answers, places: list[int], logs: list[float]) -> None:
        self._network, self._places, self._logs = network, places, np.array(logs, np.float32)

    @classmethod
    def of(cls, network: Answers, history: Recording, habits: Habits) -> "ConstantDeviation":
        """Deviations that are right in the median of a history."""
        windowing, values = habits.windowing, plausible(history)
        seen = [b.windows.inputs for b in batches(windowing, values, elapsed(history.ts_ms, values))]
        inputs = np.concatenate(seen)[:: 1 + len(values) // 5000]
        answers = network.answer(inputs)
        count = len(windowing.channels)
        places, logs = [], []
        for view in range(len(windowing.views)):
            for c in range(count):
                mean = answers[:, 2 * count * view + c]
                newest = inputs[:, windowing.inputs_of(view, c).start]
                places.append(2 * count * view + count + c)
                logs.append(math.log(robust_scale(np.asarray(newest - mean, np.float64), 0.05)))
        return cls(network, places, logs)

    def answer(self, inputs: Inputs) -> Inputs:
        """Answers (n, outputs) to inputs (n, width)."""
        answers = self._network.answer(inputs)
        answers[:, self._places] = self._logs
        return answers


def uncalibrated(
    history: Recording, habits: Habits, network: Answers, false_alarms_per_week: float, fleet: Fleet
) -> DetectorSettings:
    """The fleet's levels as they are, however short the history was, and no budget to hold."""
    settings = calibrate(history, habits, network, false_alarms_per_week, fleet)
    levels = {name: fleet.levels[name] for name in settings.levels}
    return replace(settings, levels=levels, budgets=dict.fromkeys(levels, WITHOUT_LIMIT))


def own_levels(
    history: Recording, habits: Habits, network: Answers, false_alarms_per_week: float, fleet: Fleet
) -> DetectorSettings:
    """Each level a quarter the device's own, by peaks over threshold, three quarters the fleet's."""
    settings = calibrate(history, habits, network, false_alarms_per_week, fleet)
    observed = look_back(history, habits, network)
    levels = {}
    for name, usual in settings.levels.items():
        tail = device_tail(signal_values(name, habits, observed), history.ts_ms, history.period_s)
        own = float(np.clip(tail.level(settings.budgets[name]), usual / MOST_APART, usual * MOST_APART))
        levels[name] = own**OWN_SAY * usual ** (1.0 - OWN_SAY)
    return replace(settings, levels=levels)
