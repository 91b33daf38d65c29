"""The kernel's sensors, through a tree of files as sysfs shows it."""

import errno
from pathlib import Path

import pytest

from edge.errors import ConfigError, SensorError
from edge.reading import CHANNELS
from edge.sources import SourceSettings, open_source
from edge.sources.iio import Iio

DHT22 = {"name": "dht11@4", "in_temp_input": "21500", "in_humidityrelative_input": "48600"}
BME280 = {
    "name": "bme280",
    "in_temp_input": "21480",
    "in_humidityrelative_input": "48123",
    "in_pressure_input": "100.912343",
}
# Files as the kernel's drivers make them (6.12), and what they mean: °C, % and hPa.
# si7020.c: value = (raw + offset) * scale; the device has the name of its place on the bus
SI7021 = {
    "name": "1-0040",
    "in_temp_raw": "6545",
    "in_temp_scale": "10.725097656",
    "in_temp_offset": "-4368",
    "in_humidityrelative_raw": "7123",
    "in_humidityrelative_scale": "7.629394531",
    "in_humidityrelative_offset": "-786",
}
DRIVERS = {
    # dht11.c: finished values in thousandths; a DHT11 in whole degrees, a DHT21 and DHT22 in tenths
    "dht11": (
        {"name": "dht11@4", "in_temp_input": "21000", "in_humidityrelative_input": "49000"},
        (21.0, 49.0),
    ),
    "dht21": (
        {"name": "dht11@11", "in_temp_input": "-5300", "in_humidityrelative_input": "88100"},
        (-5.3, 88.1),
    ),
    "dht22": (
        {"name": "dht11@4", "in_temp_input": "21500", "in_humidityrelative_input": "48600"},
        (21.5, 48.6),
    ),
    # bmp280-core.c: finished values as fractions, and since 6.10 the raw ones with their scales beside them
    "bme280": (
        {
            "name": "bme280",
            "in_temp_input": "21480.000000000",
            "in_temp_raw": "2148",
            "in_temp_scale": "10.000000000",
            "in_humidityrelative_input": "48123.046875000",
            "in_humidityrelative_raw": "49278",
            "in_humidityrelative_scale": "0.976562500",
            "in_pressure_input": "100.912343750",
            "in_pressure_raw": "25833560",
            "in_pressure_scale": "0.000003906",
            "in_temp_oversampling_ratio": "2",
        },
        (21.48, 48.123047, 1009.1234375),
    ),
    "bmp280": (
        {"name": "bmp280", "in_temp_input": "21480", "in_pressure_input": "100.912343750"},
        (21.48, None, 1009.1234375),
    ),
    # bme680_core.c: humidity in percent, against the rule of the others
    "bme680": (
        {
            "name": "bme680",
            "in_temp_input": "21480",
            "in_humidityrelative_input": "48.123000000",
            "in_pressure_input": "100.912000000",
            "in_resistance_input": "51234",
        },
        (21.48, 48.123, 1009.12),
    ),
    "bme680 by the rule": (
        {"name": "bme680", "in_temp_input": "21480", "in_humidityrelative_input": "48123"},
        (21.48, 48.123),
    ),
    # htu21.c
    "htu21": (
        {"name": "htu21", "in_temp_input": "21464", "in_humidityrelative_input": "48201", "battery_low": "0"},
        (21.464, 48.201),
    ),
    "si7021": (SI7021, ((6545 - 4368) * 0.010725097656, (7123 - 786) * 0.007629394531)),
    # hdc100x.c: no offset for humidity
    "hdc1080": (
        {
            "name": "1-0040",
            "in_temp_raw": "24370",
            "in_temp_scale": "2.517700195",
            "in_temp_offset": "-15887.515151",
            "in_humidityrelative_raw": "31850",
            "in_humidityrelative_scale": "1.525878906",
        },
        ((24370 - 15887.515151) * 0.002517700195, 31850 * 0.001525878906),
    ),
    # mpl3115.c: a raw pressure in kPa
    "mpl3115": (
        {
            "name": "mpl3115",
            "in_temp_raw": "343",
            "in_temp_scale": "62.5",
            "in_pressure_raw": "403649",
            "in_pressure_scale": "0.00025",
        },
        (21.4375, None, 1009.1225),
    ),
}
# drivers/hwmon/sht3x.c, sht4x.c, aht10.c: hardware monitors, to the kernel
MONITORS = {
    "sht3x": ({"name": "sht3x", "temp1_input": "22112", "humidity1_input": "53968"}, (22.112, 53.968)),
    "sht4x": ({"name": "sht4x", "temp1_input": "-10250", "humidity1_input": "71000"}, (-10.25, 71.0)),
    "aht20": ({"name": "aht20", "temp1_input": "24500", "humidity1_input": "45200"}, (24.5, 45.2)),
}
PROCESSOR = {"name": "cpu_thermal", "temp1_input": "51234", "temp1_crit": "110000"}
ADC = {"name": "adc", "in_voltage0_raw": "512"}


