"""Sensors behind a kernel driver: DHT11/DHT22, BME280, SHT3x, SHT4x and many more look alike in sysfs.

The dht11 driver takes its times in interrupts, which is far more reliable than user space. It
repeats a measurement for two seconds, and never an old one after a failure.
"""

import errno
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError, SensorError
from edge.reading import HUMIDITY, PRESSURE, TEMPERATURE, Channel, Reading
from edge.sources.settings import SourceSettings

# Channel, its name in sysfs, and what one of the kernel's units (m°C, m%, kPa) is in ours.
_KINDS = (
    (TEMPERATURE, "in_temp", 0.001),
    (HUMIDITY, "in_humidityrelative", 0.001),
    (PRESSURE, "in_pressure", 10.0),
)

_REASONS = {
    errno.EIO: "the sensor's answer was damaged or incomplete",
    errno.ETIMEDOUT: "the sensor does not answer; check its wiring and power",
    errno.ENOENT: "the device is gone",
    errno.ENODEV: "the device is gone",
}


@dataclass(frozen=True, slots=True)
class _Attribute:
    """One channel's file: a finished value, or a raw one with its scale and offset."""

    channel: Channel
    path: Path
    scale: float
    offset: float

    def read(self) -> float:
        """The value in the channel's unit. Raises OSError or ValueError."""
        value = (float(self.path.read_text()) + self.offset) * self.scale
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a measurement")
        return value


class Iio:
    """One device of the kernel's Industrial I/O subsystem."""

    name = "iio"
    simulated = False

    def __init__(
        self,
        directory: Path,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """The device in that directory. Raises ConfigError when it measures none of our channels."""
        self.directory = directory
        self._attributes = _attributes(directory)
        if not self._attributes:
            raise ConfigError(
                f"{directory} measures no temperature, humidity or pressure; name another device"
            )
        self._wall_ns, self._monotonic_ns = wall_ns, monotonic_ns

    @classmethod
    def open(cls, settings: SourceSettings) -> "Iio":
        """The device that the settings name, else the first of those with the most channels.

        Raises ConfigError when there is none.
        """
        return cls(find_device(settings.sysfs, settings.device))

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What the device measures."""
        return tuple(attribute.channel for attribute in self._attributes)

    def read(self) -> Reading:
        """One measurement of all channels. Raises SensorError when any of them fails."""
        values: dict[str, float | None] = {}
        for attribute in self._attributes:
            try:
                values[attribute.channel.name] = attribute.read()
            except OSError as error:
                reason = _REASONS.get(error.errno or 0, error.strerror)
                raise SensorError(f"{attribute.path}: {reason}") from error
            except ValueError as error:
                raise SensorError(f"{attribute.path} holds no number: {error}") from error
        return Reading(self._wall_ns() // 10**6, self._monotonic_ns() // 10**6, values)

    def close(self) -> None:
        """Nothing stays open between readings."""


def find_device(sysfs: Path, wanted: str = "") -> Path:
    """The directory of the device of that name or path; without a name, of the one with most channels.

    Raises ConfigError when there is none.
    """
    devices = sorted(sysfs.glob("iio:device*"), key=_number)
    if wanted:
        named = [device for device in devices if wanted in (device.name, _name(device))]
        if not named and "/" in wanted and Path(wanted).is_dir():
            named = [Path(wanted)]
        if not named:
            there = ", ".join(f"{_name(device)} ({device.name})" for device in devices) or "none"
            raise ConfigError(f"no IIO device {wanted!r} under {sysfs}; there are: {there}")
        return named[0]
    useful = [device for device in devices if _attributes(device)]
    if not useful:
        raise ConfigError(
            f"no sensor under {sysfs}; for a DHT11 or DHT22 add 'dtoverlay=dht11,gpiopin=4' to "
            "/boot/firmware/config.txt and reboot, or use --source simulator"
        )
    return max(useful, key=lambda device: len(_attributes(device)))


def _attributes(device: Path) -> tuple[_Attribute, ...]:
    found = []
    for channel, stem, unit in _KINDS:
        finished, raw = device / f"{stem}_input", device / f"{stem}_raw"
        if finished.exists():
            found.append(_Attribute(channel, finished, unit, 0.0))
        elif raw.exists():
            scale = _constant(device / f"{stem}_scale", 1.0)
            found.append(_Attribute(channel, raw, scale * unit, _constant(device / f"{stem}_offset", 0.0)))
    return tuple(found)


def _constant(path: Path, missing: float) -> float:
    try:
        return float(path.read_text())
    except FileNotFoundError:
        return missing
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as a number: {error}") from error


def _name(device: Path) -> str:
    try:
        return (device / "name").read_text().strip()
    except OSError:
        return device.name


def _number(device: Path) -> int:
    digits = re.search(r"\d+$", device.name)
    return int(digits.group()) if digits else 0
