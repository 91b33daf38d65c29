"""Which sensor to read and how: the `[source]` section of the configuration."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["iio", "dht", "simulator", "replay"]


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One source; each kind uses its own few of these."""

    kind: Kind = "iio"
    deadline_s: float = 10.0  # iio, dht: a sensor that takes longer has not answered

    # iio
    device: str = ""  # its name, its directory's name or path, or several by commas; empty finds one
    sysfs: Path = Path("/sys/bus/iio/devices")
    hwmon: Path = Path("/sys/class/hwmon")

    # dht, simulator
    sensor: Literal["DHT11", "DHT22", "BME280"] = "DHT22"  # dht: not BME280; simulator: not DHT11

    # dht
    pin: int = 4  # GPIO number, not the number on the header

    # replay
    file: Path | None = None
    repair: bool = False  # mend text, NaN, duplicate and backward times instead of refusing them

    # simulator
    period_s: float = 10.0  # the room's own time from one reading to the next; the agent sets it
    seed: int = 0
    faults_every_s: float = 0.0  # mean time between faults put in; 0 for none

    # simulator and replay
    speed: float = 1.0  # how much faster than life their time runs
