"""The systemd units: what systemd itself says of them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.service import NAME, UNITS


@pytest.fixture(autouse=True)
def _systemd() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")


def test_the_unit_leaves_little_exposed() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / NAME)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    exposure = re.search(r"Overall exposure level for .*: ([0-9.]+)", told)
    assert exposure, told
    assert float(exposure[1]) <= 1.5


def test_systemd_knows_every_word_of_the_unit_and_of_the_gpio_addition(tmp_path: Path) -> None:
    unit = tmp_path / NAME
    # the program is not on this machine; everything else stays as it is
    unit.write_text(re.sub("(?m)^ExecStart=[^ ]+", "ExecStart=/bin/true", (UNITS / NAME).read_text()))
    (tmp_path / f"{NAME}.d").mkdir()
    shutil.copy(UNITS / "gpio.conf", tmp_path / f"{NAME}.d")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if "picanary" in line] == []
