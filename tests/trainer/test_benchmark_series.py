"""The labelled folder: read whole and as it stands, or refused in one sentence."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import RecordingError
from edge.reading import channel
from tests.trainer.labelled import (
    PERIOD_S,
    ROWS,
    TRAIN,
    room,
    row_of,
    times,
    write_csv,
    write_folder,
    write_index,
)
from trainer.benchmark.detection import Result
from trainer.benchmark.scores import for_all_rows
from trainer.benchmark.series import Series, read_index


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path)


def series_of(ts_ms, train):
    n = len(ts_ms)
    return Series(
        "g", "s", 60.0, train, 0, 0, "", ("",) * n, np.array(ts_ms), (channel("value"),),
        np.arange(n, dtype=float)[:, None], np.zeros(n, bool),
    )  # fmt: skip


def test_a_series_is_read_as_it_stands_in_the_file(folder):
    first = read_index(folder)[0]
    values, labels = room(1)
    assert (first.title, first.period_s, first.train) == ("cellar/north", PERIOD_S, TRAIN)
    assert list(first.timestamps) == times()
    np.testing.assert_array_equal(first.values[:, 0], values)
    np.testing.assert_array_equal(first.labels, labels == 1)
    assert first.ts_ms[1] - first.ts_ms[0] == 1000 * PERIOD_S


def test_a_detector_gets_all_rows_and_no_label(folder):
    for each in read_index(folder):
        history, rest = each.history(), each.rest()
        assert (history.labels, rest.labels, history.kinds, rest.kinds) == (None,) * 4
        assert (len(history), len(rest)) == (TRAIN, ROWS - TRAIN)
        np.testing.assert_array_equal(np.concatenate([history.values, rest.values]), each.values)


def test_channels_stand_in_the_order_of_the_project(tmp_path):
    columns = {
        "timestamp": times(4),
        "value": [7, 8, 9, 9],
        "humidity": [1, 2, "", 4],
        "temperature": [20, 21, 22, 23],
        "label": [0, 0, 1, 1],
    }
    write_csv(tmp_path / "g/s.csv", columns)
    write_index(tmp_path, [row_of(tmp_path, "g", "s", ["value", "humidity", "temperature"], train=2)])
    (series,) = read_index(tmp_path)
    assert [each.name for each in series.channels] == ["temperature", "humidity", "value"]
    np.testing.assert_array_equal(series.values, [[20, 1, 7], [21, 2, 8], [22, np.nan, 9], [23, 4, 9]])


def test_only_the_groups_asked_for_are_read(folder):
    assert [each.title for each in read_index(folder, ["attic", "calm"])] == ["attic/west", "calm/hall"]


@given(st.lists(st.integers(0, 20), min_size=3, max_size=30), st.data())
def test_a_row_whose_time_does_not_increase_takes_what_was_said_of_the_row_before(seconds, data):
    train = data.draw(st.integers(2, len(seconds) - 1))
    series = series_of([1000 * second for second in seconds], train)
    kept = [row for row, at in enumerate(seconds) if all(at > earlier for earlier in seconds[:row])]
    rest = series.rest()
    assert rest.values[:, 0].tolist() == [row for row in kept if row >= train]
    assert series.history().values[:, 0].tolist() == [row for row in kept if row < train]
    if not len(rest):
        return
    flags = np.array(data.draw(st.lists(st.booleans(), min_size=len(rest), max_size=len(rest))))
    found = for_all_rows(series, Result(rest.values[:, 0], flags))
    flag_of = dict(zip(rest.values[:, 0].tolist(), flags.tolist(), strict=True))
    for row in range(train, len(seconds)):
        before = [other for other in kept if train <= other <= row]
        expected = (float(before[-1]), flag_of[before[-1]]) if before else (None, False)
        score = found.score[row - train]
        assert (None if np.isnan(score) else score, bool(found.anomaly[row - train])) == expected
    assert len(found.score) == len(seconds) - train
    assert (np.diff(series.judged_s) >= 0).all()


def test_a_missing_index_is_said(tmp_path):
    with pytest.raises(RecordingError, match=r"not a folder of labelled series, as it has no index\.json"):
        read_index(tmp_path)


def test_an_unknown_group_is_said_with_those_that_there_are(folder):
    with pytest.raises(RecordingError, match="of the group barn; there are cellar, attic, calm, nab_all"):
        read_index(folder, ["barn"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"file": "cellar/gone.csv"}, "gone.csv: not there, but index.json names it"),
        ({"sha256": "0" * 64}, "its SHA-256 is not the one in index.json"),
        ({"cols": ["humidity"]}, "has no column humidity"),
        ({"train": ROWS}, "has 1200 rows to train on, but the file has 1200 rows"),
        ({"train": 1}, "there must be two at least"),
        ({"train": -5}, "has train -5, which cannot be"),
        ({"train": True}, "has train True, which cannot be"),
        ({"dt": 0}, "has dt 0, which cannot be"),
        ({"dt": "300"}, "has dt '300', which cannot be"),
        ({"cols": []}, r"has cols \[\], which cannot be"),
        ({"name": "../up"}, "has name '../up', which cannot be"),
        ({"name": "south"}, "names cellar/south a second time"),
    ],
)
def test_an_index_that_does_not_fit_is_said_in_one_sentence(folder, change, sentence):
    rows = json.loads((folder / "index.json").read_text())
    write_index(folder, [{**rows[0], **change}, *rows[1:]])
    with pytest.raises(RecordingError, match=sentence):
        read_index(folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}", "[1]", '[{"group": "g"}]'])
def test_an_index_of_another_form_is_refused(folder, text):
    (folder / "index.json").write_text(text)
    with pytest.raises(RecordingError, match=r"index\.json: "):
        read_index(folder)


@pytest.mark.parametrize(
    ("row", "column", "cell", "sentence"),
    [
        (700, "temperature", "warm", "temperature: .*warm"),
        (700, "timestamp", "noon", "timestamp: .*noon"),
        (700, "timestamp", "", "timestamp: row 701 has none"),
        (700, "label", "2", "label: must be 0 or 1 in every row"),
        (700, "label", "", "label: must be 0 or 1 in every row"),
    ],
)
def test_a_cell_that_cannot_be_is_said_in_one_sentence(tmp_path, row, column, cell, sentence):
    values, labels = room()
    columns = {"timestamp": times(), "temperature": values.tolist(), "label": labels.tolist()}
    columns[column][row] = cell
    write_csv(tmp_path / "g/s.csv", columns)
    write_index(tmp_path, [row_of(tmp_path, "g", "s", ["temperature"])])
    with pytest.raises(RecordingError, match=sentence):
        read_index(tmp_path)


def test_times_that_never_increase_are_refused(tmp_path):
    write_csv(
        tmp_path / "g/s.csv", {"timestamp": times(1) * 5, "temperature": [1, 2, 3, 4, 5], "label": [0] * 5}
    )
    write_index(tmp_path, [row_of(tmp_path, "g", "s", ["temperature"], train=3)])
    with pytest.raises(RecordingError, match="no time increases"):
        read_index(tmp_path)


@pytest.mark.data
def test_the_real_folder_is_read_to_its_last_row(climate):
    rows = json.loads((climate / "index.json").read_text())
    series = read_index(climate)
    assert [len(each.ts_ms) for each in series] == [row["n"] for row in rows]
    assert [int(each.labels.sum()) for each in series] == [row["n_label"] for row in rows]
    short = [each for each in series if len(each.history()) + len(each.rest()) < len(each.ts_ms)]
    assert {each.group for each in short} == {"nab_all", "nab_temp"}
    assert all(len(each.source()) == len(each.ts_ms) - each.train for each in short)
