"""Model input to Score, through the interpreter; knows nothing of thresholds.

The network is a masked autoencoder: for each channel it reconstructs the newest block from the
window's past and from the other channels' present, and says how sure it is. For each view it
answers with 2 C numbers: for each channel the mean of (newest - previous block) in units of the
channel's step, then for each channel the logarithm of the standard deviation. After these comes,
for each shape of event that it knows, the log odds that such an event is going on.
"""

import functools
import operator
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from edge.detection.arithmetic import N, columns, exp, expm1, smaller, sqrt
from edge.detection.observation import Observation, ViewScore
from edge.detection.window import Inputs, Windows
from edge.detection.windowing import TRACE_EXTRAS, Windowing

# Nobody is so unsure; more than twice as much could not be squared.
MOST_LOG_DEVIATION = 300.0


class Answers(Protocol):
    """Anything that answers inputs (n, width) with (n, outputs): the interpreter, or Keras in training."""

    def answer(self, inputs: Inputs) -> Inputs:
        """Answers (n, outputs) to inputs (n, width), float32."""


class Scorer:
    """Windows to what the model thinks of them. One reading or many: the same bits."""

    def __init__(self, network: Answers, windowing: Windowing, floor: Sequence[float]) -> None:
        """`floor` (C,) is the smallest standard deviation that counts, in physical units."""
        self._network = network
        self._expectations, self._channels = windowing.expectations, len(windowing.channels)
        # for each view and channel: where the mean and the logarithm of the deviation stand, step and floor
        self._places = [
            [
                (2 * v * self._channels + c, (2 * v + 1) * self._channels + c, view.step[c], floor[c])
                for c in range(self._channels)
            ]
            for v, view in enumerate(windowing.views)
        ]
        self._traces = slice(windowing.trace_inputs(0).start, windowing.trace_inputs(self._channels - 1).stop)

    def one(self, windows: Windows, ts_ms: int, values: Sequence[float]) -> Observation[float]:
        """The window (n = 1) of one reading, with its C values."""
        return self._observe(windows, ts_ms, values, one=True)

    def many(self, windows: Windows, ts_ms: Any, values: Any) -> Observation[Any]:
        """The windows of n readings, with their times (n,) and values (n, C), to columns."""
        return self._observe(windows, ts_ms, columns(values, one=False), one=False)

    def _observe(self, windows: Windows, ts_ms: Any, values: Sequence[N], one: bool) -> Observation[N]:
        answers = self._network.answer(windows.inputs)
        raw: list[N] = columns(answers, one)
        finite = np.isfinite(functools.reduce(operator.add, raw))
        flat = (len(answers), -1)
        before: list[N] = columns(windows.previous.reshape(flat), one)
        now: list[N] = columns(windows.present.reshape(flat), one)
        traces = abs(windows.inputs[:, self._traces]).reshape(len(answers), self._channels, -1)
        away: list[N] = columns(np.maximum.reduce(traces[:, :, :-TRACE_EXTRAS], axis=2), one)
        views, at = [], 0
        for places in self._places:
            views.append(
                self._view(places, raw, before[at : at + self._channels], now[at : at + self._channels])
            )
            at += self._channels
        level: list[N] = columns(windows.level, one)
        far = [expm1(each) for each in away]
        return Observation(ts_ms, values, views, level, far, raw[self._expectations :], finite)

    @staticmethod
    def _view(
        places: list[tuple[int, int, float, float]], raw: list[N], before: list[N], now: list[N]
    ) -> ViewScore[N]:
        expected, surprise, residual, deviation = [], [], [], []
        for (mean, spread, step, floor), old, new in zip(places, before, now, strict=True):
            wide = exp(smaller(raw[spread], MOST_LOG_DEVIATION)) * step
            expected.append(old + raw[mean] * step)
            residual.append(new - expected[-1])
            deviation.append(sqrt(wide * wide + floor * floor))
            surprise.append(abs(residual[-1]) / deviation[-1])
        return ViewScore(tuple(expected), tuple(surprise), tuple(residual), tuple(deviation))
