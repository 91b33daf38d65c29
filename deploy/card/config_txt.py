"""config.txt: the sensor's lines, where they count for every model of Pi."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edge.errors import ConfigError

# What the i2c-sensor overlay knows and the agent can read, with the addresses that each can have; the
# first one is where it is looked for by default (raspberrypi/linux, the README of the overlays).
I2C_SENSORS = {
    "aht10": (0x38,),
    "bme280": (0x76, 0x77),
    "bme680": (0x76, 0x77),
    "bmp085": (0x77,),
    "bmp180": (0x77,),
    "bmp280": (0x76, 0x77),
    "bmp380": (0x76, 0x77),
    "hdc100x": (0x40, 0x41, 0x42, 0x43),
    "htu21": (0x40,),
    "ms5637": (0x76,),
    "ms5803": (0x76, 0x77),
    "ms5805": (0x76,),
    "ms8607": (0x76,),
    "sht3x": (0x44, 0x45),
    "sht4x": (0x44, 0x45),
    "si7020": (0x40,),
}
HEADER_PINS = range(2, 28)  # GPIO 0 and 1 belong to the HAT's identification
I2C_PINS = (2, 3)
_MARK = "# picanary: the room's sensor"
_NO_OVERLAY = "dtoverlay="
_OURS = ("dtoverlay=dht11,", "dtoverlay=i2c-sensor,", "dtparam=i2c_arm=on")
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
        addresses: dict[int, str] = {}
        for wanted in dict.fromkeys(self.i2c):
            other = addresses.setdefault(_address(wanted), wanted)
            if other != wanted:
                raise ConfigError(
                    f"--i2c {wanted}: {other} answers at the same address, so neither could be read"
                )
        return self

    def lines(self) -> list[str]:
        """The settings, in the order in which the firmware wants them."""
        bus = ["dtparam=i2c_arm=on"] if self.i2c else []
        overlays = [f"dtoverlay=dht11,gpiopin={pin}" for pin in self.dht_pins]
        named = bus + overlays + [f"dtoverlay=i2c-sensor,{name}" for name in self.i2c]
        return list(dict.fromkeys(named))


def _address(wanted: str) -> int:
    """Where a sensor answers, such as `bme280` or `bme280,addr=0x77`. Raises ConfigError."""
    name, _, rest = wanted.partition(",")
    if name not in I2C_SENSORS:
        raise ConfigError(f"--i2c {wanted}: the kernel's overlay knows {', '.join(sorted(I2C_SENSORS))}")
    possible = {f"addr={address:#x}": address for address in I2C_SENSORS[name]}
    if rest and len(possible) == 1:
        raise ConfigError(f"--i2c {wanted}: its address cannot be chosen, so --i2c {name} says it all")
    if rest and rest not in possible:
        raise ConfigError(f"--i2c {wanted}: behind {name}, only {' or '.join(possible)} can stand")
    return possible[rest] if rest else I2C_SENSORS[name][0]


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
    """The file with these settings in force for every Pi; what is in force already is not said twice.

    Other sensors that an earlier run put there go; without any `lines` all stays as it is.
    """
    others, ours = _apart(text)
    if not lines or (set(lines) <= set(effective(text)) and ours <= set(lines)):
        return text
    known = set(effective(others))
    new = [line for line in lines if line not in known]
    if not new:
        return others
    end = "\r\n" if "\r\n" in text else "\n"
    added = [_MARK]
    if _last_section(others) != "all":
        added.insert(0, "[all]")
    if any(line.startswith("dtparam=") for line in new):
        # a dtparam belongs to the overlay above it; an empty dtoverlay ends that
        added.append(_NO_OVERLAY)
    body = others if not others or others.endswith("\n") else others + end
    return body + end.join([*added, *new]) + end


def _apart(text: str) -> tuple[str, set[str]]:
    """What is not of an earlier run, and the settings that are."""
    others, ours, within = [], set(), False
    for line in text.splitlines(keepends=True):
        within = line.strip() == _MARK or (within and _is_ours(line.strip()))
        if within:
            ours.add(line.strip())
        else:
            others.append(line)
    return "".join(others), ours - {_MARK, _NO_OVERLAY}


def _is_ours(line: str) -> bool:
    return line == _NO_OVERLAY or line.startswith(_OURS)


def _last_section(text: str) -> str:
    found = [match[1] for line in text.splitlines() if (match := _FILTER.match(line))]
    return found[-1].strip().lower() if found else "all"


def _setting(line: str) -> str:
    return re.sub(r"\s+", "", line)
