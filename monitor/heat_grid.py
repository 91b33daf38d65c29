"""One level of the heat map: a row a device, a column a stretch of time, used round and round."""

from collections.abc import Iterable, Sequence

import numpy as np

from monitor.history import worst
from monitor.history.pyramid import WIDTHS_MS
from monitor.history.worst import Bytes, Worst, score_steps
from monitor.store import Store

Span = tuple[int, int]  # numbers of stretches, both ends included


class Grid:
    """The stretches from `first` to `last` of one level."""

    def __init__(self, level: int, span: Span) -> None:
        self.level = level
        self.first, self.last = span
        self._columns = self.last - self.first + 1
        self._rows: dict[str, int] = {}
        self._severity = np.zeros((64, self._columns), np.uint8)
        self._score = np.zeros((64, self._columns), np.uint8)

    @classmethod
    def read(cls, store: Store, level: int, span: Span) -> "Grid":
        """All that the store has of it."""
        made = cls(level, span)
        with store.reading() as run:
            for part in worst.read(run, level, span):
                made._put(part)
        return made

    def read_again(self, store: Store, device: str) -> None:
        """One row."""
        row = self._row(device)
        self._severity[row] = self._score[row] = 0
        with store.reading() as run:
            for part in worst.read(run, self.level, (self.first, self.last), device):
                self._put(part)

    def advance(self, newest: int) -> None:
        """The stretches before make way for those up to `newest`."""
        if newest <= self.last:
            return
        for stretch in range(max(self.last + 1, newest - self._columns + 1), newest + 1):
            self._severity[:, stretch % self._columns] = 0
            self._score[:, stretch % self._columns] = 0
        self.first, self.last = newest - self._columns + 1, newest

    def enter(self, records: Sequence[tuple[str, int, int, float]]) -> None:
        """Records of any devices: device, time, severity, score (NaN for none)."""
        if not records:
            return
        rows = np.array([self._row(device) for device, *_ in records], np.intp)
        stretch = np.array([ts_ms for _, ts_ms, _, _ in records], np.int64) // WIDTHS_MS[self.level]
        severity = np.array([each for _, _, each, _ in records], np.uint8)
        score = score_steps(np.array([each for *_, each in records], np.float64))
        within = (stretch >= self.first) & (stretch <= self.last)
        at = rows[within], stretch[within] % self._columns
        np.maximum.at(self._severity, at, severity[within])
        np.maximum.at(self._score, at, score[within])

    def worst(self, devices: Iterable[str], span: Span, times: int) -> tuple[Bytes, Bytes]:
        """(devices, columns) of severities and of scores, `times` stretches a column; zeros where unknown."""
        stretches = np.arange(span[0], span[1] + 1)
        known = (stretches >= self.first) & (stretches <= self.last)
        rows = np.array([self._rows.get(device, -1) for device in devices], np.intp)
        found = []
        for table in (self._severity, self._score):
            cells = table[:, stretches % self._columns][rows] * (known & (rows >= 0)[:, None])
            found.append(
                cells.reshape(len(rows), len(stretches) // times, times).max(2, initial=0).astype(np.uint8)
            )
        return found[0], found[1]

    def _put(self, part: Worst) -> None:
        row, columns = self._row(part.device), part.stretch % self._columns
        np.maximum.at(self._severity[row], columns, part.severity)
        np.maximum.at(self._score[row], columns, part.score)

    def _row(self, device: str) -> int:
        row = self._rows.setdefault(device, len(self._rows))
        if row == len(self._severity):
            more = np.zeros((len(self._severity), self._columns), np.uint8)
            self._severity, self._score = (
                np.concatenate([self._severity, more]),
                np.concatenate([self._score, more]),
            )
        return row
