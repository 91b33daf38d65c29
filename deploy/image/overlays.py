"""Device tree overlays for the sensors: Raspberry Pi OS brings its own, Debian has none.

They are for the mainline kernel's device trees, and answer to the same lines in config.txt:
`dtoverlay=dht11,gpiopin=4`, `dtoverlay=i2c-sensor,bme280,addr=0x77`. The parameters are the firmware's
work: it puts a number where `__overrides__` says, and makes an `__overlay__` of what is dormant. A
parameter that sets `reg` also names the node, so that one overlay can be taken twice, for two sensors.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deploy.card.config_txt import I2C_SENSORS
from deploy.image import tools
from edge.errors import ConfigError

FOLDER = "overlays"
# Name in config.txt, and what the kernel calls it: those for which Debian's arm64 kernels (6.12, 7.3) have a
# driver. They have none for aht10, bme680, hdc100x, htu21, ms5803, si7020, which Raspberry Pi's overlay has.
I2C_DEVICES = {
    "bme280": "bosch,bme280",
    "bmp085": "bosch,bmp085",
    "bmp180": "bosch,bmp180",
    "bmp280": "bosch,bmp280",
    "bmp380": "bosch,bmp380",
    "ms5637": "meas,ms5637",
    "ms5805": "meas,ms5805",
    "ms8607": "meas,ms8607-temppressure",
    "sht3x": "sensirion,sht3x",
    "sht4x": "sensirion,sht4x",
}


@dataclass(frozen=True, slots=True)
class Boards:
    """Boards whose device trees call the header's pins alike, and what must be said of these."""

    suffix: str
    gpio: str
    bus: str
    dht_pins: str  # a property of the DHT, beside its line
    dht_pins_set: str  # ... and of the controller; `gpiopin` moves it
    bus_pins: str
    bus_pins_set: str


# The Pi 3 and 4, the Zero 2 and the 400: the bus has its pins already, and the line needs no pull of its own.
BCM2835 = Boards(
    suffix="",
    gpio="gpio",
    bus="i2c1",
    dht_pins='pinctrl-names = "default"; pinctrl-0 = <&pins>;',
    dht_pins_set="pins: dht11-pins@4 { brcm,pins = <4>; brcm,function = <0>; brcm,pull = <0>; };",
    bus_pins="",
    bus_pins_set="",
)
# The Pi 5: the header hangs on the RP1, whose second bus is off and knows no pins.
RP1 = Boards(
    suffix="-pi5",
    gpio="rp1_gpio",
    bus="rp1_i2c1",
    dht_pins="",
    dht_pins_set="",
    bus_pins='pinctrl-names = "default"; pinctrl-0 = <&bus_pins>;',
    bus_pins_set=(
        'bus_pins: picanary-i2c1-state { function = "i2c1"; groups = "i2c1_0"; drive-strength = <12>; '
        "bias-pull-up; };"
    ),
)

_DHT = """\
/dts-v1/;
/plugin/;
/ {{
	compatible = "brcm,bcm2835";
	fragment@0 {{
		target-path = "/";
		__overlay__ {{
			dht: dht11@4 {{
				compatible = "dht11";
				gpios = <&{gpio} 4 0>;
				status = "okay";
				{dht_pins}
			}};
		}};
	}};
	fragment@1 {{
		target = <&{gpio}>;
		__overlay__ {{
			{dht_pins_set}
		}};
	}};
	__overrides__ {{
		gpiopin = {gpiopin};
	}};
}};
"""
_BUS = """\
/dts-v1/;
/plugin/;
/ {{
	compatible = "brcm,bcm2835";
	fragment@0 {{
		target = <&{bus}>;
		__overlay__ {{
			#address-cells = <1>;
			#size-cells = <0>;
			clock-frequency = <100000>;
			status = "okay";
			{bus_pins}
		}};
	}};
	fragment@1 {{
		target = <&{gpio}>;
		__overlay__ {{
			{bus_pins_set}
		}};
	}};
{fragments}	__overrides__ {{
		addr = {addresses};
{switches}	}};
}};
"""
# dormant until config.txt names it
_FRAGMENT = """\
	fragment@{number} {{
		target = <&{bus}>;
		__dormant__ {{
			{label}: {label}@{address:x} {{
				compatible = "{compatible}";
				reg = <{address:#x}>;
				status = "okay";
			}};
		}};
	}};
"""
# By it the firmware takes the Pi 5's overlay on a Pi 5, for the same line in config.txt.
_MAP = """\
/dts-v1/;
/ {
	dht11 { bcm2835; bcm2711; bcm2712 = "dht11-pi5"; };
	i2c-sensor { bcm2835; bcm2711; bcm2712 = "i2c-sensor-pi5"; };
	dht11-pi5 { bcm2712; };
	i2c-sensor-pi5 { bcm2712; };
};
"""


def require_driver(wanted: Iterable[str]) -> None:
    """Raises ConfigError for an I2C sensor, as --i2c names it, that Debian's kernel cannot read."""
    for each in wanted:
        name = each.partition(",")[0]
        if name in I2C_SENSORS and name not in I2C_DEVICES:
            raise ConfigError(
                f"--i2c {name}: Debian's kernel has no driver for it, Raspberry Pi OS has (python -m deploy "
                f"card); here choose one of {', '.join(sorted(I2C_DEVICES))}"
            )


def sources() -> dict[str, str]:
    """The overlays' sources, by the name that `dtoverlay=` gives; the Pi 5's end in -pi5."""
    found = {}
    for boards in (BCM2835, RP1):
        found[f"dht11{boards.suffix}"] = _dht(boards)
        found[f"i2c-sensor{boards.suffix}"] = _bus(boards)
    return found


def compiled(folder: Path) -> dict[str, bytes]:
    """The overlays as the firmware reads them, by name on the boot partition; `folder` is for dtc's work."""
    texts = {f"{name}.dtbo": text for name, text in sources().items()} | {"overlay_map.dtb": _MAP}
    files = {}
    for name, text in texts.items():
        result = folder / name
        # what dtc has to say about an overlay's lonely fragments is no fault
        tools.call(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", result, "-"], text=text)
        files[f"{FOLDER}/{name}"] = result.read_bytes()
    return files


def _dht(boards: Boards) -> str:
    moved = ['<&dht>,"gpios:4"', '<&dht>,"reg:0"']
    if boards.dht_pins_set:
        moved += ['<&pins>,"brcm,pins:0"', '<&pins>,"reg:0"']
    return _DHT.format(
        gpio=boards.gpio,
        dht_pins=boards.dht_pins,
        dht_pins_set=boards.dht_pins_set,
        gpiopin=", ".join(moved),
    )


def _bus(boards: Boards) -> str:
    known = [(name, compatible, I2C_SENSORS[name][0]) for name, compatible in I2C_DEVICES.items()]
    fragments = "".join(
        _FRAGMENT.format(number=number, bus=boards.bus, label=name, compatible=compatible, address=address)
        for number, (name, compatible, address) in enumerate(known, start=2)
    )
    movable = [name for name in I2C_DEVICES if len(I2C_SENSORS[name]) > 1]
    return _BUS.format(
        bus=boards.bus,
        gpio=boards.gpio,
        bus_pins=boards.bus_pins,
        bus_pins_set=boards.bus_pins_set,
        fragments=fragments,
        addresses=", ".join(f'<&{name}>,"reg:0"' for name in movable),
        switches="".join(
            f'\t\t{name} = <0>,"+{number}";\n' for number, (name, _, _) in enumerate(known, start=2)
        ),
    )
