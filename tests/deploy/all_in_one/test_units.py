"""The units of an all-in-one Pi: what systemd itself says of them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import deploy.all_in_one

FOLDER = Path(deploy.all_in_one.__file__).parent
UNITS = ("picanary-monitor.service", "picanary-monitor.socket", "picanary-broker.service")


@pytest.fixture(autouse=True)
def _systemd() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")


def test_the_monitors_unit_leaves_little_exposed() -> None:
    unit = FOLDER / "picanary-monitor.service"
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    exposure = re.search(r"Overall exposure level for .*: ([0-9.]+)", told)
    assert exposure and float(exposure[1]) <= 1.5, told


def test_systemd_knows_every_word_of_the_units(tmp_path: Path) -> None:
    for name in UNITS:
        # the program is not on this machine; everything else stays as it is
        text = re.sub("(?m)^ExecStart=[^ ]+", "ExecStart=/bin/true", (FOLDER / name).read_text())
        (tmp_path / name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "picanary" in line] == []
