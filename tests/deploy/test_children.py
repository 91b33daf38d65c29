"""No program that we start outlives us: with real programs and real signals."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.children import ChildError, Children, Stopped

PATIENCE_S = 20.0
PYTHON = sys.executable
STUBBORN = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(grandchild.pid))
time.sleep(600)
"""


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether there is such a process, other than one whose parent has not yet asked how it ended."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_programs_end_with_the_block_the_last_first(tmp_path: Path) -> None:
    code = (
        "import pathlib, signal, sys\n"
        "pathlib.Path(sys.argv[1] + '.up').touch()\n"
        "signal.sigwait([signal.SIGTERM])\n"
        "with open('order', 'a') as order: print(pathlib.Path(sys.argv[1]).name, file=order)"
    ).replace("'order'", repr(str(tmp_path / "order")))
    blocked = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n" + code
    with Children(threading.Event()) as children:
        for name in ("one", "two"):
            children.start(name, [PYTHON, "-c", blocked, str(tmp_path / name)])
        until(lambda: (tmp_path / "one.up").exists() and (tmp_path / "two.up").exists())
    assert (tmp_path / "order").read_text().split() == ["two", "one"]


def test_a_program_that_ignores_us_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with Children(threading.Event(), grace_s=0.2) as children:
        child = children.start("stubborn one", [PYTHON, "-c", STUBBORN, str(note)])
        until(lambda: note.exists() and note.read_text() != "")
        grandchild = int(note.read_text())
        assert is_running(grandchild)
    assert child.process.returncode == -signal.SIGKILL
    until(lambda: not is_running(grandchild))


def test_a_program_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Children(threading.Event()) as children:
        children.start("broker", [PYTHON, "-c", "print('no port'); raise SystemExit(3)"], log)
        with pytest.raises(ChildError, match="the broker ended with status 3: no port"):
            children.wait("the broker's start", lambda: False, PATIENCE_S)


def test_waiting_has_a_deadline() -> None:
    with (
        Children(threading.Event()) as children,
        pytest.raises(ChildError, match=r"the page: not within 0.3 s"),
    ):
        children.wait("the page", lambda: False, 0.3)


def test_a_program_that_is_not_there_is_told_in_a_sentence() -> None:
    with Children(threading.Event()) as children, pytest.raises(ChildError, match=r"cannot start the broker"):
        children.start("broker", ["/nowhere/broker"])


def test_a_program_that_fails_its_work_is_told(tmp_path: Path) -> None:
    with Children(threading.Event()) as children:
        children.finish("trainer", [PYTHON, "-c", "pass"])
        with pytest.raises(ChildError, match="the trainer failed: out of ideas"):
            code = "import sys; sys.exit('out of ideas')"
            children.finish("trainer", [PYTHON, "-c", code], tmp_path / "log")


def test_a_stop_ends_the_waiting(tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with Children(stop) as children, pytest.raises(Stopped):
        children.finish("trainer", [PYTHON, "-c", "import time; time.sleep(600)"], tmp_path / "log")


HOLDER = """
import sys, threading
from deploy.children import Children, Stopped, stop_on_signals
stop = threading.Event()
with stop_on_signals(stop), Children(stop) as children:
    child = children.start("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.process.pid, flush=True)
    try:
        children.wait("the end", lambda: False, 600)
    except Stopped:
        print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_programs_too(number: signal.Signals) -> None:
    with subprocess.Popen([PYTHON, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        child = int(holder.stdout.readline())
        holder.send_signal(number)
        assert holder.stdout.read() == "stopped\n"
        assert holder.wait(PATIENCE_S) == 0
    assert not is_running(child)
