"""What the installer asks a release on the Pi: is it fit to be used, and has its service brought a record?"""

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.arrival import NoRecord, newest, wait
from deploy.diagnosis import Forbidden, diagnose
from deploy.diagnosis import main as diagnosis
from deploy.selfreport import report
from edge.journal import Journal
from edge.journal.layout import connect_to_read
from edge.message import encode

UNIT = "picanary-test.service"


@contextmanager
def _written(path: Path, records: int) -> Iterator[Journal]:
    journal = Journal(path, commit_records=1)
    try:
        for number in range(records):
            record = {"v": 1, "seq": journal.next_seq, "ts_ms": 1_000 * number, "model": "room 1.0"}
            journal.append(encode(record))
        journal.commit()
        yield journal
    finally:
        journal.close()


def test_only_a_record_after_the_mark_counts(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert newest(path) == 0
    with _written(path, 3):
        pass
    before = newest(path)
    assert before > 0
    silent = pytest.raises(NoRecord, match=r"no record reached its journal within 0.1 s; it said nothing")
    with _written(path, 0), silent:
        wait(path, before, UNIT, 0.1)  # there are records, and none is new
    with _written(path, 1):
        assert wait(path, before, UNIT, 60.0) == before + 1
    with pytest.raises(NoRecord):
        wait(path, before, UNIT, 0.1)  # a newer one, but nobody is at work


def test_what_is_no_journal_has_no_record(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"no database" * 1000)
    assert newest(path) == 0


def test_looking_leaves_nothing_that_would_lock_the_agent_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with _written(path, 1):
        pass
    before = sorted(tmp_path.iterdir())
    newest(path)
    assert sorted(tmp_path.iterdir()) == before
    with contextlib.closing(connect_to_read(path)) as database:
        assert database.execute("pragma quick_check").fetchone() == ("ok",)


def test_a_report_tells_the_newest_record(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(f'[agent]\ndevice = "cellar"\n[journal]\npath = "{tmp_path}/journal.db"\n')
    assert report(config, 10.0)["age_s"] is None
    with _written(tmp_path / "journal.db", 3):
        told = report(config, 10.0)
    assert (told["device"], told["model"], told["record"], told["age_s"]) == ("cellar", "room 1.0", 3, 8.0)


def test_a_model_that_cannot_be_used_forbids_the_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, bundle = tmp_path / "edge.toml", tmp_path / "room.canary"
    bundle.write_bytes(b"no bundle")
    config.write_text(f'[agent]\nbundle = "{bundle}"\n[source]\nkind = "simulator"\n')
    with pytest.raises(Forbidden, match=r"edge doctor says: bundle: .*room.canary"):
        diagnose(config)
    assert diagnosis(["--config", str(config)]) == 2
    assert "edge doctor says: bundle" in capsys.readouterr().err


def test_what_can_be_mended_later_is_told_and_forbids_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "edge.toml"
    config.write_text('[source]\nkind = "iio"\nsysfs = "/nowhere"\nhwmon = "/nowhere"\n')
    begun = time.monotonic()
    assert diagnosis(["--config", str(config)]) == 0
    told = capsys.readouterr().out
    assert "fail  sensor" in told and "warn  broker" in told and "configuration" not in told
    assert time.monotonic() - begun < 60
