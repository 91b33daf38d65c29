"""How rare a signal's high peaks are: the alarm level for a budget, from a device's own history alone."""

from dataclasses import dataclass

import numpy as np

from edge.detection.arithmetic import Floats
from edge.detection.budget import TAIL
from trainer.metrics import WEEK_S

PEAK_APART_S = 3600.0
FEWEST_PEAKS = 5
# What is believed of a mean excess of log peaks.
SCALES = (0.05, 0.6)


@dataclass(frozen=True, slots=True)
class Tail:
    """How rare a signal's high peaks are: `rate` a week pass e^`threshold`, ever fewer a higher level."""

    threshold: float  # logarithm
    rate: float  # peaks a week
    scale: float  # mean excess of the logarithm

    def level(self, per_week: float) -> float:
        """The level that peaks pass so many times a week."""
        return float(np.exp(self.threshold + self.scale * np.log(max(self.rate / per_week, 1.0))))


def device_tail(values: Floats, ts_ms: np.ndarray, period_s: float) -> Tail:
    """The tail of a signal (n,).

    Peaks over threshold: the logarithms of the hourly peaks above their 80 % quantile fall off
    exponentially (Gumbel domain); their mean excess is taken from the median, so that a few
    faults in the history do not stretch the tail.
    """
    hours = ts_ms // int(PEAK_APART_S * 1000)
    starts = np.flatnonzero(np.diff(hours, prepend=hours[0] - 1))
    peaks = np.maximum.reduceat(values, starts)
    peaks = np.log(peaks[peaks > 0])
    if len(peaks) < FEWEST_PEAKS:
        return Tail(-np.inf, 0.0, TAIL)
    threshold = float(np.quantile(peaks, 0.8))
    excess = peaks[peaks > threshold] - threshold
    scale = float(np.median(excess)) / np.log(2.0) if len(excess) else TAIL
    weeks = len(values) * period_s / WEEK_S
    return Tail(threshold, len(excess) / weeks, float(np.clip(scale, *SCALES)))
