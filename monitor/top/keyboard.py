"""Single keys from a terminal, which is as it was when this ends."""

import os
import select
import sys
import termios
import tty
from contextlib import suppress
from types import TracebackType

_NAMES = {
    **{b"\x1b[A": "up", b"\x1b[B": "down", b"\x1bOA": "up", b"\x1bOB": "down", b"k": "up", b"j": "down"},
    **{b"\x1b[5~": "page up", b"\x1b[6~": "page down", b" ": "page down"},
    **{b"\x1b[H": "home", b"\x1b[F": "end", b"\x1bOH": "home", b"\x1bOF": "end", b"g": "home", b"G": "end"},
    **{b"q": "quit", b"Q": "quit", b"\x04": "quit", b"": "quit"},
}


class Keyboard:
    """A context: within it no key needs Enter, and none is shown."""

    def __enter__(self) -> "Keyboard":
        self._file = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._file)
        tty.setcbreak(self._file)
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        termios.tcsetattr(self._file, termios.TCSADRAIN, self._before)
        reading, writing, self._writing = self._reading, self._writing, -1
        os.close(writing)
        os.close(reading)

    def wake(self) -> None:
        """End a wait, from any thread or a signal's handler."""
        with suppress(OSError):  # it will wake anyway, or has ended
            os.write(self._writing, b".")

    def wait(self, seconds: float) -> str | None:
        """The name of a key that was pressed; None when it was none of ours, or the time is over."""
        ready, _, _ = select.select([self._file, self._reading], [], [], seconds)
        if self._reading in ready:
            os.read(self._reading, 4096)
        return _NAMES.get(os.read(self._file, 32)) if self._file in ready else None
