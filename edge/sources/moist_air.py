"""Moist air: how temperature, relative humidity and the amount of water hang together.

Saturation follows Magnus, e_s = 6.112 hPa exp(17.62 T / (243.12 + T)), with the constants of the
WMO Guide to Instruments and Methods of Observation (WMO-No. 8, 2014, Part I, Annex 4.B, over water).
"""

from math import exp

MAGNUS_SCALE = 6.112  # hPa
MAGNUS_FACTOR = 17.62
MAGNUS_OFFSET = 243.12  # °C
_GRAMS = 622.0  # ratio of the molar masses of water and dry air, in g/kg


def saturation_hpa(temperature: float) -> float:
    """The vapour pressure (hPa) of saturated air at `temperature` (°C)."""
    return MAGNUS_SCALE * exp(MAGNUS_FACTOR * temperature / (MAGNUS_OFFSET + temperature))


def mixing_ratio(temperature: float, humidity: float, pressure: float = 1013.25) -> float:
    """Grams of water in a kilogram of dry air, from °C, % relative humidity and hPa.

    Heating and mixing keep it, which is why the room's balance is written in it.
    """
    vapour = humidity / 100.0 * saturation_hpa(temperature)
    return _GRAMS * vapour / (pressure - vapour)


def relative_humidity(temperature: float, ratio: float, pressure: float = 1013.25) -> float:
    """% relative humidity, not bounded by 100, from °C, g/kg and hPa."""
    return 100.0 * ratio * pressure / (_GRAMS + ratio) / saturation_hpa(temperature)
