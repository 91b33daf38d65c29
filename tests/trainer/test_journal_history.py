"""`python -m trainer --data journal.db`: a device's own journal as history."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.csvfile import write_csv
from edge.errors import JournalError, RecordingError
from edge.journal import Journal
from edge.message import encode
from edge.recording import Recording
from edge.sources.fault import Fault
from edge.sources.simulator import simulate
from trainer.history import recorded, simulated

ROOT = Path(__file__).parents[2]
PERIOD_MS = 60_000
WALL_MS = 1_790_000_000_000


def run(module: str, *flags: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, flags)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def room() -> Recording:
    """Ten days of a room with a barometer, of which the sensor was unplugged for ten minutes."""
    return simulate(864_000.0, 60.0, 3, [Fault("dropout", 400_000.0, 600.0)], sensor="bme280")


@pytest.fixture(scope="module")
def journal(room: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the real agent kept of it."""
    folder = tmp_path_factory.mktemp("device")
    write_csv(room, folder / "room.csv")
    where = ["--source", "replay", "--file", folder / "room.csv", "--journal", folder / "journal.db"]
    done = run("edge", *where, "--repair", "--device", "attic")
    assert done.returncode == 0, done.stderr
    return folder / "journal.db"


def records(*changes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for number, changed in enumerate(changes):
        yield {
            "ts_ms": WALL_MS + number * PERIOD_MS,
            "mono_ms": 500_000 + number * PERIOD_MS,
            "boot": "first",
            "clk": "ntp",
            "q": "ok",
            "state": "normal",
            "temperature_c": 20.0 + number % 7 / 10,
            "humidity_pct": 50.0 - number % 5 / 10,
            **changed,
        }


def kept(path: Path, *changes: dict[str, Any]) -> Path:
    journal = Journal(path)
    for each in records(*changes):
        journal.append(encode(each))
    journal.close()
    return path


def test_what_an_agent_kept_is_what_it_read(journal: Path, room: Recording) -> None:
    history = recorded(journal)
    good = np.isfinite(room.values).all(axis=1)
    assert [c.name for c in history.channels] == ["temperature", "humidity", "pressure"]
    assert history.period_s == 60.0
    np.testing.assert_array_equal(history.ts_ms, room.ts_ms[good])
    np.testing.assert_allclose(history.values, room.values[good], rtol=1e-6)
    assert len(history.gaps) == 1 and 600 <= np.diff(history.gaps[0])[0] / 1000 <= 720


def test_a_run_comes_of_it_and_says_what_was_found(journal: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="needs picanary[train]")
    done = run("trainer", "--data", journal, "--out", tmp_path / "run", "--epochs", 1)
    assert done.returncode == 0, done.stderr
    assert "found  the journal of an agent: temperature (°C), humidity (%), pressure (hPa)" in done.stdout
    assert "14390 good readings, one in 60 s; 10 others are left out as gaps" in done.stdout
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert settings["windowing"]["channels"] == ["temperature", "humidity", "pressure"]
    assert settings["data"]["source"] == "journal.db"


def test_readings_that_the_sensor_failed_in_are_gaps(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [{} for _ in range(700)]
    changes[300:320] = [{"q": "missing", "temperature_c": None, "humidity_pct": None}] * 20
    changes[400:410] = [{"q": "rejected", "state": "sensor_fault", "temperature_c": -99.0}] * 10
    history = recorded(kept(tmp_path / "journal.db", *changes))
    assert len(history) == 670
    assert history.values.min() > 0 and np.isfinite(history.values).all()
    assert [round((after - before) / PERIOD_MS) for before, after in history.gaps] == [21, 11]


def test_a_boot_without_a_clock_is_a_gap_and_a_journal_by_another_name_is_known(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [{} for _ in range(600)]
    changes[300:] = [
        {"boot": "second", "clk": "unsynced", "ts_ms": 946_684_800_000 + n, "mono_ms": n * PERIOD_MS}
        for n in range(300)
    ]
    history = recorded(kept(tmp_path / "kept", *changes))
    assert len(history) == 600 and len(history.gaps) == 1


def test_a_journal_that_was_never_closed_is_read_with_all_that_was_committed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    for each in records(*[{}] * 600):
        journal.append(encode(each))
    journal.commit()
    assert len(recorded(tmp_path / "journal.db")) == 600
    journal.close()


def test_a_channel_that_the_sensor_has_no_more_is_not_trained_on(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [{"pressure_hpa": 1000.0}] * 100 + [{}] * 600
    history = recorded(kept(tmp_path / "journal.db", *changes))
    assert [c.name for c in history.channels] == ["temperature", "humidity"]
    assert len(history) == 700


@pytest.mark.parametrize("count", [0, 1, 100])
def test_a_journal_that_is_too_short_is_refused_in_a_sentence(tmp_path: Path, count: int) -> None:
    path = kept(tmp_path / "journal.db", *[{}] * count)
    with pytest.raises(RecordingError, match=rf"journal.db: {count} .*it takes 500"):
        recorded(path)


def test_a_simulated_room_that_lived_faster_than_its_clock_is_refused_in_a_sentence(tmp_path: Path) -> None:
    quick = [{"ts_ms": WALL_MS + n * 16, "mono_ms": n * 16} for n in range(600)]
    with pytest.raises(RecordingError, match="a simulated room that lives faster than its clock"):
        recorded(kept(tmp_path / "journal.db", *quick))


def test_a_database_of_something_else_is_refused_in_a_sentence(tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table tunes (name text)")
    other.close()
    with pytest.raises(JournalError, match=r"other.db: .*journal"):
        recorded(tmp_path / "other.db")


def test_a_simulated_room_may_have_a_barometer_and_faults_of_it() -> None:
    whole = simulated(3, 600.0, 2.0, 30.0, sensor="bme280")
    assert [c.name for c in whole.channels] == ["temperature", "humidity", "pressure"]
    assert whole.labels is not None and not whole.labels[:288].any() and whole.labels[288:].any()
    pressure = whole.values[:, 2]
    assert np.nanmax(abs(np.diff(pressure[:288]))) < 2.0 < np.nanmax(abs(np.diff(pressure[288:])))
    assert len(simulated(3, 600.0, 2.0, 2.0).channels) == 2


def change(path: Path, statement: str) -> Path:
    import sqlite3

    with sqlite3.connect(path) as journal:
        journal.execute(statement)
    journal.close()
    return path


def test_newest_records_that_rotted_do_not_hide_the_others(tmp_path: Path) -> None:
    path = kept(tmp_path / "journal.db", *[{}] * 700)
    history = recorded(change(path, "update records set crc = crc + 1 where seq > 690"))
    assert [c.name for c in history.channels] == ["temperature", "humidity"]
    assert len(history) == 690


def test_a_journal_of_which_no_record_can_be_read_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = change(kept(tmp_path / "journal.db", *[{}] * 700), "update records set crc = crc + 1")
    with pytest.raises(RecordingError, match=r"journal.db: 0 good readings: no record .* can be read"):
        recorded(path)


def test_a_journal_whose_numbers_have_holes_is_read_from_its_first_record(tmp_path: Path) -> None:
    path = kept(tmp_path / "journal.db", *[{}] * 3000)
    history = recorded(change(path, "delete from records where seq between 701 and 2300"))
    assert history.ts_ms[-1] - history.ts_ms[0] == 2999 * PERIOD_MS


def test_a_history_comes_through_a_pipe_whole(tmp_path: Path) -> None:
    rows = [f"{WALL_MS + n * PERIOD_MS},{20 + n % 7 / 10}" for n in range(700)]
    os.mkfifo(tmp_path / "pipe")
    text = "\n".join(["ts_ms,temperature_c", *rows])
    assert len(text) > 8192, "more than one buffer"
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(text,), daemon=True)
    writer.start()
    assert len(recorded(tmp_path / "pipe")) == 700
    writer.join(5)
