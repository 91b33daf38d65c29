"""A DHT11 that is read as a DHT22, or the other way round: which sensor it is, from what it says.

Both send four bytes. A DHT11 sends whole degrees and percent with a byte of decimals behind
each, a DHT22 tenths in two bytes: the one's whole percent are the other's 25.6 %. The kernel's driver
looks at the bytes and knows; Adafruit's library has to be told.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge.reading import HUMIDITY, TEMPERATURE

DHT11_LOWEST_PCT, DHT11_HIGHEST_PCT, DHT11_HIGHEST_C = 5, 100, 60
# 4.5 °C: the three highest bits of 102.3 °C as whole degrees, and the lowest four as tenths.
DHT22_AS_DHT11_PCT, DHT22_AS_DHT11_C, BELOW_ZERO_C = 3.0, 4.5, 128.0


def mixup(values: Mapping[str, float | None]) -> str | None:
    """What to set when a reading's values, °C and %, are those of the other sensor; else None."""
    temperature, humidity = values.get(TEMPERATURE.name), values.get(HUMIDITY.name)
    if temperature is None or humidity is None:
        return None
    if _is_dht11_as_dht22(temperature, humidity):
        return _sentence(temperature, humidity, "DHT11", "DHT22")
    if _is_dht22_as_dht11(temperature, humidity):
        return _sentence(temperature, humidity, "DHT22", "DHT11")
    return None


def no_mixup(humidity: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the humidities (n,) no such mix-up makes, whatever the temperature; others it may."""
    return (humidity > DHT22_AS_DHT11_PCT) & (humidity < DHT11_LOWEST_PCT * 25.0)


def with_advice(error: str, setting: str) -> str:
    """An error of Adafruit's library, with what it may mean when the sensor is said to be a `setting`."""
    if setting != "DHT22":
        return error
    advice = 'set sensor = "DHT11" under [source]'
    if "unplausible" in error:  # it throws away more than 100 %, which is all of a DHT11's from 4 % on
        return f"{error} A DHT11 that is read as a DHT22 answers so; for one {advice}"
    if "not found" in error:  # a DHT22 is called for 1 ms, a DHT11 listens for 18
        return f"{error}; for a DHT11 {advice}"
    return error


def _is_dht11_as_dht22(temperature: float, humidity: float) -> bool:
    if not (abs(temperature) < 1e4 and 0.0 <= humidity < 1e4):
        return False
    percent, tenth_percent = divmod(round(humidity * 10.0), 256)
    degrees, tenth_degrees = divmod(round(abs(temperature) * 10.0), 256)
    decimals = tenth_percent <= 9 and tenth_degrees & 0x7F <= 9  # the eighth bit is its minus sign
    return decimals and DHT11_LOWEST_PCT <= percent <= DHT11_HIGHEST_PCT and 0 <= degrees <= DHT11_HIGHEST_C


def _is_dht22_as_dht11(temperature: float, humidity: float) -> bool:
    if not (0.0 <= humidity <= DHT22_AS_DHT11_PCT and humidity == round(humidity)):
        return False
    return 0.0 <= temperature <= DHT22_AS_DHT11_C or BELOW_ZERO_C <= temperature < BELOW_ZERO_C + 10.0


def _sentence(temperature: float, humidity: float, sensor: str, setting: str) -> str:
    return (
        f"the sensor says {humidity:g} % and {temperature:g} °C, "
        f"as a {sensor} does that is read as a {setting}: "
        f'set sensor = "{sensor}" under [source], or mend the line if it is a {setting}'
    )
