"""A DHT read by Adafruit's own library, fed with pulses: no hardware, all its traps."""

import array
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import ConfigError, MissingExtra, SensorError
from edge.sources import SourceSettings, open_source
from edge.sources.dht import Dht

GOOD = (0x01, 0xE6, 0x00, 0xD7)  # 48.6 %, 21.5 °C
WARMER = (0x01, 0xE6, 0x00, 0xE1)  # 48.6 %, 22.5 °C

PAUSES_S = st.sampled_from([0.0, 0.1, 0.6, 1.9, 2.2, 3.0])


def frame(*data):
    """Four bytes as the sensor sends them: 40 bits and a checksum, in microseconds low and high."""
    pulses = array.array("H")
    for byte in (*data, sum(data) & 0xFF):
        for bit in range(7, -1, -1):
            pulses.extend((54, 70 if byte >> bit & 1 else 24))
    pulses.append(54)
    return pulses


def damaged(*data):
    """The same with one bit flipped on the wire, so that the checksum is wrong."""
    pulses = frame(*data)
    pulses[-2] = 70 if pulses[-2] == 24 else 24
    return pulses


class Bench:
    """The real library on a fake wire; `now_s` is the one clock of library and source."""

    def __init__(self, library, sensor):
        self.now_s = 1000.0
        self.answers = []
        self.takes_s = 0.3  # the talk on the wire
        self.stall_s = 0.0  # before each look of the library at the clock
        self.device = getattr(library, sensor)(pin=None, use_pulseio=False)
        self.device._get_pulses_bitbang = self._answer
        self.source = Dht(
            self.device,
            f"{sensor} on GPIO 4",
            wall_ns=lambda: 1_700_000_000_123_456_789,
            monotonic_ns=lambda: round(self.now_s * 1e9),
        )

    def library_clock_s(self):
        """What the library takes for the time."""
        self.now_s += self.stall_s
        return self.now_s

    def _answer(self):
        self.now_s += self.takes_s
        return self.answers.pop(0)

    def read(self, *answers, after_s=2.5):
        """One read, when the wire answers so."""
        self.now_s += after_s
        self.answers = list(answers)
        return self.source.read()


@pytest.fixture
def bench(monkeypatch):
    """Makes a bench for a sensor: `bench("DHT22")`. Only the pins below the library are false."""
    if importlib.util.find_spec("adafruit_dht") is None:
        pytest.skip("needs picanary[pi]")
    pins = SimpleNamespace(DigitalInOut=object, Direction=object, Pull=object, Pin=object)
    for name in ("digitalio", "microcontroller"):
        monkeypatch.setitem(sys.modules, name, pins)
    monkeypatch.setitem(sys.modules, "pulseio", None)
    monkeypatch.delitem(sys.modules, "adafruit_dht", raising=False)
    library = importlib.import_module("adafruit_dht")

    def make(sensor="DHT22"):
        made = Bench(library, sensor)
        monkeypatch.setattr(library, "time", SimpleNamespace(monotonic=made.library_clock_s))
        return made

    return make


def test_a_good_frame_is_a_reading(bench):
    reading = bench().read(frame(*GOOD))
    assert reading.values == {"temperature": 21.5, "humidity": 48.6}
    assert (reading.quality, reading.ts_ms, reading.mono_ms) == ("ok", 1_700_000_000_123, 1_002_800)


def test_a_dht11_is_read_in_its_own_way(bench):
    assert bench("DHT11").read(frame(40, 0, 23, 5)).values == {"temperature": 23.5, "humidity": 40.0}


def test_a_failure_never_brings_back_the_value_before_it(bench):
    wire = bench()
    wire.read(frame(*GOOD))
    with pytest.raises(SensorError, match=r"DHT22 on GPIO 4: Checksum did not validate"):
        wire.read(damaged(*WARMER))
    # the library itself now repeats 21.5 °C without a word
    assert wire.device.temperature == 21.5
    for pause_s in (0.0, 0.5, 1.0, 0.5):
        with pytest.raises(SensorError, match=r"asked within 2\.1 s"):
            wire.read(after_s=pause_s)
    assert wire.read(frame(*WARMER), after_s=0.2).values["temperature"] == 22.5


