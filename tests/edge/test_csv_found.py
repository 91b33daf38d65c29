"""What a CSV file turns out to hold: time, channels, labels, all found by themselves."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from edge.csvfile import read_csv
from tests.edge.series import NOON_MS, SERIES, minutes, refusal


def test_a_plain_series_is_found_whole(csv_file):
    recording = read_csv(csv_file(SERIES))
    assert recording.name == "series"
    assert recording.ts_ms.tolist() == [NOON_MS + 60_000 * n for n in range(4)]
    assert recording.values.tolist() == [[21.5], [21.6], [21.7], [21.8]]
    assert recording.labels.tolist() == [False, False, True, False]
    assert (recording.period_s, recording.gaps, recording.kinds) == (60.0, (), None)
    assert recording.columns == {"temperature": "temperature"}
    assert recording.found == (
        "time column 'timestamp', taken as UTC",
        "channels temperature (°C, assumed)",
        "4 rows, one a minute, 2024-05-01 to 2024-05-01",
        "no gaps",
        "1 row labelled as anomalies, for evaluation only",
    )


def test_every_series_of_the_index_is_read_as_its_index_says(climate):
    for entry in json.loads((climate / "index.json").read_text()):
        path = climate / entry["file"]
        times = [line.partition(b",")[0] for line in path.read_bytes().splitlines()]
        repeated = len(times) - len(set(times)) if b"\n2014-01-07 02:00:00" not in path.read_bytes() else 0
        if repeated:
            assert "is the time of the line before too" in refusal(path)
        recording = read_csv(path, repair=bool(repeated))
        assert len(recording) == entry["n"] - repeated, path
        assert recording.period_s == entry["dt"], path
        assert list(recording.columns.values()) == entry["cols"], path
        assert repeated or recording.labels.sum() == entry["n_label"], path


def test_values_and_times_equal_those_of_a_slow_obvious_reader(climate):
    path = climate / "intel_raw/mote06.csv"
    recording = read_csv(path)
    for number, line in enumerate(path.read_text().splitlines()[1:]):
        when, temperature, humidity, label = line.split(",")
        parsed = datetime.strptime(when, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        assert recording.ts_ms[number] == parsed.timestamp() * 1000
        assert recording.values[number].tolist() == [float(temperature), float(humidity)]
        assert recording.labels[number] == (label == "1")


def test_gaps_and_the_hot_office_are_told(climate):
    found = read_csv(climate / "nab_temp/ambient.csv").found
    assert "7267 rows, one an hour, 2013-07-04 to 2014-05-28" in found
    assert "8 gaps, the longest 7.25 days from 2014-04-03 09:00" in found
    assert "the median temperature is 71.9; if that is °F, name the column temperature_f" in found


@pytest.mark.parametrize(
    "header, name, first",
    [
        ("temperature", "temperature", 68.0),
        ("Temperature (°C)", "temperature", 68.0),
        ("Temperature (\N{DEGREE CELSIUS})", "temperature", 68.0),
        ("temp", "temperature", 68.0),
        ("temperature_c", "temperature", 68.0),
        ("temperature_f", "temperature", 20.0),
        ("Temp [°F]", "temperature", 20.0),
        ("Air Temperature (deg F)", "temperature", 20.0),
        ("humidity", "humidity", 68.0),
        ("Relative Humidity (%)", "humidity", 68.0),
        ("RH", "humidity", 68.0),
        ("rh_pct", "humidity", 68.0),
        ("pressure_hpa", "pressure", 68.0),
        ("Pressure (mbar)", "pressure", 68.0),
        ("pressure_pa", "pressure", 0.68),
        ("pressure_kPa", "pressure", 680.0),
        ("cpu_temp", "cpu_temp", 68.0),
        ("temperature outdoors", "temperature outdoors", 68.0),
        ("CO2", "CO2", 68.0),
    ],
)
def test_a_channel_is_known_by_its_column_s_name(csv_file, header, name, first):
    recording = read_csv(csv_file(minutes([68, 69], header=f"time,{header}")))
    assert recording.columns == {name: header}
    assert recording.values[0, 0] == pytest.approx(first)


def test_the_unit_is_told_as_given_assumed_or_converted(csv_file):
    text = minutes([68, 69], [1, 2], [3, 4], [1000, 1001], header="time,temp_f,rh,co2,pressure")
    assert (
        "channels temperature (°C, converted from °F), humidity (%), co2 (no unit known), "
        "pressure (hPa, assumed)" in read_csv(csv_file(text)).found
    )


def test_channels_come_in_their_fixed_order_with_their_own_values(csv_file):
    recording = read_csv(csv_file(minutes([1, 1], [2, 2], [3, 3], header="time,zinc,humidity,temperature")))
    assert [c.name for c in recording.channels] == ["temperature", "humidity", "zinc"]
    assert recording.values[0].tolist() == [3.0, 2.0, 1.0]


def test_what_is_no_channel_is_left_out_and_told(csv_file):
    header = "time,,id,room,empty,v,score,expected_temperature_c,event,temperature"
    cells = [[0, 1], [7, 8], ["cellar", "cellar"], ["", ""], [3, 3], [0.1, 2.0], [20, 20], [0, 1], [21, 22]]
    recording = read_csv(csv_file(minutes(*cells, header=header)))
    assert [c.name for c in recording.channels] == ["temperature"]
    (told,) = [sentence for sentence in recording.found if sentence.startswith("left out")]
    for name in ("''", "'id'", "'room' (text)", "'empty' (empty)", "'v'", "'score'", "'event'"):
        assert name in told


def test_an_index_of_times_without_a_name_is_the_time(csv_file):
    assert read_csv(csv_file(SERIES.replace("timestamp", ""))).ts_ms[0] == NOON_MS


def test_a_time_column_may_stand_anywhere_and_a_second_one_is_left_out(csv_file):
    text = (
        "temperature,taken at,received time\n"
        "20,2024-05-01T12:00,2024-05-01T12:09\n"
        "21,2024-05-01T12:01,2024-05-01T12:10\n"
    )
    recording = read_csv(csv_file(text))
    assert list(recording.columns) == ["temperature"]
    # the column that is named so comes first
    assert recording.ts_ms[0] == NOON_MS + 9 * 60_000


@pytest.mark.parametrize(
    "cell",
    [
        "2024-05-01 12:00:00",
        "2024-05-01T12:00:00",
        "2024-05-01T12:00:00Z",
        "2024-05-01T14:00:00+02:00",
        "2024-05-01 12:00:00.000",
        "1714564800",
        "1714564800.0",
        "1714564800000",
    ],
)
def test_a_time_is_understood(csv_file, cell):
    later = cell.replace("12:00", "12:01", 1).replace("14:00", "14:01", 1).replace("17145648", "17145654")
    assert read_csv(csv_file(f"time,temperature\n{cell},20\n{later},21\n")).ts_ms[0] == NOON_MS


def test_milliseconds_are_kept(csv_file):
    text = "ts,temperature\n2024-05-01T12:00:00.250Z,20\n2024-05-01T12:00:02.249Z,21\n"
    recording = read_csv(csv_file(text))
    assert recording.ts_ms.tolist() == [NOON_MS + 250, NOON_MS + 2249]
    assert recording.period_s == 2.0


@pytest.mark.parametrize("delimiter", ",;\t")
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_delimiter_line_ends_and_byte_order_mark_do_not_matter(csv_file, delimiter, ending):
    text = SERIES.replace(",", delimiter).replace("\n", ending) + ending
    recording = read_csv(csv_file(b"\xef\xbb\xbf" + text.encode()))
    assert recording.values.tolist() == read_csv(csv_file(SERIES)).values.tolist()


def test_decimal_commas_are_read_where_semicolons_separate(csv_file):
    text = SERIES.replace(",", ";").replace("21.", "21,")
    assert read_csv(csv_file(text)).values.tolist() == read_csv(csv_file(SERIES)).values.tolist()


def test_an_empty_cell_is_a_missing_value(csv_file):
    recording = read_csv(csv_file(minutes([20, "", 22], [40, 41, 42], header="time,temperature,humidity")))
    np.testing.assert_array_equal(recording.values[:, 0], [20, np.nan, 22])
    assert "missing values: 1 of temperature" in recording.found


@pytest.mark.parametrize("words", [("0", "1"), ("False", "True"), ("no", "yes"), ("0.0", "1.0"), ("", "1")])
@pytest.mark.parametrize("name", ["label", "anomaly", "is_anomaly"])
def test_labels_are_read_in_any_usual_spelling(csv_file, name, words):
    recording = read_csv(csv_file(minutes([20, 21], words, header=f"time,temperature,{name}")))
    assert recording.labels.tolist() == [False, True]
    assert list(recording.columns) == ["temperature"]


def test_a_verdict_of_our_own_replay_is_not_taken_for_the_truth(csv_file):
    text = minutes([20, 21], [0.1, 3.0], [0, 1], header="time,temperature,score,anomaly")
    recording = read_csv(csv_file(text))
    assert recording.labels is None and list(recording.columns) == ["temperature"]
