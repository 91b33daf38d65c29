"""config.txt: the sensor's lines, where they count for every model of Pi."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edge.errors import ConfigError

# What the i2c-sensor overlay of raspberrypi/linux knows and the agent can read; to another address by addr=.
I2C_SENSORS = frozenset(
    """aht10 bme280 bme680 bmp085 bmp180 bmp280 bmp380 hdc100x htu21 ms5637 ms5803 ms5805 ms8607 sht3x sht4x
    si7020""".split()  # noqa: SIM905
)
_I2C = re.compile(r"(?P<name>\w+)(,addr=0x[0-9a-f]{2})?")
HEADER_PINS = range(2, 28)  # GPIO 0 and 1 belong to the HAT's identification
I2C_PINS = (2, 3)
_FILTER = re.compile(r"^\s*\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What is connected: DHT sensors by GPIO number, I2C sensors by name."""

    dht_pins: tuple[int, ...] = ()
    i2c: tuple[str, ...] = ()

    def check(self) -> "Wiring":
        """Itself, if it can be. Raises ConfigError."""
        for pin in self.dht_pins:
            if pin not in HEADER_PINS:
                raise ConfigError(f"--dht {pin}: a DHT's data wire can be on GPIO 2 to 27")
            if self.i2c and pin in I2C_PINS:
                raise ConfigError(f"--dht {pin}: GPIO 2 and 3 are the I2C bus that --i2c needs")
        for name in self.i2c:
            if name not in I2C_SENSORS:
                raise ConfigError(
                    f"--i2c {name}: the kernel's overlay knows {', '.join(sorted(I2C_SENSORS))}"
                )
        return self

    def lines(self) -> list[str]:
        """The settings, in the order in which the firmware wants them."""
        bus = ["dtparam=i2c_arm=on"] if self.i2c else []
        overlays = [f"dtoverlay=dht11,gpiopin={pin}" for pin in self.dht_pins]
        return bus + overlays + [f"dtoverlay=i2c-sensor,{name}" for name in self.i2c]


def effective(text: str) -> list[str]:
    """The settings that count for every Pi: those under no filter, or under `[all]`, without comments."""
    section, found = "all", []
    for line in text.splitlines():
        if match := _FILTER.match(line):
            section = match[1].strip().lower()
        elif section == "all" and line.strip() and not line.lstrip().startswith("#"):
            found.append(_setting(line))
    return found


def with_sensors(text: str, lines: Sequence[str]) -> str:
    """The file with these settings in force for every Pi; what is in force already is not said twice."""
    known = set(effective(text))
    new = [line for line in lines if line not in known]
    if not new:
        return text
    end = "\r\n" if "\r\n" in text else "\n"
    added = ["# picanary: the room's sensor"]
    if _last_section(text) != "all":
        added.insert(0, "[all]")
    if any(line.startswith("dtparam=") for line in new):
        # a dtparam belongs to the overlay above it; an empty dtoverlay ends that
        added.append("dtoverlay=")
    body = text if not text or text.endswith("\n") else text + end
    return body + end.join([*added, *new]) + end


def _last_section(text: str) -> str:
    found = [match[1] for line in text.splitlines() if (match := _FILTER.match(line))]
    return found[-1].strip().lower() if found else "all"


def _setting(line: str) -> str:
    return re.sub(r"\s+", "", line)
