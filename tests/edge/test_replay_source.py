"""A recording as a sensor: its rows, its times, its end."""

import pytest

from edge.csvfile import read_csv
from edge.errors import ConfigError, EndOfRecording, RecordingError
from edge.sources import SourceSettings, open_source

SERIES = """timestamp,humidity,temperature
2024-05-01 12:00:00,40.5,21.5
2024-05-01 12:01:00,,21.6
2024-05-01 12:02:00,40.7,21.7
"""


@pytest.fixture
def series(tmp_path):
    path = tmp_path / "cellar.csv"
    path.write_text(SERIES)
    return path


def test_rows_come_one_by_one_with_their_recorded_times(series):
    replay = open_source(SourceSettings(kind="replay", file=series))
    readings = [replay.read() for _ in range(3)]
    assert [r.ts_ms for r in readings] == [1714564800000, 1714564860000, 1714564920000]
    assert [r.mono_ms for r in readings] == [0, 60000, 120000]
    assert readings[2].values == {"temperature": 21.7, "humidity": 40.7}
    assert [c.name for c in replay.channels] == ["temperature", "humidity"]


def test_a_missing_value_is_none_and_the_reading_says_so(series):
    replay = open_source(SourceSettings(kind="replay", file=series))
    readings = [replay.read() for _ in range(3)]
    assert readings[1].values == {"temperature": 21.6, "humidity": None}
    assert [r.quality for r in readings] == ["ok", "missing", "ok"]


def test_the_end_is_said_and_said_again(series):
    replay = open_source(SourceSettings(kind="replay", file=series))
    for _ in range(3):
        replay.read()
    for _ in range(2):
        with pytest.raises(EndOfRecording, match="cellar is over after 3 rows"):
            replay.read()
    replay.close()


def test_a_file_is_taken_for_measured(series):
    replay = open_source(SourceSettings(kind="replay", file=series))
    assert not replay.simulated
    assert replay.read().fault is None


def test_replay_gives_the_values_of_the_recording_bit_by_bit(climate):
    path = climate / "clean/haydeni_dht22.csv"
    recording = read_csv(path)
    replay = open_source(SourceSettings(kind="replay", file=path))
    for row in recording.values.tolist():
        assert list(replay.read().values.values()) == row


def test_without_a_file_there_is_nothing_to_replay():
    with pytest.raises(ConfigError, match="name the CSV file"):
        open_source(SourceSettings(kind="replay"))


def test_a_bad_file_is_refused_and_mended_only_on_request(series):
    series.write_text(SERIES.replace("21.6", "warm"))
    with pytest.raises(RecordingError, match=r"line 3, column 'temperature': 'warm'"):
        open_source(SourceSettings(kind="replay", file=series))
    mended = open_source(SourceSettings(kind="replay", file=series, repair=True))
    mended.read()
    assert mended.read().values == {"temperature": None, "humidity": None}


def test_an_unknown_source_names_those_that_there_are():
    with pytest.raises(
        ConfigError, match="unknown source 'thermometer'; choose one of iio, dht, simulator, replay"
    ):
        open_source(SourceSettings(kind="thermometer"))
