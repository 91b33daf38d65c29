"""What a person sees of several hosts: a live line for each on a terminal, a line for each step elsewhere."""

import shutil
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TextIO

TICK_S = 1.0


class Progress:
    """A context manager: while it is open, a terminal's lines are drawn anew every second."""

    def __init__(self, hosts: Sequence[str], out: TextIO, live: bool | None = None) -> None:
        """`live` None: where `out` is a terminal and there are several hosts."""
        self._out = out
        self._live = out.isatty() and len(hosts) > 1 if live is None else live
        self._lines = {host: ("waits", 0.0) for host in hosts}
        self._finished: set[str] = set()
        self._drawn = False
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._drawer = threading.Thread(target=self._draw_on, daemon=True)

    def __enter__(self) -> "Progress":
        if self._live:
            self._drawer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        if self._live:
            self._drawer.join()
            self._draw()

    def step(self, host: str, line: str) -> None:
        """What is done there now."""
        with self._lock:
            self._lines[host] = (line.strip(), time.monotonic())
            if not self._live:
                print(f"{host}: {line}", file=self._out, flush=True)

    def done(self, host: str, word: str) -> None:
        """Nothing more will be done there."""
        self.step(host, word)
        with self._lock:
            self._finished.add(host)

    def _draw_on(self) -> None:
        while not self._end.wait(TICK_S):
            self._draw()

    def _draw(self) -> None:
        with self._lock:
            columns = shutil.get_terminal_size().columns
            wide = max(map(len, self._lines))
            if self._drawn:
                self._out.write(f"\033[{len(self._lines)}A")
            for host, (line, since) in self._lines.items():
                counts = since and host not in self._finished
                spent = f"{time.monotonic() - since:4.0f} s" if counts else "      "
                self._out.write(f"\r\033[K{f'{host:<{wide}} {spent}  {line}'[: columns - 1]}\n")
            self._out.flush()
            self._drawn = True
