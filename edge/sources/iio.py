"""Sensors behind a kernel driver: each is a folder of files in sysfs, one for each value.

DHT11 to DHT22, BME280, HTU21, Si7021 and many more are devices of the Industrial I/O subsystem
(`in_temp_input`, or `in_temp_raw` with its scale and offset); SHT3x, SHT4x, AHT20 and others are hardware
monitors (`temp1_input`). The dht11 driver takes its times in interrupts, which is far more reliable
than user space. It repeats a measurement for two seconds, and never an old one after a failure.
"""

import errno
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError, SensorError
from edge.reading import HUMIDITY, PRESSURE, TEMPERATURE, Channel, Reading
from edge.sources.settings import SourceSettings
from edge.sources.sysfs import find_devices, name_of

# Channel, its names in sysfs (of the one subsystem, and of the other), and what one of the kernel's units
# (m°C, m%, kPa) is in ours.
_KINDS = (
    (TEMPERATURE, ("in_temp", "temp1"), 0.001),
    (HUMIDITY, ("in_humidityrelative", "humidity1"), 0.001),
    (PRESSURE, ("in_pressure",), 10.0),
)
_CONSTANTS = (("scale", 1.0), ("offset", 0.0))
# The bme680 driver gives percent, against the kernel's own rule; a tenth of a percent is no room's humidity.
_IN_PERCENT, _NO_AIR_PCT = ("bme680",), 0.1

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
    in_percent: bool = False

    def read(self) -> float:
        """The value in the channel's unit. Raises OSError or ValueError."""
        value = (float(self.path.read_text()) + self.offset) * self.scale
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a measurement")
        return 1000.0 * value if self.in_percent and value <= _NO_AIR_PCT else value

    def measure(self) -> float:
        """The same. Raises SensorError."""
        try:
            return self.read()
        except OSError as error:
            reason = _REASONS.get(error.errno or 0, error.strerror)
            raise SensorError(f"{self.path}: {reason}") from error
        except ValueError as error:
            raise SensorError(f"{self.path} holds no number: {error}") from error


class Iio:
    """One sensor of the kernel's; its values may come from several devices, each channel from one."""

    name = "iio"
    simulated = False

    def __init__(
        self,
        *directories: Path,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """The devices in these directories; of two that measure the same the first one counts.

        Raises ConfigError when one of them adds no channel of ours.
        """
        self.directories = directories
        self._attributes = _together(directories)
        self._wall_ns, self._monotonic_ns = wall_ns, monotonic_ns

    @classmethod
    def open(cls, settings: SourceSettings) -> "Iio":
        """The devices that the settings name, else the first of those with the most channels.

        Raises ConfigError when there is none.
        """
        roots = (settings.sysfs, settings.hwmon)
        return cls(*find_devices(roots, settings.device, _worth))

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What the devices measure."""
        return tuple(attribute.channel for attribute in self._attributes)

    def read(self) -> Reading:
        """One measurement of all channels; None for those of a device that fails beside another.

        Raises SensorError when all devices fail.
        """
        values: dict[str, float | None] = {}
        failed: dict[Path, SensorError] = {}  # by device, which is not asked again: it may take its time
        for attribute in self._attributes:
            device = attribute.path.parent
            try:
                if device not in failed:
                    values[attribute.channel.name] = attribute.measure()
            except SensorError as error:
                failed[device] = error
        complaint = next(iter(failed.values()), None)
        if complaint is not None and len(failed) == len({each.path.parent for each in self._attributes}):
            raise complaint
        for attribute in self._attributes:
            if attribute.path.parent in failed:
                values[attribute.channel.name] = None
        sentence = None if complaint is None else str(complaint)
        now_ms, mono_ms = self._wall_ns() // 10**6, self._monotonic_ns() // 10**6
        return Reading(now_ms, mono_ms, values, complaint=sentence)

    def close(self) -> None:
        """Nothing stays open between readings."""


def _together(directories: tuple[Path, ...]) -> tuple[_Attribute, ...]:
    chosen: dict[str, _Attribute] = {}
    for directory in directories:
        found = _attributes(directory)
        if not found:
            raise ConfigError(
                f"{directory} measures no temperature, humidity or pressure; name another device"
            )
        new = {each.channel.name: each for each in found if each.channel.name not in chosen}
        if not new:
            raise ConfigError(
                f"{directory} measures nothing that a device named before it does not; leave it out"
            )
        chosen.update(new)
    return tuple(chosen[channel.name] for channel, _, _ in _KINDS if channel.name in chosen)


def _worth(device: Path) -> int:
    """The more channels the better; a DHT22 sooner than a BMP280, which says nothing of the water."""
    found = _air(device)
    return 2 * len(found) + any(each.channel is HUMIDITY for each in found)


def _air(device: Path) -> tuple[_Attribute, ...]:
    """What it measures if it is in a room: most hardware monitors are inside a processor or a disk."""
    found = _attributes(device)
    monitor = not any(each.path.name.startswith("in_") for each in found)
    return () if monitor and HUMIDITY not in [each.channel for each in found] else found


def _attributes(device: Path) -> tuple[_Attribute, ...]:
    found = []
    for channel, stems, unit in _KINDS:
        attribute = next(filter(None, (_attribute(device, channel, stem, unit) for stem in stems)), None)
        if attribute is not None:
            found.append(attribute)
    return tuple(found)


def _attribute(device: Path, channel: Channel, stem: str, unit: float) -> _Attribute | None:
    finished, raw = device / f"{stem}_input", device / f"{stem}_raw"
    in_percent = channel is HUMIDITY and name_of(device) in _IN_PERCENT
    if finished.exists():
        return _Attribute(channel, finished, unit, 0.0, in_percent)
    if not raw.exists():
        return None
    scale, offset = (_constant(device / f"{stem}_{what}", missing) for what, missing in _CONSTANTS)
    return _Attribute(channel, raw, scale * unit, offset, in_percent)


def _constant(path: Path, missing: float) -> float:
    try:
        return float(path.read_text())
    except FileNotFoundError:
        return missing
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as a number: {error}") from error
