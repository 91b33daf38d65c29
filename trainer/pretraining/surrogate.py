"""Signals of any kind: daily and weekly rhythms, wandering, noise, duty cycles, the steps of a sensor.

A network that has only met our simulated rooms takes their manners for the law of nature.
"""

import numpy as np
from numpy.typing import NDArray

from edge.reading import TEMPERATURE
from edge.recording import Recording
from edge.sources.weather import DAY_S

Floats = NDArray[np.float64]
Chance = np.random.Generator

RESOLUTIONS = (0.0, 0.01, 0.1, 0.1, 0.5)
WANDER_DAYS = (0.02, 0.2, 2.0, 10.0)


def surrogate(rng: Chance, rows: int, period_s: float) -> Recording:
    """(rows, 1) a temperature that no room ever had. Deterministic by `rng`."""
    days: Floats = np.arange(rows, dtype=np.float64) * period_s / DAY_S
    values = _rhythm(rng, days)
    for tau in WANDER_DAYS:
        if rng.random() < 0.7:
            values = values + rng.lognormal(-1.2, 1.0) * _wander(rng, rows, period_s / DAY_S / tau)
    if rng.random() < 0.8:
        values = values + rng.lognormal(-3.5, 1.2) * rng.normal(size=rows)
    if rng.random() < 0.15:
        turn = np.arange(rows) / rng.uniform(8.0, 60.0) + rng.random()
        values = values + rng.lognormal(-0.5, 0.7) * abs(turn % 1.0 - 0.5)
    values = np.clip(20.0 + rng.lognormal(0.5, 0.8) * values, TEMPERATURE.low, TEMPERATURE.high)
    step = float(rng.choice(RESOLUTIONS))
    values = np.round(values / step) * step if step else values
    return Recording(
        name="surrogate",
        ts_ms=np.rint(np.arange(rows) * period_s * 1000.0).astype(np.int64),
        channels=(TEMPERATURE,),
        values=values[:, None],
        labels=None,
        kinds=None,
        period_s=period_s,
        gaps=(),
        columns={},
        found=(),
    )


def _rhythm(rng: Chance, days: Floats) -> Floats:
    """A day with two overtones, on some a week, on some of a size that changes."""
    if rng.random() < 0.2:
        return np.zeros(len(days))
    size, phase = rng.lognormal(0.0, 1.0), rng.random()
    turn = 2.0 * np.pi * (days + phase)
    second, third = 0.4 * rng.normal(), 0.2 * rng.normal()
    values = size * (
        np.sin(turn) + second * np.sin(2 * turn + rng.random()) + third * np.sin(3 * turn + rng.random())
    )
    if rng.random() < 0.3 and len(days) > 1:
        values = values * (1.0 + 0.3 * _wander(rng, len(days), float(days[1]) / 2.0))
    if rng.random() < 0.2:
        values = np.where((days + phase) % 7 < 5, values, values * rng.uniform(0.2, 0.8))
    return values


def _wander(rng: Chance, rows: int, pace: float) -> Floats:
    """A random walk that is drawn back (Ornstein-Uhlenbeck) of unit deviation; `pace` is step / tau.

    Its spectrum is that of the recursion x[t] = a x[t-1] + noise, filtered all at once.
    """
    keep = np.exp(-pace)
    size = 2 * rows
    noise = np.fft.rfft(rng.normal(size=size) * np.sqrt(1.0 - keep * keep))
    response = 1.0 / (1.0 - keep * np.exp(-2j * np.pi * np.arange(len(noise)) / size))
    return np.asarray(np.fft.irfft(noise * response, size)[:rows])
