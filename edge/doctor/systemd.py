"""The service: whether systemd knows it, starts it at boot and watches it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from edge.doctor.report import Finding, fail, ok, warn

SUBJECT = "systemd"
UNIT = "picanary-edge.service"
# systemd makes this folder when it has booted the machine, and nobody else does.
BOOTED = Path("/run/systemd/system")
DEADLINE_S = 10.0
_ASKED = ("LoadState", "UnitFileState", "ActiveState", "Result", "WatchdogUSec", "NRestarts")
_WORDS = f"see `journalctl -u {UNIT}`"


def systemd(booted: Path = BOOTED) -> Iterator[Finding]:
    """Findings about the agent's unit; none but a line where systemd does not run."""
    if not booted.is_dir() or shutil.which("systemctl") is None:
        yield ok(SUBJECT, "does not run this machine: skipped")
        return
    command = ["systemctl", "show", UNIT, *(f"--property={name}" for name in _ASKED)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        yield fail(SUBJECT, f"systemctl does not answer: {error}")
        return
    state = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if state.get("LoadState") != "loaded":
        yield warn(
            SUBJECT, f"there is no {UNIT}", "`python -m deploy push` installs it, from your own computer"
        )
        return
    yield from _service(state)


def _service(state: dict[str, str]) -> Iterator[Finding]:
    active, restarts = state.get("ActiveState", ""), state.get("NRestarts", "0")
    if active == "active":
        yield ok(SUBJECT, f"{UNIT} runs")
    elif active == "failed" or state.get("Result", "success") != "success":
        yield fail(SUBJECT, f"{UNIT} is {active}: {state.get('Result')}", _WORDS)
    else:
        yield warn(SUBJECT, f"{UNIT} is {active}", f"run `sudo systemctl start {UNIT}`")
    if restarts not in ("", "0"):
        yield warn(SUBJECT, f"{UNIT} was restarted {restarts} times", _WORDS)
    if state.get("UnitFileState") != "enabled":
        yield warn(SUBJECT, f"{UNIT} does not start when the Pi does", f"run `sudo systemctl enable {UNIT}`")
    if state.get("WatchdogUSec", "0") in ("", "0", "infinity"):
        yield warn(SUBJECT, f"{UNIT} has no watchdog", "push a newer release: its unit has WatchdogSec")
    else:
        yield ok(SUBJECT, f"a watchdog restarts it after {state['WatchdogUSec']} without a record")
