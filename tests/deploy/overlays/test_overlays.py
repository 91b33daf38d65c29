"""Our overlays, put on the device trees of the Pi 3, 4 and 5 that Debian's kernel brings.

config.txt is what `deploy card` writes for the flags; its parameters are applied as the firmware does it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.card.config_txt import I2C_SENSORS, Wiring
from deploy.image import overlays
from edge.errors import ConfigError
from tests.deploy.overlays import firmware

TREES = Path(sys.prefix, "device-trees")
OLDER = [
    "bcm2837-rpi-3-b",
    "bcm2837-rpi-3-b-plus",
    "bcm2837-rpi-zero-2-w",
    "bcm2711-rpi-4-b",
    "bcm2711-rpi-400",
]
NEWER = ["bcm2712-rpi-5-b", "bcm2712-d-rpi-5-b"]
# Where the board itself says that the header's pins are.
GPIO = dict.fromkeys(OLDER, "gpio") | dict.fromkeys(NEWER, "rp1_gpio")
BUS = dict.fromkeys(OLDER, "i2c1") | dict.fromkeys(NEWER, "rp1_i2c1")


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A boot partition's folder of overlays."""
    if not TREES.is_dir():
        pytest.skip("needs the Pis' device trees: sh tests/install-device-trees.sh")
    if shutil.which("fdtoverlay") is None:
        pytest.skip("needs device-tree-compiler")
    folder = tmp_path_factory.mktemp("overlays")
    for name, content in overlays.compiled(tmp_path_factory.mktemp("dtc")).items():
        Path(folder, Path(name).name).write_bytes(content)
    return folder


def started(board: str, wiring: Wiring, ours: Path, work: Path) -> Path:
    """The tree that a Pi would give its kernel, by the lines that a card gets in its config.txt."""
    chip = board.split("-")[0].replace("bcm2837", "bcm2835")
    taken = []
    for line in wiring.check().lines():
        setting, _, rest = line.partition("=")
        if setting == "dtoverlay":
            name, *words = rest.split(",")
            parameters = dict((*word.split("="), "true")[:2] for word in words)
            blob = ours / f"{_mapped(ours, name, chip)}.dtbo"
            taken.append(firmware.with_parameters(blob, parameters, work / f"{len(taken)}.dtbo"))
    return firmware.merged(TREES / f"{board}.dtb", taken, work / "merged.dtb")


def _mapped(ours: Path, name: str, chip: str) -> str:
    """Raises KeyError when the firmware would not take that overlay on that chip."""
    renamed = firmware.value(ours / "overlay_map.dtb", f"/{name}", chip)
    return renamed.decode().rstrip("\0") or name


@pytest.mark.parametrize("board", [*OLDER, *NEWER])
@pytest.mark.parametrize("pin", [4, 17, 27])
def test_a_dht_is_at_its_pin_of_the_header(board: str, pin: int, ours: Path, tmp_path: Path) -> None:
    tree = started(board, Wiring(dht_pins=(pin,)), ours, tmp_path)
    node = f"/dht11@{pin:x}"
    assert firmware.words(tree, node, "compatible") == ["dht11"]
    assert firmware.words(tree, node, "status") == ["okay"]
    controller, line, flags = firmware.cells(tree, node, "gpios")
    where = firmware.nodes(tree)[controller]
    assert where == firmware.words(TREES / f"{board}.dtb", "/__symbols__", GPIO[board])[0]
    chip = board.split("-")[0].replace("bcm2837", "bcm2835").replace("bcm2712", "rp1")
    assert [each.split(",")[1] for each in firmware.words(tree, where, "compatible")] == [f"{chip}-gpio"]
    assert firmware.value(tree, where, "gpio-controller") == b""
    assert firmware.cells(tree, where, "#gpio-cells") == [2]
    assert (line, flags) == (pin, 0)


@pytest.mark.parametrize("board", OLDER)
def test_the_pin_of_a_dht_is_an_input_without_a_pull(board: str, ours: Path, tmp_path: Path) -> None:
    tree = started(board, Wiring(dht_pins=(17,)), ours, tmp_path)
    pins = firmware.nodes(tree)[firmware.cells(tree, "/dht11@11", "pinctrl-0")[0]]
    assert pins.startswith(firmware.words(tree, "/__symbols__", "gpio")[0])
    said = {name: firmware.cells(tree, pins, f"brcm,{name}") for name in ("pins", "function", "pull")}
    assert said == {"pins": [17], "function": [0], "pull": [0]}


