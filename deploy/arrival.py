"""`python -m deploy.arrival`: has a record of the running service reached its journal?

Runs on the Pi, for deploy/installer/install.sh: that systemd calls a service active says little.
`--mark` says what is newest while nobody writes; `--after` waits for a newer one.
"""

import argparse
import contextlib
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from edge.command import run_command
from edge.config import Config, read_config
from edge.doctor.disk import in_use
from edge.errors import PicanaryError
from edge.journal.layout import connect_to_read

POLL_S = 0.5
# systemd starts an agent that ends anew, every five seconds: who ended so often will not come round.
MOST_RESTARTS = 3


class NoRecord(PicanaryError):
    """The service brought no record in its time."""


def newest(journal: Path) -> int:
    """The number of the newest record there, 0 without any. Nothing is made and nothing locked."""
    if not journal.exists():
        return 0
    try:
        with contextlib.closing(connect_to_read(journal)) as database:
            (held,) = database.execute("select coalesce(max(seq), 0) from records").fetchone()
            told = database.execute("select value from facts where name = 'last'").fetchone()
    except (sqlite3.Error, OSError):
        return 0  # the agent is just making it, or begins a new one in place of a damaged one
    return max(int(held), int(told[0]) if told else 0)


def wait(journal: Path, before: int, unit: str, within_s: float, since_s: float = 0.0) -> int:
    """The first record that is not `before`, of an agent that runs.

    Raises NoRecord, with its last words since a time of the wall clock.
    """
    deadline = time.monotonic() + within_s
    while True:
        now = newest(journal)
        if now not in (0, before) and in_use(journal):
            return now
        restarts = _restarts(unit)
        if restarts >= MOST_RESTARTS:
            raise NoRecord(f"it ended {restarts} times before a record came{_words(unit, since_s)}")
        if time.monotonic() > deadline:
            raise NoRecord(f"no record reached its journal within {within_s:g} s{_words(unit, since_s)}")
        time.sleep(POLL_S)


def _restarts(unit: str) -> int:
    told = _asked("systemctl", "show", "--property=NRestarts", "--value", unit).strip()
    return int(told) if told.isdigit() else 0


def _words(unit: str, since_s: float) -> str:
    """The agent's own last line; what systemd says of it would only be that it ended."""
    shown = ("--lines", "1", "--output", "cat", f"--since=@{since_s:.3f}")
    lines = _asked("journalctl", "--quiet", "--unit", unit, "_TRANSPORT=stdout", *shown).strip().splitlines()
    return f"; its last words: {lines[-1].strip()}" if lines else "; it said nothing"


def _asked(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def main(arguments: list[str] | None = None) -> int:
    """Mark or wait. Exit status 2 with a sentence when no record came."""
    parser = argparse.ArgumentParser(prog="python -m deploy.arrival", description=__doc__)
    add = parser.add_argument
    add("--config", type=Path, required=True, metavar="FILE", help="the agent's edge.toml")
    add("--mark", action="store_true", help="print what is newest now")
    add("--after", type=Path, metavar="FILE", help="what --mark printed")
    add("--unit", default="picanary-edge.service", help="whose last words are told")
    add("--within", type=float, default=90.0, metavar="S", help="seconds to wait, and the commit interval")
    return run_command("deploy.arrival", parser, _main, arguments)


def _main(options: argparse.Namespace) -> int:
    config = read_config(options.config)
    if options.mark:
        print(newest(config.journal.path))
        return 0
    before = int(options.after.read_text())
    since_s = options.after.stat().st_mtime
    found = wait(config.journal.path, before, options.unit, options.within + _pause_s(config), since_s)
    print(f"record {found} has reached its journal")
    return 0


def _pause_s(config: Config) -> float:
    """So long a record may wait for the disk, or for its turn."""
    return config.journal.commit_s + config.agent.period_s


if __name__ == "__main__":
    sys.exit(main())
