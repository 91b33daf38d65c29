"""A CSV file that is no sound series is refused in one sentence, with the place."""

import sqlite3

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.csvfile import read_csv
from edge.errors import RecordingError
from tests.edge.series import SERIES, refusal


@pytest.mark.parametrize(
    "old, new, sentence",
    [
        (
            "21.6",
            "warm",
            "FILE, line 3, column 'temperature': 'warm' is not a number; correct it, empty the cell, "
            "or have such cells emptied with --repair",
        ),
        ("21.6", "NaN", "FILE, line 3, column 'temperature': 'NaN' is not a number; correct it"),
        ("21.6", "inf", "FILE, line 3, column 'temperature': 'inf' is not a number; correct it"),
        ("21.6", "1_000", "FILE, line 3, column 'temperature': '1_000' is not a number; correct it"),
        ("21.6", "x" * 90, "FILE, line 3, column 'temperature': '" + "x" * 37 + "...' is not a number"),
        (
            "12:02:00",
            "12:01:00",
            "FILE, line 4, column 'timestamp': '2024-05-01 12:01:00' is the time of the line before too; "
            "remove one, or keep the first with --repair",
        ),
        (
            "12:02:00",
            "11:00:00",
            "FILE, line 4, column 'timestamp': '2024-05-01 11:00:00' goes back from '2024-05-01 12:01:00'; "
            "put the rows in order, or have them sorted with --repair",
        ),
        (
            "2024-05-01 12:02:00",
            "noon",
            "FILE, line 4, column 'timestamp': 'noon' is not a time (ISO 8601); correct it",
        ),
        ("2024-05-01 12:02:00", "", "FILE, line 4, column 'timestamp': '' is not a time"),
        ("21.7,1", "21.7,maybe", "FILE, line 4, column 'label': 'maybe' is not a label; write 1"),
        ("21.7,1", "21.7", "FILE, line 4 has 2 fields, the header has 3; mend the line"),
        ("21.7,1", "21.7,1,9", "FILE, line 4 has 4 fields, the header has 3; mend the line"),
        ("21.7,1", '21.7,"1', "FILE, line 5: not CSV (unexpected end of data)"),
        ("21.7", "9" * 200_000, "FILE, line 4: not CSV (field larger than field limit (131072))"),
        ("timestamp", "temperature", "FILE has two columns named 'temperature'; rename or remove one"),
        (",label", ",temp_c", "FILE: columns 'temperature' and 'temp_c' are both temperature; remove or"),
        ("timestamp,temperature,label\n", "", "FILE has no header line: its first line begins with '2024-05"),
    ],
)
def test_a_fault_in_the_file_is_named_with_its_place(csv_file, old, new, sentence):
    assert refusal(csv_file(SERIES.replace(old, new, 1))).startswith(sentence)


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("", "FILE is empty"),
        ("\n\n", "FILE is empty"),
        ("timestamp,temperature\n", "FILE has a header line but no rows"),
        ("temperature\n20\n21\n", "FILE has only one column"),
        ("timestamp\n2024-05-01\n", "FILE has only one column"),
        ("temperature,humidity\n20,40\n21,41\n", "FILE has no time column among temperature, humidity"),
        (
            "time,temperature\n0,20\n1,21\n",
            "FILE: column 'time' does not hold times (it begins with '0'); give ISO 8601",
        ),
        ("time,temperature\n2024-05-01,20\n", "FILE has only one row"),
        (
            "time,room\n2024-05-01,cellar\n2024-05-02,cellar\n",
            "FILE has no column of numbers beside the time",
        ),
        ("1714564800,20\n1714564860,21\n", "FILE has no header line"),
        ("time,temperature\n1714564800,20\n99,21\n", "FILE, line 3, column 'time': '99' is not a time"),
        (SERIES.encode("utf-16"), "FILE, line 1: a NUL byte; save the file as UTF-8 text"),
        (SERIES.encode()[:60] + b"\0" + SERIES.encode()[60:], "FILE, line 3: a NUL byte"),
        ("time,temperature\n1,2\n3,\xb0\n".encode("latin-1"), "FILE, line 3: byte 0xb0 is not UTF-8"),
        (b"PAR1....", "FILE is a Parquet file, not a CSV file"),
        (b"PK\x03\x04....", "FILE is a zip file"),
    ],
)
def test_a_file_that_is_no_series_is_refused(csv_file, content, sentence):
    assert refusal(csv_file(content)).startswith(sentence)


def test_a_journal_is_not_taken_for_csv(tmp_path):
    path = tmp_path / "journal.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE records (seq INTEGER)")
    connection.close()
    assert "is an SQLite database (a journal?)" in refusal(path)


def test_a_missing_file_and_a_directory_are_told_apart(tmp_path):
    assert refusal(tmp_path / "none.csv") == "FILE: no such file; check the path"
    assert refusal(tmp_path) == "FILE is a directory; give a CSV file in it"


def test_a_file_that_may_not_be_read_says_why(csv_file):
    # a file in the place of a directory fails for root too, who may read everything
    assert "cannot be read: Not a directory" in refusal(csv_file(SERIES) / "inside.csv")


def test_blank_lines_do_not_shift_the_line_numbers(csv_file):
    text = SERIES.replace("timestamp", "\ntimestamp").replace("2024-05-01 12:01", "\n\n2024-05-01 12:01")
    assert "line 6, column 'temperature'" in refusal(csv_file(text.replace("21.6", "warm")))


CELLS = st.sampled_from(
    [
        "",
        "20",
        "21,5",
        "NaN",
        "1e999",
        "x",
        "2024-05-01",
        "2024-05-01 12:00",
        "1714564800",
        '"',
        "\r",
        "°",
        "-",
    ]
)
NAMES = st.sampled_from(
    ["", "time", "timestamp", "temp", "temperature_f", "rh", "label", "anomaly", "score", "x"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(NAMES, min_size=1, max_size=5),
    st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=6),
    st.sampled_from(",;\t"),
    st.booleans(),
)
def test_any_table_is_a_recording_or_a_sentence(csv_file, header, rows, delimiter, repair):
    path = csv_file("\n".join(delimiter.join(cells) for cells in [header, *rows]))
    try:
        recording = read_csv(path, repair=repair)
    except RecordingError as error:
        assert str(path) in str(error)
    else:
        assert np.all(np.diff(recording.ts_ms) > 0) and not np.isinf(recording.values).any()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_a_recording_or_a_sentence(csv_file, content):
    with pytest.raises(RecordingError, match="series"):
        read_csv(csv_file(content))
