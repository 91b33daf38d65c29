"""On a terminal there is a table that lives; Ctrl-C ends it in order."""

import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from tests.brokers import mosquitto
from tests.deploy.broker.provisioned import until
from tests.deploy.rollout.conducting import DEADLINE_S, ROOT
from tests.deploy.rollout.crowd import House, crowd
from tests.deploy.rollout.small import QUICK


def reader(terminal: int) -> tuple[threading.Thread, Callable[[], str]]:
    """Reads what is drawn, and gives it."""
    drawn = bytearray()

    def read() -> None:
        while True:
            try:
                drawn.extend(os.read(terminal, 65536))
            except OSError:  # Linux's way to say that the other end is closed
                return

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread, lambda: drawn.decode(errors="replace")


def test_a_terminal_shows_the_waves_and_what_happens(house: House) -> None:
    file = house.file(house.models.good)
    with mosquitto() as broker, crowd(house, broker, 6):
        ours, theirs = pty.openpty()
        words = [sys.executable, "-m", "deploy", "rollout", str(file), "--broker", f"127.0.0.1:{broker.port}"]
        process = subprocess.Popen(
            [*words, *map(str, QUICK), "--watch", "100s"],
            cwd=ROOT,
            stdout=theirs,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
        )
        os.close(theirs)
        thread, drawn = reader(ours)
        words_drawn = ("canaries", ": going on", ", wave 1 of 2", "alarms: 0 in")
        until(lambda: all(each in drawn() for each in words_drawn), "the table")
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 130
        thread.join(10.0)
        os.close(ours)
    assert "Traceback" not in drawn()
