"""The Makefile and the scripts beside it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _make() -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed: apt-get install make")


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make in the checkout, free of what an outer make may have set."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env={**inherited, "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_is_what_make_says_and_lists_every_target() -> None:
    (declared,) = re.findall(r"(?m)^\.PHONY: (.*)$", (ROOT / "Makefile").read_text())
    told = make()
    assert told.returncode == 0
    assert [line.split()[1] for line in told.stdout.splitlines()] == declared.split()
    assert all(len(line.split()) > 3 for line in told.stdout.splitlines())


def test_a_python_that_is_too_old_is_refused_in_a_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python2"
    old.write_text('#!/bin/sh\ncase "$*" in *exit*) exit 1;; *) echo 3.9;; esac\n')
    old.chmod(0o755)
    told = make("demo", PYTHON=str(old), VENV=str(tmp_path / "venv"))
    assert told.returncode == 2
    assert "picanary needs Python 3.11 or newer" in told.stderr
    assert not (tmp_path / "venv").exists()


def test_ctrl_c_reaches_the_demo_itself() -> None:
    (recipe,) = [line for line in make("-n", "demo").stdout.splitlines() if "-m deploy demo" in line]
    assert recipe.startswith("exec ")


@pytest.mark.parametrize("script", [".ci/run", "tests/install-tools.sh"])
def test_a_script_can_be_run_and_is_well_formed(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK)
    shell = path.read_text().splitlines()[0].split("/")[-1].split()[-1]
    assert subprocess.run([shell, "-n", str(path)], check=False).returncode == 0


def test_a_missing_tool_is_named_where_it_cannot_be_installed(tmp_path: Path) -> None:
    for name in ("tr", "id", "sh"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    # a PATH of its own, without /usr/sbin, without apt-get
    script = (ROOT / "tests/install-tools.sh").read_text().replace(":/usr/sbin:/usr/local/sbin", "")
    told = subprocess.run(
        [str(tmp_path / "sh"), "-c", script],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0
    assert "tests: mosquitto is missing, the tests that need it are skipped: apt-get install" in told.stderr
    assert "openssh-server is missing" in told.stderr


def test_every_version_in_the_constraints_is_exact_and_from_no_address() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+]*", pin)] == []
