"""The kernel's devices as folders: which of them a person means, or which one to take."""

import re
from collections.abc import Callable
from pathlib import Path

from edge.errors import ConfigError

_NAMES = ("iio:device*", "hwmon*")


def find_devices(roots: tuple[Path, ...], wanted: str, worth: Callable[[Path], int]) -> tuple[Path, ...]:
    """The folders of the devices that `wanted` names, by commas; without a name, of the one worth most.

    `worth` is 0 for a device that is of no use. Raises ConfigError when there is no other.
    """
    devices = [each for root, pattern in zip(roots, _NAMES, strict=True) for each in _below(root, pattern)]
    if wanted:
        names = [name.strip() for name in wanted.split(",") if name.strip()]
        if not names:
            raise ConfigError(f"the device {wanted!r} names none; leave it out, and one is chosen")
        return tuple(_named(devices, name, roots) for name in names)
    useful = [device for device in devices if worth(device)]
    if not useful:
        raise ConfigError(
            f"no sensor under {roots[0]}; for a DHT11 or DHT22 add 'dtoverlay=dht11,gpiopin=4' to "
            "/boot/firmware/config.txt and reboot, or use --source simulator"
        )
    return (max(useful, key=worth),)


def name_of(device: Path) -> str:
    """What the driver calls it."""
    try:
        return (device / "name").read_text("utf-8", errors="replace").strip()
    except OSError:
        return device.name


def _named(devices: list[Path], wanted: str, roots: tuple[Path, ...]) -> Path:
    named = [device for device in devices if wanted in (device.name, name_of(device))]
    if named:
        return named[0]
    if "/" in wanted and Path(wanted).is_dir():
        return Path(wanted)
    there = ", ".join(f"{name_of(device)} ({device.name})" for device in devices) or "none"
    raise ConfigError(f"no IIO device {wanted!r} under {roots[0]}; there are: {there}")


def _below(root: Path, pattern: str) -> list[Path]:
    return sorted(root.glob(pattern), key=_number)


def _number(device: Path) -> int:
    digits = re.search(r"\d+$", device.name)
    return int(digits.group()) if digits else 0
