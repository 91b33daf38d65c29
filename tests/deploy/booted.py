"""A machine with a real systemd, booted out of this one's files in a second: namespaces and an overlay.

Its network is a loopback of its own, its disk is memory, its processes end with it. Root is needed for that.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import site
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PATIENCE_S = 120.0
CLONE_NEWNET = 0x40000000
TARGET = """\
[Unit]
Description=what a test wants
Requires=basic.target
Wants=dbus.service avahi-daemon.service multi-user.target
After=basic.target
AllowIsolate=yes
"""
# Of what Debian starts by itself; none of it is asked here.
_MASKED = (
    *("systemd-udevd.service", "systemd-udev-trigger.service", "systemd-logind.service", "getty.target"),
    *("systemd-networkd-wait-online.service", "systemd-random-seed.service", "systemd-update-utmp.service"),
)


def until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Booted:
    """It runs; `first` is its systemd, as this machine numbers it."""

    first: int

    def run(self, *words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command there, as root."""
        command = ["nsenter", "--target", str(self.first), "--all", "--root", "--wdns=/", *map(str, words)]
        bare = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, env=bare, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0 or not check, f"{words}: {done.stdout}{done.stderr}{self.journal()}"
        return done

    def said(self, *words: object) -> str:
        """What a command there prints."""
        return self.run(*words, check=False).stdout.strip()

    def journal(self, unit: str = "*") -> str:
        """The newest lines of its log."""
        command = ["nsenter", "--target", str(self.first), "--all", "--root", "--wdns=/"]
        command += ["journalctl", "--no-pager", "--lines=80", "--unit", unit]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def is_active(self, unit: str) -> bool:
        return self.said("systemctl", "is-active", unit) == "active"

    def path(self, path: str) -> Path:
        """A file there, as this machine sees it."""
        return Path(f"/proc/{self.first}/root{path}")

    @contextmanager
    def network(self) -> Iterator[None]:
        """This thread is in its network."""
        libc = ctypes.CDLL(None, use_errno=True)
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self.first}/ns/net", os.O_RDONLY)
        try:
            assert libc.setns(there, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            yield
        finally:
            assert libc.setns(before, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            os.close(there)
            os.close(before)


@contextmanager
def booted(folder: Path, name: str, overlay: Path) -> Iterator[Booted]:
    """A machine of that name, with `overlay` laid over its root. Skips where that is not possible."""
    group = _require()
    units = overlay / "etc/systemd/system"
    units.mkdir(parents=True, exist_ok=True)
    (units / "test.target").write_text(TARGET)
    for each in _MASKED:
        (units / each).symlink_to("/dev/null")
    disk = folder / "disk"
    disk.mkdir()
    group.mkdir()
    script = (
        'echo $$ >"$1/cgroup.procs" && shift && exec unshare --mount --uts --ipc --net --pid --cgroup --fork'
    )
    script += ' --kill-child --propagation private --mount-proc sh "$@"'
    boot = Path(__file__).with_suffix(".sh")
    log = folder / "console.log"
    with log.open("wb") as console:
        words = [group, boot, disk, name, overlay, site.getsitepackages()[0]]
        command = ["sh", "-c", script, "sh", *map(str, words)]
        process = subprocess.Popen(command, stdout=console, stderr=console, stdin=subprocess.DEVNULL)
    try:
        machine = Booted(_first(process, log))
        until(lambda: machine.said("systemctl", "is-active", "basic.target") == "active", log.read_text())
        yield machine
    finally:
        with contextlib.suppress(ProcessLookupError, AssertionError):
            os.kill(_child(process.pid), signal.SIGKILL)  # of a PID namespace: all others go with it
        process.kill()
        process.wait()
        until(lambda: _removed(group), f"{group} empties")


def _require() -> Path:
    """A cgroup that is ours. Skips without root, or where a container forbids what is needed."""
    if os.geteuid() != 0:
        pytest.skip("a machine of its own needs root")
    for tool in ("unshare", "nsenter", "/lib/systemd/systemd", "mosquitto", "avahi-daemon", "dbus-daemon"):
        if shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            pytest.skip(f"{tool} is not here: sh tests/install-tools.sh")
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    groups = [Path(words[1]) for words in mounts if words[2] == "cgroup2" and os.access(words[1], os.W_OK)]
    try:
        probe = ["unshare", "--mount", "--net", "--pid", "--cgroup", "--fork", "--mount-proc", "true"]
        subprocess.run(probe, check=True, capture_output=True)
        return groups[0] / f"picanary-test-{os.getpid()}"
    except (subprocess.CalledProcessError, IndexError):
        pytest.skip("namespaces and cgroups of one's own are not allowed here")


def _first(process: "subprocess.Popen[bytes]", log: Path) -> int:
    """systemd's number, once it has taken the script's place."""

    def is_up() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(AssertionError, OSError):
            return Path(f"/proc/{_child(process.pid)}/comm").read_text().strip() == "systemd"
        return False

    until(is_up, "systemd starts")
    return _child(process.pid)


def _child(number: int) -> int:
    children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    assert children, "it has none"
    return int(children[0])


def _removed(group: Path) -> bool:
    for each in sorted(group.rglob("*/"), reverse=True):
        with contextlib.suppress(OSError):
            each.rmdir()
    with contextlib.suppress(OSError):
        group.rmdir()
    return not group.exists()
