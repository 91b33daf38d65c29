"""A DHT11 or DHT22 read from user space by Adafruit's library, without its stale values.

Where the kernel's driver can be had, edge/sources/iio.py is far more reliable.
"""

import os
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from edge.errors import ConfigError, SensorError
from edge.extras import need
from edge.gate_mixup import with_advice
from edge.reading import HUMIDITY, TEMPERATURE, Channel, Reading
from edge.sources.settings import SourceSettings

# For 2 s after a try the library answers with the value before it, also when that try failed.
QUIET_NS = 2_100_000_000


class Device(Protocol):
    """What we use of adafruit_dht.DHT11 and DHT22."""

    @property
    def temperature(self) -> float | None:
        """Degrees Celsius."""

    @property
    def humidity(self) -> float | None:
        """Percent."""

    def measure(self) -> None:
        """Asks the sensor. Raises RuntimeError on failure, and does nothing within 2 s of a try."""

    def exit(self) -> None:
        """Lets go of the pin."""


class Dht:
    """One DHT sensor on a GPIO pin."""

    name = "dht"
    channels: tuple[Channel, ...] = (TEMPERATURE, HUMIDITY)
    simulated = False

    def __init__(
        self,
        device: Device,
        where: str,
        *,
        setting: str = "DHT22",
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`where` names sensor and pin in errors, `setting` is the kind that the sensor is read as."""
        self._device, self._where, self._setting = device, where, setting
        self._wall_ns, self._monotonic_ns = wall_ns, monotonic_ns
        self._next_ns: int | None = None

    @classmethod
    def open(cls, settings: SourceSettings) -> "Dht":
        """The sensor of the settings. Raises ConfigError or MissingExtra when it cannot be had here."""
        if settings.sensor not in ("DHT11", "DHT22"):
            raise ConfigError(f"unknown sensor {settings.sensor!r}; choose DHT11 or DHT22")
        library, pin = _library(), _pin(settings.pin)
        # bit-banging, because pulse-in needs a helper process and times out on a Pi 5
        device: Device = getattr(library, settings.sensor)(pin, use_pulseio=False)
        return cls(device, f"{settings.sensor} on GPIO {settings.pin}", setting=settings.sensor)

    def read(self) -> Reading:
        """One fresh measurement. Raises SensorError, also when asked within 2.1 s of the last try."""
        if self._next_ns is not None and self._monotonic_ns() < self._next_ns:
            raise SensorError(f"{self._where}: asked within 2.1 s of the last try; a DHT needs that long")
        try:
            self._device.measure()
            temperature, humidity = self._device.temperature, self._device.humidity
        except (RuntimeError, OSError, ValueError) as error:
            raise SensorError(f"{self._where}: {with_advice(str(error), self._setting)}") from error
        finally:
            # counted from the end of the try: the library starts its two seconds somewhere within
            self._next_ns = self._monotonic_ns() + QUIET_NS
        if temperature is None or humidity is None:
            raise SensorError(f"{self._where}: the sensor gave no value")
        values: dict[str, float | None] = {
            TEMPERATURE.name: float(temperature),
            HUMIDITY.name: float(humidity),
        }
        return Reading(self._wall_ns() // 10**6, self._monotonic_ns() // 10**6, values)

    def close(self) -> None:
        """Lets go of the pin."""
        self._device.exit()


def _library() -> Any:
    # Blinka would otherwise ask on the terminal whether it may install what it misses.
    os.environ.setdefault("BLINKA_SKIP_DEPENDENCY_CHECK", "1")
    try:
        return need("adafruit_dht", "pi")
    except (NotImplementedError, RuntimeError, AttributeError, OSError) as error:
        raise _no_gpio(error) from error


def _pin(number: int) -> Any:
    try:
        board = import_module("board")
    except (ImportError, NotImplementedError, RuntimeError, AttributeError, OSError) as error:
        raise _no_gpio(error) from error
    pin = getattr(board, f"D{number}", None)
    if pin is None:
        raise _no_gpio(f"there is no pin D{number}")
    return pin


def _no_gpio(reason: object) -> ConfigError:
    sentence = " ".join(str(reason).split())
    return ConfigError(
        f"source dht cannot use GPIO on this machine ({sentence}); "
        "run it on a Raspberry Pi, or use --source iio or --source simulator"
    )
