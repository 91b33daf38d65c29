"""Stands in for systemctl and journalctl on a test's host: it really starts, watches and ends the agent.

Run as `systemctl` and `journalctl` of that host's PATH, by its first word. PICANARY_ROOT is the host's root
folder; the unit there says what is run. Like systemd it hands credentials over, waits for READY=1, and
starts anew what ends. Unlike systemd it shuts nothing in: no sandbox, no user of its own, no watchdog.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

RESTART_S = 0.2
ROOT = Path(os.environ.get("PICANARY_ROOT", "/nowhere"))
HERE = ROOT / "run/supervisor"
UNIT = "picanary-edge.service"
CREDENTIALS = f"/run/credentials/{UNIT}"


def systemctl(words: list[str]) -> int:
    HERE.mkdir(parents=True, exist_ok=True)
    with (HERE / "commands").open("a") as log:
        log.write(" ".join(words) + "\n")
    verb = next(word for word in words if not word.startswith("-"))
    if verb in ("stop", "restart", "start"):
        _stop()
    if verb in ("restart", "start"):
        _start()
    if verb == "is-active":
        print(_state())
        return 0 if _state() == "active" else 3
    if verb == "show":
        print((HERE / "restarts").read_text() if (HERE / "restarts").exists() else 0)
    return 0


def journalctl(words: list[str]) -> int:
    lines = (HERE / "log").read_text(errors="replace").splitlines() if (HERE / "log").exists() else []
    print("\n".join(lines[-int(words[words.index("--lines") + 1]) :]))
    return 0


def _supervisor() -> int | None:
    """Its process, if it lives."""
    try:
        number = int((HERE / "pid").read_text())
        told = Path(f"/proc/{number}/stat").read_text()
        return None if told.rpartition(")")[2].split()[0] == "Z" else number
    except (OSError, ValueError):
        return None


def _state() -> str:
    return (HERE / "state").read_text() if _supervisor() is not None else "inactive"


def _stop() -> None:
    number = _supervisor()
    if number is not None:
        os.kill(number, signal.SIGTERM)
        while _supervisor() is not None:
            time.sleep(0.02)


def _start() -> None:
    (HERE / "state").write_text("activating")
    (HERE / "restarts").write_text("0")
    (HERE / "log").touch()
    with (HERE / "log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-IS", __file__, "supervise"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (HERE / "pid").write_text(str(started.pid))


def supervise() -> int:
    """Run the unit until SIGTERM."""
    ended = False
    agent: subprocess.Popen[bytes] | None = None

    def end(*_: object) -> None:
        nonlocal ended
        ended = True
        if agent is not None:
            with contextlib.suppress(ProcessLookupError):
                agent.terminate()

    signal.signal(signal.SIGTERM, end)
    restarts = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(f"\0picanary-test-{os.getpid()}")
        notified.settimeout(0.05)
        while not ended:
            agent = _agent()
            while agent.poll() is None:
                with contextlib.suppress(TimeoutError):
                    if b"READY=1" in notified.recv(4096) and not ended:
                        (HERE / "state").write_text("active")
            restarts += 1
            (HERE / "state").write_text("activating")
            (HERE / "restarts").write_text(str(restarts))
            if not ended:
                time.sleep(RESTART_S)
    return 0


def _agent() -> subprocess.Popen[bytes]:
    unit = (ROOT / "etc/systemd/system" / UNIT).read_text()
    (line,) = re.findall(r"(?m)^ExecStart=(.*)$", unit)
    command = [_here(word) for word in line.split()]
    config = ROOT / "etc/picanary/edge.toml"
    text = Path(_here(str(config.readlink()))).read_text() if config.is_symlink() else config.read_text()
    (HERE / "edge.toml").write_text(
        text.replace(CREDENTIALS, _credentials()).replace("/opt/", f"{ROOT}/opt/")
    )
    state = ROOT / "var/lib/picanary"
    state.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "STATE_DIRECTORY": str(state),
        "CREDENTIALS_DIRECTORY": _credentials(),
        "NOTIFY_SOCKET": f"@picanary-test-{os.getpid()}",
    }
    command = [str(HERE / "edge.toml") if word == str(config) else word for word in command]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, cwd="/")


def _credentials() -> str:
    """What LoadCredential= of the drop-ins names, copied for the agent; all must be there, as for systemd."""
    folder = HERE / "credentials"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for drop_in in (ROOT / "etc/systemd/system" / f"{UNIT}.d").glob("*.conf"):
        for name, source in re.findall(r"(?m)^LoadCredential=([^:]+):(.*)$", drop_in.read_text()):
            shutil.copy(_here(source), folder / name)
            (folder / name).chmod(0o400)
    return str(folder)


def _here(path: str) -> str:
    return f"{ROOT}{path}" if path.startswith(("/opt/", "/etc/")) else path


if __name__ == "__main__":
    if sys.argv[1] == "supervise":
        sys.exit(supervise())
    sys.exit({"systemctl": systemctl, "journalctl": journalctl}[sys.argv[1]](sys.argv[2:]))