def test_a_failure_of_the_very_first_try_gives_no_value(bench):
    wire = bench()
    with pytest.raises(SensorError, match="Checksum"):
        wire.read(damaged(*GOOD))
    assert wire.device.temperature is None
    with pytest.raises(SensorError, match="asked within"):
        wire.read(after_s=1.9)


def test_asking_again_at_once_is_refused_after_a_success_too(bench):
    wire = bench()
    wire.read(frame(*GOOD))
    with pytest.raises(SensorError, match="asked within"):
        wire.read(frame(*WARMER), after_s=2.0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(PAUSES_S, PAUSES_S, PAUSES_S, st.booleans()), max_size=8))
def test_a_value_was_measured_during_the_very_read_that_returns_it(bench, tries):
    """Whatever the pauses, the stalls of a busy Pi and the failures: never an older value."""
    wire, counts = bench(), iter(range(1000))
    for pause_s, wire.takes_s, wire.stall_s, works in tries:
        fresh = [next(counts) for _ in range(3)]
        frames = [(frame if works else damaged)(1, 0xE6, n >> 8, n & 0xFF) for n in fresh]
        try:
            values = wire.read(*frames, after_s=pause_s).values
        except SensorError:
            continue
        assert works and values["temperature"] in [n / 10 for n in fresh]


def test_a_stall_between_the_two_values_cannot_mix_in_an_old_one(bench):
    wire = bench()
    wire.read(frame(*GOOD))
    wire.takes_s = 2.5
    # the library asks anew for humidity, as its two seconds are over, and fails
    with pytest.raises(SensorError, match="Checksum"):
        wire.read(frame(*WARMER), damaged(*WARMER), damaged(*WARMER))


def test_no_pulses_at_all_speak_of_wiring(bench):
    with pytest.raises(SensorError, match="DHT sensor not found, check wiring"):
        bench().read(array.array("H"))


def test_half_a_frame_is_a_sensor_error(bench):
    with pytest.raises(SensorError, match="A full buffer was not returned"):
        bench().read(frame(*GOOD)[:40])


def test_a_pin_that_is_taken_is_a_sensor_error(bench):
    wire = bench()

    def busy():
        raise OSError(16, "Device or resource busy")

    wire.device._get_pulses_bitbang = busy
    with pytest.raises(SensorError, match="busy"):
        wire.read()
    wire.source.close()


def test_an_unknown_sensor_is_a_config_error():
    with pytest.raises(ConfigError, match="unknown sensor 'DHT33'; choose DHT11 or DHT22"):
        open_source(SourceSettings(kind="dht", sensor="DHT33"))


def test_a_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "adafruit_dht", None)
    with pytest.raises(MissingExtra, match=r"adafruit_dht is not installed; .*'picanary\[pi\]'"):
        open_source(SourceSettings(kind="dht"))


def test_a_board_that_blinka_does_not_know_is_a_config_error(monkeypatch, tmp_path):
    (tmp_path / "adafruit_dht.py").write_text("raise NotImplementedError('Board not\\n   supported X86')\n")
    monkeypatch.delitem(sys.modules, "adafruit_dht", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        ConfigError, match=r"cannot use GPIO .*\(Board not supported X86\).*--source simulator"
    ):
        open_source(SourceSettings(kind="dht"))


def test_a_board_without_that_pin_is_a_config_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "adafruit_dht", ModuleType("adafruit_dht"))
    monkeypatch.setitem(sys.modules, "board", ModuleType("board"))
    with pytest.raises(ConfigError, match="there is no pin D99"):
        open_source(SourceSettings(kind="dht", pin=99))


def test_on_this_machine_the_real_import_ends_in_one_sentence():
    """Whatever Blinka does on a machine without GPIO, a user gets one sentence of ours."""
    pytest.importorskip("adafruit_dht", reason="needs picanary[pi]")
    script = (
        "from edge.errors import PicanaryError\n"
        "from edge.sources import SourceSettings, open_source\n"
        "try:\n"
        "    open_source(SourceSettings(kind='dht', pin=99))\n"
        "except PicanaryError as error:\n"
        "    print('SENTENCE', error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert "Traceback" not in ran.stderr
    assert "SENTENCE source dht cannot use GPIO on this machine" in ran.stdout
