"""The demo's way: with the real broker, monitor and agent; only the training is a stand-in."""

import fcntl
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.children import ChildError, Children
from deploy.demo import Order, Programs, Show, run
from deploy.demo_model import provide
from deploy.demo_summary import Summary
from deploy.tally import Tally
from edge.errors import ConfigError
from edge.mqtt.local_broker import LOOPBACK, free_port, is_free
from monitor import assets

PATIENCE_S = 60.0
PYTHON = sys.executable


@pytest.fixture
def programs(tmp_path: Path, room_bundle: Path) -> Programs:
    """A trainer that notes that it was asked, and a converter that gives out a small model at once."""
    if not assets.are_here():
        pytest.skip("the page's chart library is not in place: run python -m monitor.assets")
    note = f"open({str(tmp_path / 'trained')!r}, 'a').write('x')"
    copy = f"import shutil, sys; shutil.copy({str(room_bundle)!r}, sys.argv[-1])"
    return Programs(trainer=(PYTHON, "-c", note), convert=(PYTHON, "-c", copy))


class Told:
    """What a demo said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.pages: list[str] = []
        self.show = Show(self.lines.append, self.pages.append)


def left_over(folder: Path) -> list[str]:
    """Commands of processes that have to do with that folder."""
    listed = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(folder) in line]


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_short_demo_loses_nothing_and_leaves_nothing(tmp_path: Path, programs: Programs) -> None:
    told, folder, port = Told(), tmp_path / "demo", free_port()
    summary = run(Order(folder, port, seconds=3.0), told.show, programs)
    assert summary.taken >= 20
    assert (summary.received, summary.missing) == (summary.taken, 0)
    assert told.pages == [f"http://{LOOPBACK}:{port}/"]
    assert left_over(folder) == []
    assert is_free(port)


def test_a_second_demo_uses_the_model_of_the_first_and_a_fresh_one_trains(
    tmp_path: Path, programs: Programs
) -> None:
    told = Told()
    with Children(threading.Event()) as children:
        for fresh in (False, False, True):
            bundle = provide(
                tmp_path, children, programs.trainer, programs.convert, told.show.say, fresh=fresh
            )
    assert bundle.is_file()
    assert (tmp_path / "trained").read_text() == "xx"
    assert sum("using the model of the last demo" in line for line in told.lines) == 1


def test_a_model_of_another_picanary_is_not_used(tmp_path: Path, programs: Programs) -> None:
    with Children(threading.Event()) as children:
        for _ in range(2):
            provide(tmp_path, children, programs.trainer, programs.convert, lambda _: None)
            (tmp_path / "room.canary.made-by").write_text("picanary 0.0.1, code 0")
    assert (tmp_path / "trained").read_text() == "xx"


def test_a_taken_port_is_replaced_and_a_failing_part_told_while_the_others_end(
    tmp_path: Path, programs: Programs
) -> None:
    told = Told()
    broken = Programs(programs.trainer, programs.convert, edge=(PYTHON, "-c", "raise SystemExit('no room')"))
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ChildError, match="the agent ended with status 1: no room"):
            run(Order(tmp_path / "demo", port, seconds=60.0), told.show, broken)
    assert any(line.startswith(f"port {port} is in use: taking ") for line in told.lines)
    assert told.pages != [f"http://{LOOPBACK}:{port}/"]
    assert left_over(tmp_path) == []


DRIVER = """
import sys
from pathlib import Path
from deploy.children import Stopped
from deploy.demo import Order, Programs, Show, run
trainer = "import pathlib, subprocess, sys, time; " \\
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[-1]]); " \\
    "pathlib.Path(sys.argv[-1]).mkdir(); time.sleep(600)"
try:
    run(Order(Path(sys.argv[1]), int(sys.argv[2])), Show(print, print),
        Programs(trainer=(sys.executable, "-c", trainer)))
except Stopped:
    sys.exit(42)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_training_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    if not assets.are_here():
        pytest.skip("the page's chart library is not in place: run python -m monitor.assets")
    folder, port = tmp_path / "demo", free_port()
    demo = subprocess.Popen([PYTHON, "-c", DRIVER, str(folder), str(port)], stdout=subprocess.DEVNULL)
    try:
        until(lambda: (folder / "run").exists() or demo.poll() is not None)
        assert len(left_over(folder)) >= 4  # driver, broker, monitor, trainer, and what it started
        demo.send_signal(number)
        assert demo.wait(PATIENCE_S) == 42
    finally:
        demo.terminate()  # a demo that is killed cannot end its children
        demo.wait(PATIENCE_S)
    until(lambda: left_over(folder) == [])
    assert is_free(port)


def test_two_demos_in_one_folder_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="a demo is running in"):
            run(Order(tmp_path, free_port()), Told().show)


@pytest.mark.parametrize(
    ("summary", "failure"),
    [
        (Summary(700, 700, 0, Tally(4, 2, 9, 0)), None),
        (Summary(700, 0, 700, Tally(4, 4, 0, 0)), "no reading reached the monitor"),
        (Summary(700, 699, 1, Tally(4, 4, 0, 0)), "1 of 700 readings did not reach the monitor"),
        (Summary(700, 700, 0, Tally(0, 0, 0, 1)), "no fault was put in"),
        (Summary(700, 700, 0, Tally(5, 2, 0, 0)), "only 2 of 5 faults were found"),
    ],
)
def test_a_demo_has_worked_when_nothing_is_missing_and_half_is_found(
    summary: Summary, failure: str | None
) -> None:
    assert (summary.failure() or "").startswith(failure or "")
    assert (summary.failure() is None) == (failure is None)
    assert json.loads(summary.to_json())["failure"] == summary.failure()


def test_a_short_demo_puts_in_several_faults() -> None:
    assert Order(seconds=60.0).faults_every_s == 15.0
    assert Order().faults_every_s == Order(seconds=3600.0).faults_every_s == 60.0


@pytest.mark.parametrize("arguments", [["--for", "0"], ["--for", "nan"], ["--port", "70000"]])
def test_a_wrong_figure_is_refused_in_a_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", *arguments]) == 2
    assert capsys.readouterr().err.startswith("python -m deploy: --")
