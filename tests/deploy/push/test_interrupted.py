"""A push that ends on the way, and two at once."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.machine import CONFIG, Machine

Captured = pytest.CaptureFixture[str]
PATIENCE_S = 120.0


@pytest.fixture
def running(cellar: Machine, wheel: Path, config: Path) -> Machine:
    assert cellar.push("--wheel", wheel, "--config", config) == 0
    return cellar


def _other(folder: Path) -> Path:
    path = folder / "other.toml"
    path.write_text(f"{CONFIG}commit_s = {time.time()}\n")  # never pushed before
    return path


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def _connections(host: Machine) -> str:
    listed = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in listed.splitlines() if f"-p {host.server.port}" in line)


def test_a_push_killed_half_way_leaves_the_old_release_running_and_the_next_cleans_up(
    running: Machine, wheel: Path, tmp_path: Path, capsys: Captured
) -> None:
    before = running.current
    command = [sys.executable, "-m", "deploy", "push", running.server.target, *running.options]
    words = ["--wheel", str(wheel), "--config", str(_other(tmp_path))]
    with (tmp_path / "said").open("wb") as said:
        push = subprocess.Popen([*command, *words], stdout=said, stderr=said, start_new_session=True)
        try:
            _wait(lambda: len(running.releases) == 2 or push.poll() is not None, "nothing was installed")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(push.pid, signal.SIGKILL)
            push.wait()
    assert push.returncode == -signal.SIGKILL, (tmp_path / "said").read_text()
    assert running.current == before and running.state == "active"
    _wait(lambda: not _connections(running), "a connection outlives the push")
    # the Pi goes on to the end of the step by itself; a power cut would leave a release that is not whole
    (name,) = running.releases - {before}
    half = running.prefix / "releases" / name
    _wait((half / "whole").exists, "the installer on the Pi gave up")
    (half / "whole").unlink()
    (half / "half").touch()
    (running.prefix / "delivery/wheels/old.whl").write_bytes(b"half")
    assert running.push(*words) == 0
    assert running.current == name and running.state == "active"
    assert not (half / "half").exists() and (half / "whole").exists()
    assert running.releases == {before, running.current}
    assert not (running.prefix / "delivery/wheels/old.whl").exists()


def test_a_release_that_never_proved_itself_leads_back_to_the_one_before_it(
    running: Machine, wheel: Path, tmp_path: Path, capsys: Captured
) -> None:
    before = running.current
    assert running.push("--wheel", wheel, "--config", _other(tmp_path)) == 0
    # as if the power had gone between the switch and the first record
    (running.prefix / "current/verified").unlink()
    (running.prefix / "previous").unlink()
    assert running.push("--rollback", "--dry-run") == 0
    assert f"back to {before}" in capsys.readouterr().out
    assert running.push("--rollback") == 0
    assert running.current == before and running.state == "active"


def test_a_push_over_a_release_that_never_proved_itself_keeps_the_one_before_that(
    running: Machine, wheel: Path, tmp_path: Path
) -> None:
    before = running.current
    assert running.push("--wheel", wheel, "--config", _other(tmp_path)) == 0
    unproven = running.current
    (running.prefix / "current/verified").unlink()
    (running.prefix / "previous").unlink()
    assert running.push("--wheel", wheel, "--config", _other(tmp_path)) == 0
    assert running.releases == {before, running.current} and unproven != running.current
    assert running.push("--rollback") == 0
    assert running.current == before


def test_two_pushes_at_once_do_not_mix(
    running: Machine, wheel: Path, tmp_path: Path, capsys: Captured
) -> None:
    before = running.content()
    with (running.prefix / ".push-lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert running.push("--wheel", wheel, "--config", _other(tmp_path)) == 2
    assert "another push is at work there" in capsys.readouterr().err
    assert running.content() == before
