"""How much water is in the air, from temperature and relative humidity.

Heating moves temperature and relative humidity along a line of constant vapour pressure; leaving
that line takes water. Magnus formula with the constants of Sonntag (1990) over water: the
saturation pressure grows as exp(17.62 T / (243.12 + T)), T in °C.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAGNUS_SLOPE, MAGNUS_CELSIUS = 17.62, 243.12
# Below this a hygrometer reads noise, and a logarithm would make much of it.
DRIEST_PCT = 1.0
# In so dry an air a change is told as if there were this much.
DRY_PCT = 5.0


def log_pressure_pct(temperature: Floats, humidity: Floats) -> Floats:
    """100 times the logarithm of the vapour pressure (n,), so that a change of 1 is one percent.

    `temperature` (n,) in °C, `humidity` (n,) in % relative humidity.
    """
    # contiguous, so that numpy takes the same loop, with the same bits, for one row as for many
    wet = np.log(np.ascontiguousarray(np.maximum(humidity, DRIEST_PCT)))
    celsius = np.maximum(temperature, -100.0)
    return np.asarray(100.0 * (wet + MAGNUS_SLOPE * celsius / (MAGNUS_CELSIUS + celsius)))


def slope_per_degree(temperature: float) -> float:
    """By what part the saturation pressure grows with one degree, at °C."""
    return MAGNUS_SLOPE * MAGNUS_CELSIUS / (MAGNUS_CELSIUS + temperature) ** 2


def change(temperature: float, humidity: float, by_celsius: float, by_pct: float) -> float:
    """By what part the vapour pressure is more, when both are changed by so little."""
    return by_pct / max(humidity, DRY_PCT) + slope_per_degree(temperature) * by_celsius
