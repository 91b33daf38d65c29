"""What the doctor finds: on real folders, brokers and bundles, broken one by one."""

import datetime
import fcntl
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.bundle.default import default_content
from edge.config import AgentSettings, Config
from edge.doctor.clock import clock
from edge.doctor.disk import disk, in_use
from edge.doctor.model import model
from edge.doctor.report import Finding
from edge.doctor.sensor import sensor
from edge.doctor.systemd import systemd
from edge.errors import SensorError
from edge.journal import Journal
from edge.pace import Pace
from edge.reading import HUMIDITY, TEMPERATURE, Reading
from edge.sources import SourceSettings, open_source
from edge.sources.deadline import Deadline
from tests.brokers import mosquitto
from tests.edge.test_agent import ROOT

SUBJECTS = ["runtime", "configuration", "sensor", "clock", "disk", "broker", "bundle", "systemd"]


def doctor(*flags: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edge", "doctor", *map(str, flags)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def levels(findings: list[Finding]) -> list[str]:
    return [finding.level for finding in findings]


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    device = tmp_path / "sysfs/iio:device0"
    device.mkdir(parents=True)
    for name, text in {
        "name": "dht11@4",
        "in_temp_input": "21500",
        "in_humidityrelative_input": "48600",
    }.items():
        (device / name).write_text(text)
    return device


def configured(tmp_path: Path, sysfs: Path, more: str = "") -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(
        f'[agent]\ndevice = "cellar"\n[source]\nsysfs = "{sysfs.parent}"\n'
        f'[journal]\npath = "{tmp_path / "state/journal.db"}"\n{more}'
    )
    return path


def test_where_all_is_well_each_subject_says_so_and_nothing_is_changed(tmp_path: Path, sysfs: Path) -> None:
    with mosquitto() as broker:
        path = configured(tmp_path, sysfs, f'[broker]\naddress = "127.0.0.1:{broker.port}"\n')
        before = sorted(tmp_path.rglob("*"))
        done = doctor("--config", path)
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert list(dict.fromkeys(subject for _, subject, _ in lines)) == SUBJECTS
    # these are of the machine that the test runs on
    assert {level for level, subject, _ in lines if subject not in ("clock", "disk", "systemd")} == {"ok"}
    assert "temperature 21.5 °C, humidity 48.6 %" in done.stdout
    assert sorted(tmp_path.rglob("*")) == before


def test_a_program_gets_the_same_as_json(tmp_path: Path, sysfs: Path) -> None:
    (sysfs / "in_temp_input").write_text("-3271800")
    done = doctor("--config", configured(tmp_path, sysfs), "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["fails"] == 1
    (failed,) = [finding for finding in told["findings"] if finding["level"] == "fail"]
    assert failed["subject"] == "sensor" and "-3271.8" in failed["found"] and "wiring" in failed["do"]


def test_a_bad_configuration_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text("[agent]\ndevise = 'cellar'\n")
    done = doctor("--config", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("python -m edge doctor: ") and "unknown key: devise" in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_sensor_the_rest_is_looked_at_all_the_same(tmp_path: Path, sysfs: Path) -> None:
    for file in sysfs.iterdir():
        file.unlink()
    done = doctor("--config", configured(tmp_path, sysfs))
    assert done.returncode == 1
    assert "fail  sensor         no sensor under" in done.stdout and "dtoverlay=dht11" in done.stdout
    assert "warn  bundle" in done.stdout and "systemd" in done.stdout


# The sensor


def opened(sysfs: Path) -> Deadline:
    return Deadline(open_source(SourceSettings(sysfs=sysfs.parent)), deadline_s=0.3)


class Moody:
    """A sensor that fails so many times before it answers."""

    name = "iio"
    channels = (TEMPERATURE, HUMIDITY)
    simulated = False

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def read(self) -> Reading:
        self.failures -= 1
        if self.failures >= 0:
            raise SensorError("the sensor's answer was damaged or incomplete")
        return Reading(0, 0, {"temperature": 21.5, "humidity": 48.6})

    def close(self) -> None:
        pass


@pytest.mark.parametrize("failures, level", [(0, "ok"), (1, "warn"), (2, "warn"), (3, "fail")])
def test_a_sensor_may_fail_now_and_then_but_not_three_times(failures: int, level: str) -> None:
    rests: list[float] = []
    (finding,) = sensor(Moody(failures), rests.append)
    assert finding.level == level
    assert len(rests) == min(failures, 2) and all(rest > 2.1 for rest in rests)


def test_a_sensor_that_hangs_is_told_and_asked_no_more(sysfs: Path) -> None:
    (sysfs / "in_temp_input").unlink()
    os.mkfifo(sysfs / "in_temp_input")
    (finding,) = sensor(opened(sysfs), lambda _: pytest.fail("no second try"))
    assert finding.level == "fail" and "has not answered for" in finding.found
    (sysfs / "in_temp_input").write_text("21500")  # lets the thread go


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything: run this as another user")
def test_a_file_that_may_not_be_read_names_the_permission(sysfs: Path) -> None:
    (sysfs / "in_temp_input").chmod(0)
    (finding,) = sensor(opened(sysfs), lambda _: pytest.fail("no second try"))
    assert finding.level == "fail" and "user" in finding.do


@pytest.mark.parametrize("chips, level", [(0, "fail"), (2, "ok")])
def test_a_dht_needs_gpio_lines(tmp_path: Path, chips: int, level: str) -> None:
    for number in range(chips):
        (tmp_path / f"gpiochip{number}").touch()
    source = Moody(0)
    source.name = "dht"
    lines, asked = sensor(source, lambda _: None, tmp_path)
    assert (lines.level, asked.level) == (level, "ok")


# The clock


@pytest.mark.parametrize(
    "quality, year, level",
    [("ntp", 2026, "ok"), ("holdover", 2026, "warn"), ("unsynced", 2000, "fail"), ("ntp", 2126, "fail")],
)
def test_the_clock_is_believed_as_far_as_it_can_be(quality: str, year: int, level: str) -> None:
    now = datetime.datetime(year, 3, 1, tzinfo=datetime.UTC).timestamp()
    (finding,) = clock(lambda: quality, lambda: now)  # type: ignore[arg-type,return-value]
    assert finding.level == level and str(year) in finding.found


# The disk


def test_a_journal_in_use_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert not in_use(path)
    journal = Journal(path)
    journal.append(b"{}")
    journal.commit()
    assert in_use(path)
    *_, used = disk(path)
    journal.close()
    assert used.level == "ok" and "a running agent has it" in used.found
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    *_, left = disk(path)
    assert left.found == f"{path} opens, newest record 1"
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before
    Journal(path).close()  # the doctor has left no lock behind


def test_the_doctor_does_not_lock_an_agent_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    list(disk(path))
    with (tmp_path / "journal.db.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_is_no_journal_fails(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"shopping list\n" * 100)
    *_, found = disk(path)
    assert found.level == "fail" and "does not open as a journal" in found.found


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own. Needs root."""
    folder = tmp_path / "card"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "card", str(folder)], check=False)
    if made.returncode:
        pytest.skip("a file system cannot be mounted: run this as root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_card_that_is_read_only_or_full_fails(card: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(card)], check=True)
    writable, space, _ = disk(card / "journal.db")
    assert writable.level == "fail" and "mounted read-only" in writable.found
    assert space.level == "fail" and "free some" in space.do
    subprocess.run(["mount", "-o", "remount,rw", str(card)], check=True)
    (card / "ballast").write_bytes(b"x" * 64 * 1024)
    writable, _, _ = disk(card / "journal.db")
    assert writable.level == "fail" and "No space left" in writable.found
    (card / "ballast").unlink()


# The model


def bundle_findings(sysfs: Path, file: Path | None, room_s: float = 10.0) -> list[Finding]:
    config = Config(agent=AgentSettings(bundle=file))
    return list(model(config, opened(sysfs), Pace(room_s, room_s, 1.0)))


def test_the_packages_model_is_whole_and_fits(sysfs: Path) -> None:
    assert levels(bundle_findings(sysfs, None)) == ["ok", "ok"]


def test_a_model_that_is_damaged_is_refused(tmp_path: Path, sysfs: Path) -> None:
    content = bytearray(default_content())
    content[len(content) // 2] ^= 1
    (tmp_path / "room.canary").write_bytes(content)
    (finding,) = bundle_findings(sysfs, tmp_path / "room.canary")
    assert finding.level == "fail" and "room.canary" in finding.found


def test_a_model_for_another_sensor_or_pace_does_not_fit(sysfs: Path) -> None:
    assert levels(bundle_findings(sysfs, None, room_s=3600.0)) == ["ok", "fail"]
    (sysfs / "in_humidityrelative_input").unlink()
    whole, fits = bundle_findings(sysfs, None)
    assert (whole.level, fits.level) == ("ok", "fail") and "has no humidity" in fits.found


def test_no_model_is_a_warning(sysfs: Path) -> None:
    assert levels(bundle_findings(sysfs, Path("none"))) == ["warn"]


# systemd


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that answers as the real one, with what stands in the file."""
    program, answer = tmp_path / "bin/systemctl", tmp_path / "answer"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat '{answer}'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return answer


WELL = {
    "LoadState": "loaded",
    "UnitFileState": "enabled",
    "ActiveState": "active",
    "Result": "success",
    "WatchdogUSec": "5min",
    "NRestarts": "0",
}


@pytest.mark.parametrize(
    "changed, level, says",
    [
        ({}, "ok", "5min without a record"),
        ({"LoadState": "not-found"}, "warn", "there is no picanary-edge.service"),
        ({"UnitFileState": "disabled"}, "warn", "does not start when the Pi does"),
        ({"ActiveState": "failed", "Result": "watchdog"}, "fail", "failed: watchdog"),
        ({"ActiveState": "inactive"}, "warn", "is inactive"),
        ({"NRestarts": "7"}, "warn", "restarted 7 times"),
        ({"WatchdogUSec": "infinity"}, "warn", "no watchdog"),
    ],
)
def test_the_service_is_as_systemctl_says(
    tmp_path: Path, systemctl: Path, changed: dict[str, str], level: str, says: str
) -> None:
    systemctl.write_text("".join(f"{key}={value}\n" for key, value in (WELL | changed).items()))
    found = list(systemd(booted=tmp_path))
    assert [f.level for f in found if says in f.found] == [level]
    assert {f.level for f in found if says not in f.found} <= {"ok"}


def test_where_there_is_no_systemd_it_is_skipped_with_a_line(tmp_path: Path) -> None:
    (finding,) = systemd(booted=tmp_path / "nothing")
    assert finding.level == "ok" and "skipped" in finding.found