@pytest.fixture
def sysfs(tmp_path):
    """Plugs in devices: `sysfs(DHT22, BME280)` gives the folder that shows them."""

    def plug(*devices, stem="iio:device"):
        for number, files in enumerate(devices):
            folder = tmp_path / f"{stem}{number}"
            folder.mkdir()
            for name, text in files.items():
                (folder / name).write_text(text + "\n")
        return tmp_path

    return plug


def source(root, device=""):
    return open_source(SourceSettings(kind="iio", sysfs=root, hwmon=root, device=device))


def read(found):
    """°C, %, hPa; None for what it does not measure."""
    values = found.read().values
    return tuple(values.get(name) for name in CHANNELS)


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_each_driver_shows_is_read_in_our_units(sysfs, driver):
    files, meant = DRIVERS[driver]
    found = source(sysfs(files))
    known = [name for name, value in zip(CHANNELS, meant, strict=False) if value is not None]
    assert [c.name for c in found.channels] == known
    assert read(found)[: len(meant)] == tuple(v if v is None else pytest.approx(v, rel=1e-6) for v in meant)
    assert found.read().quality == "ok"


@pytest.mark.parametrize("driver", MONITORS)
def test_a_sensor_that_the_kernel_takes_for_a_hardware_monitor_is_found(sysfs, driver):
    files, meant = MONITORS[driver]
    sysfs(PROCESSOR, files, stem="hwmon")
    found = source(sysfs(ADC))
    assert read(found)[:2] == pytest.approx(meant)
    assert found.directories[0].name == "hwmon1"


def test_a_processors_temperature_is_no_rooms_unless_it_is_named(sysfs):
    root = sysfs(PROCESSOR, stem="hwmon")
    with pytest.raises(ConfigError, match="no sensor under"):
        source(root)
    assert source(root, "cpu_thermal").read().values == {"temperature": 51.234}


def test_one_sensor_may_be_two_devices(sysfs):
    """An MS8607 is two chips in one case, and a driver for each."""
    root = sysfs(
        {"name": "ms8607-humidity", "in_humidityrelative_input": "48201"},
        {"name": "ms8607-temppressure", "in_temp_input": "21460", "in_pressure_input": "100.912000"},
    )
    found = source(root, "ms8607-humidity, ms8607-temppressure")
    assert read(found) == pytest.approx((21.46, 48.201, 1009.12))
    assert [c.name for c in found.channels] == list(CHANNELS)


def test_of_two_devices_that_measure_the_same_the_first_one_counts(sysfs):
    root = sysfs(DRIVERS["dht22"][0], DRIVERS["bmp280"][0])
    assert read(source(root, "dht11@4,bmp280")) == pytest.approx((21.5, 48.6, 1009.1234375))
    assert read(source(root, "iio:device1,iio:device0")) == pytest.approx((21.48, 48.6, 1009.1234375))
    assert read(source(root)) == (21.5, 48.6, None), "nobody has said that they are in one room"


def test_a_dht22_is_found_before_a_barometer_with_as_many_values(sysfs):
    root = sysfs(DRIVERS["bmp280"][0], DRIVERS["dht22"][0])
    assert source(root).directories[0].name == "iio:device1"


def test_devices_of_both_kinds_go_together(sysfs):
    sysfs(MONITORS["sht4x"][0], stem="hwmon")
    assert read(source(sysfs(DRIVERS["bmp280"][0]), "sht4x,bmp280")) == pytest.approx(
        (-10.25, 71.0, 1009.1234375)
    )


def test_when_one_of_two_devices_fails_the_other_is_read_and_when_both_do_none_is(sysfs):
    root = sysfs(DRIVERS["dht22"][0], DRIVERS["bmp280"][0])
    found = source(root, "dht11@4,bmp280")
    (root / "iio:device1/in_pressure_input").unlink()
    assert read(found) == (21.5, 48.6, None)
    assert found.read().complaint.endswith("in_pressure_input: the device is gone")
    (root / "iio:device0/in_humidityrelative_input").unlink()
    with pytest.raises(SensorError, match="in_humidityrelative_input: the device is gone"):
        found.read()


def test_a_second_device_that_adds_nothing_is_refused(sysfs):
    root = sysfs(DRIVERS["bme280"][0], DRIVERS["dht22"][0])
    with pytest.raises(ConfigError, match="iio:device1 measures nothing that a device named before it"):
        source(root, "bme280,dht11@4")


def test_thousandths_become_degrees_and_percent(sysfs):
    reading = source(sysfs(DHT22)).read()
    assert reading.values == pytest.approx({"temperature": 21.5, "humidity": 48.6})
    assert reading.quality == "ok" and reading.fault is None


def test_a_value_below_zero_keeps_its_sign(sysfs):
    assert source(sysfs(DHT22 | {"in_temp_input": "-5300"})).read().values["temperature"] == pytest.approx(
        -5.3
    )


