"""Events of any shape: what no library of faults has thought of, in sizes of the room's own scales."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.detection.habits import resolution, robust_scale
from edge.recording import Recording

Floats = NDArray[np.float64]
Chance = np.random.Generator
# What a stretch (m,) of one channel becomes; `size` in the channel's unit, either sign.
Oddity = Callable[[Chance, Floats, float], Floats]

OTHER = "oddity"
LONGEST_ROWS = 400
SIZES = (1.5, 15.0)


def _shift(_rng: Chance, part: Floats, size: float) -> Floats:
    return part + size


def _pulse(rng: Chance, part: Floats, size: float) -> Floats:
    """Up fast and back slowly, as a breath or a door."""
    turn, at = rng.uniform(0.05, 0.5), _course(part)
    rise, fall = 1.0 - np.exp(-3.0 * at / turn), np.exp(-3.0 * (at - turn) / (1.0 - turn))
    return part + size * np.where(at < turn, rise, fall)


def _ramp(rng: Chance, part: Floats, size: float) -> Floats:
    return np.asarray(part + 1.5 * size * _course(part) ** rng.choice((1.0, rng.uniform(0.4, 3.0))))


def _restless(rng: Chance, part: Floats, size: float) -> Floats:
    return part + 0.5 * abs(size) * rng.normal(size=len(part))


def _outliers(rng: Chance, part: Floats, size: float) -> Floats:
    signs = rng.choice((-1.0, 1.0), len(part)) * rng.uniform(0.5, 2.0, len(part))
    return part + np.where(rng.random(len(part)) < 0.3, size * signs, 0.0)


def _stuck(rng: Chance, part: Floats, size: float) -> Floats:
    return np.full(len(part), part[0] + (size if rng.random() < 0.3 else 0.0))


def _stretched(rng: Chance, part: Floats, _size: float) -> Floats:
    return np.asarray(part.mean() + (part - part.mean()) * rng.choice((0.1, 0.3, 2.0, 3.0)))


def _wave(rng: Chance, part: Floats, size: float) -> Floats:
    return part + 0.7 * size * np.sin(2.0 * np.pi * _course(part) * rng.uniform(1.0, 8.0))


def _course(part: Floats) -> Floats:
    """(m,) from just above 0 to 1."""
    return (np.arange(len(part)) + 1.0) / len(part)


ODDITIES: tuple[Oddity, ...] = (_shift, _pulse, _ramp, _restless, _outliers, _stuck, _stretched, _wave)


def put_in(rest: Recording, history: Recording, rng: Chance) -> Recording:
    """`rest` with labelled oddities all along, of one row to hundreds. Deterministic by `rng`."""
    values, kinds = rest.values.copy(), [None] * len(rest)
    scales = [_scales(column) for column in history.values.T]
    start = int(rng.integers(5, 60))
    while start < len(rest) - 3:
        longest = max(3.0, min(len(rest) / 10.0, LONGEST_ROWS))
        stop = min(len(rest), start + int(np.exp(rng.uniform(0.0, np.log(longest)))))
        _spoil(values[start:stop], scales, rng)
        kinds[start:stop] = [OTHER] * (stop - start)  # type: ignore[list-item]
        start = stop + int(max(10.0, rng.exponential() * max(40, 3 * (stop - start))))
    low, high = (np.array([getattr(c, end) for c in rest.channels]) for end in ("low", "high"))
    return replace(rest, values=np.clip(values, low, high), labels=None, kinds=tuple(kinds))


def _spoil(part: Floats, scales: list[tuple[float, float, float]], rng: Chance) -> None:
    """One oddity in the rows (m, C), in one channel or in all."""
    oddity = ODDITIES[int(rng.integers(len(ODDITIES)))]
    all_of_them = rng.random() < 0.3
    chosen = range(part.shape[1]) if all_of_them else [int(rng.integers(part.shape[1]))]
    for c in chosen:
        step, swing, least = scales[c]
        near = min(swing, step * np.sqrt(min(len(part), 64)))
        size = np.exp(rng.uniform(*np.log(SIZES))) * (near if rng.random() < 0.6 else swing)
        spoilt = oddity(rng, part[:, c], float(size * rng.choice((-1.0, 1.0))))
        part[:, c] = np.round(spoilt / least) * least if least else spoilt


def _scales(column: Floats) -> tuple[float, float, float]:
    """(usual step, usual swing, resolution) of a channel's history (n,)."""
    finite = column[np.isfinite(column)]
    swing = max(robust_scale(finite, 1e-6), 0.02)
    return max(robust_scale(np.diff(finite), 1e-6), 0.01 * swing), swing, resolution(finite)
