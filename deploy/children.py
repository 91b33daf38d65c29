"""Programs that a command starts and that never outlive it, however it ends."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

from edge.errors import PicanaryError

GRACE_S = 10.0
TICK_S = 0.1


class ChildError(PicanaryError):
    """A program that we need ended by itself, or could not be started."""


class Stopped(Exception):  # not an error: the user wants it
    """We were asked to stop."""


@dataclass(frozen=True, slots=True)
class Child:
    """A program that runs, and where it writes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path | None

    def last_words(self) -> str:
        """The last line that it wrote, as far as a log was kept."""
        if self.log is None:
            return "see above"
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} (more in {self.log})"


class Children:
    """A context manager: at its end all programs are gone, in the reverse order of their start.

    Each is in a session of its own, so that a Ctrl-C reaches us alone, and we end them in
    order: SIGTERM, and SIGKILL to whatever is left of its process group after GRACE_S.
    `stop` is set by the signals of `stop_on_signals`; waiting then raises Stopped.
    """

    def __init__(self, stop: threading.Event, grace_s: float = GRACE_S) -> None:
        self._stop = stop
        self._grace_s = grace_s
        self._running: list[Child] = []

    def __enter__(self) -> "Children":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._running:
            self.end(self._running[-1])

    def start(self, name: str, command: Sequence[str], log: Path | None = None) -> Child:
        """Start a program; its output goes to `log`, or to our stderr. Raises ChildError."""
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(log.open("wb")) if log else 2
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
            except OSError as error:
                raise ChildError(f"cannot start the {name} ({command[0]}): {error.strerror}") from error
        child = Child(name, process, log)
        self._running.append(child)
        return child

    def finish(self, name: str, command: Sequence[str], log: Path | None = None) -> None:
        """Start a program and wait for its end. Raises ChildError when it fails, or Stopped."""
        child = self.start(name, command, log)
        while child.process.poll() is None:
            self._pause()
        self.end(child)
        if child.process.returncode != 0:
            raise ChildError(f"the {name} failed: {child.last_words()}")

    def wait(self, what: str, done: Callable[[], bool], deadline_s: float) -> None:
        """Wait until `done`. Raises ChildError when a program ends or time is up, or Stopped."""
        deadline = time.monotonic() + deadline_s
        while not done():
            self.check()
            if time.monotonic() > deadline:
                raise ChildError(f"{what}: not within {deadline_s:g} s")
            self._pause()

    def check(self) -> None:
        """Raises ChildError when a program has ended by itself."""
        for child in self._running:
            if child.process.poll() is not None:
                status = child.process.returncode
                raise ChildError(f"the {child.name} ended with status {status}: {child.last_words()}")

    def end(self, child: Child) -> int:
        """End one program and all that it started; its exit status."""
        with contextlib.suppress(ProcessLookupError):
            child.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(self._grace_s)
        # nobody waits for what the program left behind: this ends it as well
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        self._running.remove(child)
        return child.process.wait()

    def _pause(self) -> None:
        if self._stop.wait(TICK_S):
            raise Stopped


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal set `stop` instead of ending us half-way."""

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, ask) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