def test_pressure_becomes_hectopascal(sysfs):
    iio = source(sysfs(BME280))
    assert [c.name for c in iio.channels] == ["temperature", "humidity", "pressure"]
    assert iio.read().values["pressure"] == pytest.approx(1009.12343)


def test_raw_values_are_shifted_and_scaled(sysfs):
    values = source(sysfs(SI7021)).read().values
    assert values["temperature"] == pytest.approx(23.348, abs=1e-3)
    assert values["humidity"] == pytest.approx(48.347, abs=1e-3)


def test_each_reading_is_read_anew_and_stamped_by_the_clocks(sysfs):
    root = sysfs(DHT22)
    iio = Iio(root / "iio:device0", wall_ns=lambda: 1_700_000_000_123_456_789, monotonic_ns=lambda: 5_999_999)
    first = iio.read()
    (root / "iio:device0/in_temp_input").write_text("22500\n")
    assert (first.ts_ms, first.mono_ms) == (1_700_000_000_123, 5)
    assert iio.read().values["temperature"] == pytest.approx(22.5)


def test_the_device_with_most_channels_is_found_and_of_equals_the_first(sysfs):
    root = sysfs(ADC, DHT22 | {"name": "cellar"}, BME280, BME280 | {"name": "second"})
    assert source(root).directories[0].name == "iio:device2"


@pytest.mark.parametrize("wanted", ["dht11@4", "iio:device1"])
def test_a_device_is_found_by_name_or_directory(sysfs, wanted):
    assert len(source(sysfs(BME280, DHT22), wanted).channels) == 2


def test_a_device_is_found_by_its_path(sysfs):
    root = sysfs(BME280, DHT22)
    assert len(source(root / "elsewhere", str(root / "iio:device1")).channels) == 2


def test_the_tenth_device_comes_after_the_second(tmp_path):
    for number in (10, 2):
        folder = tmp_path / f"iio:device{number}"
        folder.mkdir()
        (folder / "in_temp_input").write_text("20000\n")
    assert source(tmp_path).directories[0].name == "iio:device2"


def test_a_wrong_name_lists_what_there_is(sysfs):
    with pytest.raises(ConfigError, match=r"no IIO device 'bmp' .* there are: bme280 \(iio:device0\)"):
        source(sysfs(BME280), "bmp")


def test_a_name_that_names_nothing_is_refused(sysfs):
    with pytest.raises(ConfigError, match="the device ' , ' names none"):
        source(sysfs(BME280), " , ")


def test_a_driver_whose_name_is_no_text_is_a_sensor_all_the_same(sysfs):
    root = sysfs(BME280)
    (root / "iio:device0/name").write_bytes(b"\xff\xfe\n")
    assert len(source(root).channels) == 3
    assert len(source(root, "iio:device0").channels) == 3


def test_no_device_says_how_to_get_one(sysfs):
    with pytest.raises(ConfigError, match=r"dtoverlay=dht11,gpiopin=4.*--source simulator"):
        source(sysfs(ADC))
    with pytest.raises(ConfigError, match="no sensor under"):
        source(Path("/nonexistent"))


def test_a_named_device_without_our_channels_is_refused(sysfs):
    with pytest.raises(ConfigError, match="measures no temperature, humidity or pressure"):
        source(sysfs(ADC), "adc")


def test_an_answer_that_the_kernel_calls_damaged_is_a_sensor_error(sysfs):
    root = sysfs(DHT22)
    iio = source(root)
    humidity = root / "iio:device0/in_humidityrelative_input"
    humidity.unlink()
    # reading page 0 of one's own memory gives a real EIO
    humidity.symlink_to("/proc/self/mem")
    with pytest.raises(SensorError, match="in_humidityrelative_input: the sensor's answer was damaged"):
        iio.read()


def test_a_silent_sensor_is_a_sensor_error_that_speaks_of_wiring(sysfs, monkeypatch):
    iio = source(sysfs(DHT22))

    def time_out(path):
        raise OSError(errno.ETIMEDOUT, "Connection timed out", str(path))

    monkeypatch.setattr(Path, "read_text", time_out)
    with pytest.raises(SensorError, match="does not answer; check its wiring"):
        iio.read()


def test_a_device_that_goes_away_is_a_sensor_error_until_it_is_back(sysfs):
    root = sysfs(DHT22)
    iio = source(root)
    (root / "iio:device0").rename(root / "unplugged")
    with pytest.raises(SensorError, match="the device is gone"):
        iio.read()
    (root / "unplugged").rename(root / "iio:device0")
    assert iio.read().values["humidity"] == pytest.approx(48.6)
    iio.close()


@pytest.mark.parametrize("text", ["", "warm", "nan"])
def test_what_is_no_number_is_a_sensor_error(sysfs, text):
    with pytest.raises(SensorError, match="holds no number"):
        source(sysfs(DHT22 | {"in_temp_input": text})).read()


def test_a_scale_that_is_no_number_is_refused_at_once(sysfs):
    with pytest.raises(ConfigError, match="in_temp_scale cannot be read as a number"):
        source(sysfs(SI7021 | {"in_temp_scale": "big"}))