@pytest.mark.parametrize("board", [*OLDER, *NEWER])
def test_two_dhts_stand_beside_each_other(board: str, ours: Path, tmp_path: Path) -> None:
    tree = started(board, Wiring(dht_pins=(4, 17)), ours, tmp_path)
    lines = [firmware.cells(tree, f"/dht11@{pin:x}", "gpios")[1] for pin in (4, 17)]
    assert lines == [4, 17]


@pytest.mark.parametrize("board", ["bcm2837-rpi-3-b", "bcm2711-rpi-4-b", "bcm2712-rpi-5-b"])
@pytest.mark.parametrize("name", overlays.I2C_DEVICES)
def test_an_i2c_sensor_answers_on_the_header_at_each_of_its_addresses(
    board: str, name: str, ours: Path, tmp_path: Path
) -> None:
    for address in I2C_SENSORS[name]:
        # the first address is the overlay's own, and needs no word
        wanted = name if address == I2C_SENSORS[name][0] else f"{name},addr={address:#x}"
        tree = started(board, Wiring(i2c=(wanted,)), ours, tmp_path)
        bus = firmware.words(tree, "/__symbols__", BUS[board])[0]
        assert firmware.words(tree, bus, "status") == ["okay"]
        assert firmware.cells(tree, bus, "#address-cells") + firmware.cells(tree, bus, "#size-cells") == [
            1,
            0,
        ]
        node = f"{bus}/{name}@{address:x}"
        assert firmware.cells(tree, node, "reg") == [address]
        assert firmware.words(tree, node, "compatible") == [overlays.I2C_DEVICES[name]]
        assert firmware.words(tree, node, "status") == ["okay"]


@pytest.mark.parametrize("board", NEWER)
def test_the_bus_of_a_pi_5_gets_its_pins(board: str, ours: Path, tmp_path: Path) -> None:
    tree = started(board, Wiring(i2c=("bme280",)), ours, tmp_path)
    bus = firmware.words(tree, "/__symbols__", "rp1_i2c1")[0]
    pins = firmware.nodes(tree)[firmware.cells(tree, bus, "pinctrl-0")[0]]
    assert pins.startswith(firmware.words(tree, "/__symbols__", "rp1_gpio")[0])
    # GPIO 2 and 3, as the kernel's pinctrl-rp1 has them
    assert (firmware.words(tree, pins, "function"), firmware.words(tree, pins, "groups")) == (
        ["i2c1"],
        ["i2c1_0"],
    )


@pytest.mark.parametrize("board", ["bcm2837-rpi-3-b", "bcm2711-rpi-4-b", "bcm2712-rpi-5-b"])
def test_sensors_that_nobody_asked_for_are_not_there(board: str, ours: Path, tmp_path: Path) -> None:
    tree = started(board, Wiring((4,), ("bme280", "sht4x")), ours, tmp_path)
    text, bus = firmware.source(tree), firmware.words(tree, "/__symbols__", BUS[board])[0]
    assert [name for name in overlays.I2C_DEVICES if f"\t{name}@" in text] == ["bme280", "sht4x"]
    assert firmware.cells(tree, f"{bus}/sht4x@44", "reg") == [0x44]


def test_the_overlay_of_an_older_pi_cannot_be_put_on_a_pi_5(ours: Path, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        firmware.merged(TREES / "bcm2712-rpi-5-b.dtb", [ours / "dht11.dtbo"], tmp_path / "merged.dtb")


@pytest.mark.parametrize("name", sorted(I2C_SENSORS.keys() - overlays.I2C_DEVICES.keys()))
def test_a_sensor_that_debians_kernel_cannot_read_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"--i2c {name}: Debian's kernel has no driver"):
        overlays.require_driver([name])


def test_a_sensor_that_debians_kernel_can_read_is_taken_at_any_address() -> None:
    overlays.require_driver(["bme280,addr=0x77", "sht4x"])
