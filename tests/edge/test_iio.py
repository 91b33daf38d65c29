"""The kernel's sensors, through a tree of files as sysfs shows it."""

import errno
from pathlib import Path

import pytest

from edge.errors import ConfigError, SensorError
from edge.sources import SourceSettings, open_source
from edge.sources.iio import Iio

DHT22 = {"name": "dht11@4", "in_temp_input": "21500", "in_humidityrelative_input": "48600"}
BME280 = {
    "name": "bme280",
    "in_temp_input": "21480",
    "in_humidityrelative_input": "48123",
    "in_pressure_input": "100.912343",
}
# figures of a real SHT3x: value = (raw + offset) * scale
SHT31 = {
    "name": "sht3x",
    "in_temp_raw": "26607",
    "in_temp_scale": "2.670328",
    "in_temp_offset": "-16852",
    "in_humidityrelative_raw": "31850",
    "in_humidityrelative_scale": "1.525902",
}
ADC = {"name": "adc", "in_voltage0_raw": "512"}


@pytest.fixture
def sysfs(tmp_path):
    """Plugs in devices: `sysfs(DHT22, BME280)` gives the folder that shows them."""

    def plug(*devices):
        for number, files in enumerate(devices):
            folder = tmp_path / f"iio:device{number}"
            folder.mkdir()
            for name, text in files.items():
                (folder / name).write_text(text + "\n")
        return tmp_path

    return plug


def source(root, device=""):
    return open_source(SourceSettings(kind="iio", sysfs=root, device=device))


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
    values = source(sysfs(SHT31)).read().values
    assert values["temperature"] == pytest.approx((26607 - 16852) * 2.670328 / 1000)
    assert values["humidity"] == pytest.approx(31850 * 1.525902 / 1000)


def test_each_reading_is_read_anew_and_stamped_by_the_clocks(sysfs):
    root = sysfs(DHT22)
    iio = Iio(root / "iio:device0", wall_ns=lambda: 1_700_000_000_123_456_789, monotonic_ns=lambda: 5_999_999)
    first = iio.read()
    (root / "iio:device0/in_temp_input").write_text("22500\n")
    assert (first.ts_ms, first.mono_ms) == (1_700_000_000_123, 5)
    assert iio.read().values["temperature"] == pytest.approx(22.5)


def test_the_device_with_most_channels_is_found_and_of_equals_the_first(sysfs):
    root = sysfs(ADC, DHT22 | {"name": "cellar"}, BME280, BME280 | {"name": "second"})
    assert source(root).directory.name == "iio:device2"


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
    assert source(tmp_path).directory.name == "iio:device2"


def test_a_wrong_name_lists_what_there_is(sysfs):
    with pytest.raises(ConfigError, match=r"no IIO device 'bmp' .* there are: bme280 \(iio:device0\)"):
        source(sysfs(BME280), "bmp")


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
        source(sysfs(SHT31 | {"in_temp_scale": "big"}))
