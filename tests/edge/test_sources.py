"""What every source promises, held against all in the registry that run without hardware."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from edge.reading import in_order
from edge.sources import SOURCES, SourceSettings, open_source
from edge.sources.settings import Kind


@pytest.fixture
def sources(tmp_path):
    """Settings per kind, with all that they need: a sysfs tree, a file."""
    sensor = tmp_path / "iio:device0"
    sensor.mkdir()
    (sensor / "in_temp_input").write_text("21500\n")
    (sensor / "in_humidityrelative_input").write_text("48600\n")
    series = tmp_path / "series.csv"
    series.write_text("time,temperature\n2024-05-01,20\n2024-05-02,21\n")
    return {
        "iio": SourceSettings(kind="iio", sysfs=tmp_path),
        "simulator": SourceSettings(kind="simulator"),
        "replay": SourceSettings(kind="replay", file=series),
    }


@pytest.mark.parametrize("kind", sorted(SOURCES.keys() - {"dht"}))  # test_dht.py has that one, on a fake wire
def test_a_source_keeps_its_promises(sources, kind):
    source = open_source(sources[kind])
    assert source.name == kind
    assert source.channels == in_order({c.name for c in source.channels})
    assert source.simulated == (kind == "simulator")
    readings = [source.read(), source.read()]
    for reading in readings:
        assert list(reading.values) == [c.name for c in source.channels]
        assert reading.quality == "ok"
        assert all(c.is_plausible(reading.values[c.name]) for c in source.channels)
    assert readings[0].ts_ms <= readings[1].ts_ms and readings[0].mono_ms <= readings[1].mono_ms
    source.close()
    source.close()


def test_the_registry_has_every_kind_that_the_settings_know():
    assert tuple(SOURCES) == get_args(Kind)


def test_asking_for_one_source_imports_no_hardware_and_nothing_heavy():
    """The base install has numpy only; Blinka even asks questions when it is imported."""
    script = (
        "import sys, edge.sources, edge.sources.dht, edge.sources.iio, edge.sources.replay\n"
        "print(*sorted({'adafruit_dht', 'board', 'pandas', 'tensorflow'} & set(sys.modules)))\n"
    )
    root = Path(__file__).parents[2]
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert ran.stdout.strip() == ""
