"""How much water is in the air, from temperature and relative humidity.

Heating moves temperature and relative humidity along a line of constant vapour pressure; leaving
that line takes water. Magnus formula with the constants of Sonntag (1990) over water: the
saturation pressure grows as exp(17.62 T / (243.12 + T)), T in °C.
"""

from edge.detection.arithmetic import N, larger, log

MAGNUS_SLOPE, MAGNUS_CELSIUS = 17.62, 243.12
# Below this a hygrometer reads noise, and a logarithm would make much of it.
DRIEST_PCT = 1.0
# In so dry an air a change is told as if there were this much.
DRY_PCT = 5.0


def log_pressure_pct(temperature: N, humidity: N) -> N:
    """100 times the logarithm of the vapour pressure, so that a change of 1 is one percent.

    `temperature` in °C, `humidity` in % relative humidity.
    """
    celsius = larger(temperature, -100.0)
    return 100.0 * (log(larger(humidity, DRIEST_PCT)) + MAGNUS_SLOPE * celsius / (MAGNUS_CELSIUS + celsius))


def slope_per_degree(temperature: N) -> N:
    """By what part the saturation pressure grows with one degree, at °C."""
    above = MAGNUS_CELSIUS + temperature
    return MAGNUS_SLOPE * MAGNUS_CELSIUS / (above * above)


def change(temperature: N, humidity: N, by_celsius: N | float, by_pct: N | float) -> N:
    """By what part the vapour pressure is more, when both are changed by so little."""
    return by_pct / larger(humidity, DRY_PCT) + slope_per_degree(temperature) * by_celsius
