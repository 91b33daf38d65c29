"""The heat map's cells: the worst of each stretch of time of every device, kept in memory while pages ask.

A grid a level of the history's pyramid, read once, then moved by each record that is committed: the
worst of a stretch only grows. Devices whose records were dated anew or have gone are read again.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.heat_grid import Grid
from monitor.history.pyramid import WIDTHS_MS
from monitor.history.worst import SEVERITY_OF, Bytes
from monitor.message import Judged
from monitor.store import Store

KEPT_STRETCHES = 1536  # of each level: a day of minutes, 16 days of quarters, 8 months of 4 hours
UNUSED_S = 600.0  # after which the grids are not kept up to date any more
FOLD_AT = 20_000  # records
WAITING_MOST = 200_000
AGAIN_MOST = 50  # devices that are read again one by one; of more all are

Waiting = list[tuple[str, int, int, float]]  # device, time, severity, score


@dataclass(frozen=True, slots=True)
class Cells:
    """(devices, columns) each; column i begins at from_ms + i * step_ms."""

    from_ms: int
    step_ms: int
    severity: Bytes  # places in SEVERITY
    score: Bytes  # see score_steps


class Heat:
    """`note` belongs to the ingest thread, `cells` to any."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reading = threading.Lock()  # guards the grids
        self._noting = threading.Lock()  # guards what follows; nobody waits for the disk under it
        self._waiting: Waiting = []
        self._again: set[str] = set()
        self._all_again = False
        self._asked_at: float | None = None
        self._grids: dict[int, Grid] = {}

    def note(self, records: dict[str, list[Judged]], again: Iterable[str]) -> None:
        """What a commit brought; of devices `again` earlier records have moved or gone."""
        with self._noting:
            if self._asked_at is None:
                return
            if time.monotonic() - self._asked_at > UNUSED_S or len(self._waiting) > WAITING_MOST:
                self._asked_at, self._all_again = None, True
                self._waiting.clear()
                return
            self._again.update(again)
            self._waiting += [
                (device, one.record.ts_ms, SEVERITY_OF[one.record.state], _number(one.record.score))
                for device, many in records.items()
                for one in many
            ]
        if len(self._waiting) > FOLD_AT and self._reading.acquire(blocking=False):
            try:
                self._fold()
            finally:
                self._reading.release()

    def cells(self, devices: Sequence[str], from_ms: int, to_ms: int, columns: int) -> Cells:
        """Of these devices, in their order, in at most `columns` + 1 stretches of equal length."""
        now_ms = int(time.time() * 1000)
        wanted_ms = max(1, -(-(to_ms - from_ms) // columns))
        level = max((k for k, width_ms in enumerate(WIDTHS_MS) if width_ms <= wanted_ms), default=0)
        times = -(-wanted_ms // WIDTHS_MS[level])
        step_ms = times * WIDTHS_MS[level]
        first, last = from_ms // step_ms, to_ms // step_ms
        span = first * times, (last + 1) * times - 1
        with self._reading:
            severity, score = self._grid(level, span, now_ms).worst(devices, span, times)
        return Cells(first * step_ms, step_ms, severity, score)

    def _grid(self, level: int, span: tuple[int, int], now_ms: int) -> Grid:
        newest = now_ms // WIDTHS_MS[level]
        if span[0] <= newest - KEPT_STRETCHES:
            return Grid.read(self._store, level, span)  # of long ago: seldom asked for, and not kept
        with self._noting:
            self._asked_at = time.monotonic()  # from now on every record is noted, so none is missed
            if self._all_again:
                self._grids.clear()
                self._waiting.clear()
                self._again.clear()
                self._all_again = False
        self._fold()
        if level not in self._grids:
            self._grids[level] = Grid.read(self._store, level, (newest - KEPT_STRETCHES + 1, newest))
        self._grids[level].advance(newest)
        return self._grids[level]

    def _fold(self) -> None:
        """What was noted, into the grids."""
        with self._noting:
            waiting, self._waiting = self._waiting, []
            again, self._again = self._again, set()
        if len(again) > AGAIN_MOST:
            self._grids.clear()
        for grid in self._grids.values():
            grid.advance(int(time.time() * 1000) // WIDTHS_MS[grid.level])
            grid.enter(waiting)
            for device in again:
                grid.read_again(self._store, device)


def _number(score: float | None) -> float:
    return np.nan if score is None else score
