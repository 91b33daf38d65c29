"""Commands and files on another machine, over the system's own ssh: the user's keys, hosts and agent."""

import contextlib
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

from edge.errors import PicanaryError

CONNECT_S = 15
ANSWER_S = 60.0
SSH_FAILED = 255

# What ssh says on stderr, in lower case, and what its user can do about it.
_REFUSALS = (
    (
        "host identification has changed",
        "its host key is not the one it had before: if the machine was set up anew, "
        "remove the old key with `ssh-keygen -R`, else somebody is in between",
    ),
    (
        "host key verification failed",
        "its host key is not known here: connect once with ssh by hand and compare the fingerprint",
    ),
    ("permission denied", "it accepts none of our keys: install one with `ssh-copy-id`"),
    (
        "too many authentication failures",
        "it accepts none of our keys: name one with `--ssh-option='-i KEY'`",
    ),
    ("could not resolve hostname", "no such host name: check the spelling and the network"),
    ("connection refused", "nothing listens on its ssh port: is ssh enabled there?"),
    ("timed out", f"no answer within {CONNECT_S} s: is it switched on and on this network?"),
    ("no route to host", "no way leads there: is it switched on and on this network?"),
)
_DISK_FULL = ("no space left on device", "disk quota exceeded")


class HostError(PicanaryError):
    """A host cannot be reached, cannot run picanary, or failed at what it was told to do."""


class Host:
    """A connection to `target` (`user@host` or an alias of the user's ssh configuration).

    A context manager: one ssh process holds the connection while it is open, so that a
    password or a passphrase is asked for once; commands and files share that connection.
    `options` are ssh's own arguments and come before ours, so that they win. Without `asks`
    nobody is asked for anything: several hosts would ask at once.
    """

    def __init__(self, target: str, options: Sequence[str] = (), asks: bool = True) -> None:
        if not target or target.startswith("-"):
            raise HostError(f"{target!r} is no host: give user@host")
        self.target = target
        self._options = tuple(options)
        self._asks = asks and sys.stdin.isatty()  # without a terminal nobody can answer ssh's questions
        self._folder = tempfile.TemporaryDirectory(prefix="picanary-")
        self._socket = Path(self._folder.name, "ssh")
        self._master: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Host":
        """Connect. Raises HostError with the reason in a sentence."""
        try:
            self._connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the connection's process is gone when this returns."""
        if self._master is not None:
            if self._master.stdin is not None:
                self._master.stdin.close()
            self._master.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._master.wait(5)
            self._master.kill()
            self._master.wait()
        self._folder.cleanup()

    def run(
        self,
        doing: str,
        script: str,
        *arguments: str,
        root: bool = False,
        stdin: IO[bytes] | None = None,
        deadline_s: float = ANSWER_S,
    ) -> str:
        """Run a POSIX shell script there ($1, $2 ... are `arguments`) and return what it printed.

        `doing` says in an error what could not be done. `root` runs it through sudo.
        Raises HostError when it fails, or is not done within `deadline_s`.
        """
        try:
            done = subprocess.run(
                [*self._ssh("BatchMode=yes"), self.target, _command(script, arguments, root)],
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                capture_output=True,
                timeout=deadline_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise HostError(f"{self.target}: cannot {doing}: not done after {deadline_s:g} s") from error
        complaint = done.stderr.decode(errors="replace")
        if done.returncode == SSH_FAILED:
            raise HostError(f"{self.target}: cannot {doing}: {_refusal(complaint)}")
        if done.returncode != 0:
            raise HostError(f"{self.target}: cannot {doing}: {_reason(complaint, done.returncode)}")
        return done.stdout.decode(errors="replace")

    @contextmanager
    def hold(self, doing: str, script: str, *arguments: str, root: bool = False) -> Iterator[None]:
        """Run a script beside what follows: it says a line when it has begun, and ends with its input.

        Raises HostError when it does not begin.
        """
        with tempfile.TemporaryFile() as stderr, self._started(script, arguments, root, stderr) as running:
            begun = running.stdout.readline() if running.stdout else b""
            if not begun:
                status = running.wait()
                stderr.seek(0)
                complaint = stderr.read().decode(errors="replace")
                raise HostError(f"{self.target}: cannot {doing}: {_reason(complaint, status)}")
            yield

    @contextmanager
    def _started(
        self, script: str, arguments: Sequence[str], root: bool, stderr: IO[bytes]
    ) -> Iterator[subprocess.Popen[bytes]]:
        running = subprocess.Popen(
            [*self._ssh("BatchMode=yes"), self.target, _command(script, arguments, root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        with running:
            try:
                yield running
            finally:
                if running.stdin is not None:
                    running.stdin.close()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(5)
                running.kill()

    def _ssh(self, *settings: str) -> list[str]:
        ours = [f"ConnectTimeout={CONNECT_S}", "ServerAliveInterval=15", *settings]
        options = [word for setting in ours for word in ("-o", setting)]
        return ["ssh", *self._options, "-S", str(self._socket), *options]

    def _connect(self) -> None:
        ours = ["ControlMaster=yes", "ControlPersist=no"] + ["BatchMode=yes"] * (not self._asks)
        log = Path(self._folder.name, "log")
        with log.open("wb") as stderr:
            try:
                self._master = subprocess.Popen(
                    # ends with its input: even when we are killed no connection stays open
                    [*self._ssh(*ours), self.target, "cat >/dev/null"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                )
            except FileNotFoundError as error:
                raise HostError("there is no ssh on this machine: install OpenSSH's client") from error
        while not self._socket.exists():
            if self._master.poll() is not None:
                complaint = log.read_text(errors="replace")
                raise HostError(f"{self.target}: cannot connect: {_refusal(complaint)}")
            time.sleep(0.02)


def _command(script: str, arguments: Sequence[str], root: bool) -> str:
    words = ["sh", "-c", f"umask 022\n{script}", "push", *arguments]
    return shlex.join(["sudo", "-n", *words] if root else words)


def _refusal(complaint: str) -> str:
    """What ssh itself complained of, as a sentence."""
    lower = complaint.lower()
    known = (sentence for sign, sentence in _REFUSALS if sign in lower)
    return next(known, None) or _reason(complaint, SSH_FAILED)


def _reason(complaint: str, status: int) -> str:
    """Why a command failed there, from what it wrote on stderr."""
    if any(sign in complaint.lower() for sign in _DISK_FULL):
        return "its disk is full: free some space and push again"
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR: ")]  # pip's, which may warn after it
    return (errors or lines or [f"status {status}"])[-1].removeprefix("ERROR: ")
