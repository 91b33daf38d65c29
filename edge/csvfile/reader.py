"""CSV to Recording: finds time, channels, label, period and gaps by itself, and says what it found."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.csvfile.found import columns_found, rows_found
from edge.csvfile.order import first_disorder, follow_clock_changes, sort_rows
from edge.csvfile.roles import ChannelColumn, Roles, assign
from edge.csvfile.table import Table, load_table
from edge.csvfile.times import to_ms
from edge.errors import RecordingError
from edge.reading import in_order
from edge.recording import Labels, Recording, Times, Values, find_gaps, sampling_period

_TRUE, _FALSE = {"1", "true", "yes"}, {"", "0", "false", "no"}


def read_csv(path: Path, *, repair: bool = False) -> Recording:
    """The series in a CSV file, as it is.

    An empty cell is a missing value. Text, NaN, duplicate or backward times and ragged lines
    raise RecordingError, which names file, line, column and value; with `repair` they become
    missing values, the first of the duplicates, sorted rows and no rows, and `found` counts them.
    """
    table = load_table(path, repair=repair)
    return _Reader(table, assign(table), repair).recording()


@dataclass(slots=True)
class _Reader:
    """One reading of one file; `mended` gathers what `repair` did, for `found`."""

    table: Table
    roles: Roles
    repair: bool
    mended: list[str] = field(default_factory=list)

    def recording(self) -> Recording:
        names = in_order({c.channel.name for c in self.roles.channels})
        order = {each.name: at for at, each in enumerate(names)}
        columns = sorted(self.roles.channels, key=lambda each: order[each.channel.name])
        all_ms, bad_times, values, labels = self._cells(columns)
        rows = self._rows(all_ms, bad_times)
        if len(rows) < 2:
            raise RecordingError(f"{self.table.path} has only one row; a series needs at least two")
        ts_ms = all_ms[rows]
        period_s = sampling_period(ts_ms)
        recording = Recording(
            name=self.table.path.stem,
            ts_ms=ts_ms,
            channels=tuple(each.channel for each in columns),
            values=values[rows],
            labels=None if labels is None else labels[rows],
            kinds=None,
            period_s=period_s,
            gaps=find_gaps(ts_ms, period_s),
            columns={each.channel.name: self.table.header[each.column] for each in columns},
            found=(),
        )
        found = columns_found(self.table, self.roles) + rows_found(recording, self.roles) + self.mended
        return replace(recording, found=tuple(found))

    def _cells(self, columns: list[ChannelColumn]) -> tuple[Times, list[int], Values, Labels | None]:
        """(n,) Unix milliseconds and the rows whose time cannot be read; (n, C) values, (n,) labels."""
        times, values, labels = _Column(), [_Column() for _ in columns], _Column()
        for chunk in self.table.chunks():
            times.add(*to_ms(chunk[self.roles.time], self.roles.form))
            for each, column in zip(columns, values, strict=True):
                column.add(*self._values(each, chunk[each.column]))
            if self.roles.label is not None:
                labels.add(*_labels(chunk[self.roles.label]))
        if self.repair:
            self._note(
                self.table.ragged(), "line of another length left out", "lines of another length left out"
            )
        self._check_times(times.bad)
        for each, column in zip(columns, values, strict=True):
            self._check_values(each, column.bad)
        table = np.column_stack([column.whole() for column in values])
        if self.roles.label is None:
            return times.whole(), times.bad, table, None
        self._check_labels(self.roles.label, labels.bad)
        return times.whole(), times.bad, table, labels.whole()

    def _check_times(self, bad: list[int]) -> None:
        if bad and not self.repair:
            raise self.table.error(
                bad[0],
                self.roles.time,
                f"is not a time ({self.roles.form}); correct it, or leave such rows out with --repair",
            )
        self._note(len(bad), "row without a readable time left out", "rows without a readable time left out")

    def _rows(self, ts_ms: Times, bad: list[int]) -> Times:
        """Row numbers in strictly increasing time; `ts_ms` (n,) is corrected where a clock was set back."""
        kept = np.delete(np.arange(len(ts_ms)), bad)
        followed, changes = follow_clock_changes(ts_ms[kept]) if self.roles.wall_clock else (ts_ms[kept], ())
        for row in changes:
            line = self.table.line(int(kept[row]))
            self.mended.append(f"the clock was set back an hour at line {line}; the times after it run on")
        ts_ms[kept] = followed
        wrong = first_disorder(followed)
        if wrong is None:
            return kept
        if not self.repair:
            raise self._disorder(int(kept[wrong - 1]), int(kept[wrong]), ts_ms)
        order = sort_rows(followed)
        self._note(order.backward, "row sorted into its time", "rows sorted into their times")
        self._note(order.duplicates, "row with a repeated time dropped", "rows with a repeated time dropped")
        return kept[order.rows]

    def _disorder(self, before: int, row: int, ts_ms: Times) -> RecordingError:
        if ts_ms[before] == ts_ms[row]:
            problem = "is the time of the line before too; remove one, or keep the first with --repair"
        else:
            earlier = self.table.cell(before, self.roles.time)
            problem = f"goes back from {earlier!r}; put the rows in order, or have them sorted with --repair"
        return self.table.error(row, self.roles.time, problem)

    def _values(self, each: ChannelColumn, cells: Sequence[str]) -> tuple[Values, list[int]]:
        """(n,) numbers of one column in the channel's unit, NaN where missing, and the rows that are none."""
        if self.table.delimiter == ";":
            # where the semicolon separates, the comma is free to be the decimal point
            cells = tuple(cell.replace(",", ".") for cell in cells)
        values = _numbers(cells)
        bad = [row for row in np.flatnonzero(~np.isfinite(values)).tolist() if cells[row].strip()]
        values[bad] = np.nan
        return (values if each.unit is None else values * each.unit.scale + each.unit.offset), bad

    def _check_values(self, each: ChannelColumn, bad: list[int]) -> None:
        if bad and not self.repair:
            raise self.table.error(
                bad[0],
                each.column,
                "is not a number; correct it, empty the cell, or have such cells emptied with --repair",
            )
        name = self.table.header[each.column]
        self._note(
            len(bad),
            f"cell of {name!r} that is no number emptied",
            f"cells of {name!r} that are no numbers emptied",
        )

    def _check_labels(self, label: int, bad: list[int]) -> None:
        if bad and not self.repair:
            raise self.table.error(bad[0], label, "is not a label; write 1 for an anomaly and 0 for none")
        self._note(len(bad), "unclear label taken for normal", "unclear labels taken for normal")

    def _note(self, count: int, singular: str, plural: str) -> None:
        if count:
            self.mended.append(f"{count} {singular if count == 1 else plural}")


@dataclass(slots=True)
class _Column:
    """One column's numbers, as they come, and the rows that are none."""

    parts: list[NDArray[Any]] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)
    rows: int = 0

    def add(self, numbers: NDArray[Any], bad: list[int]) -> None:
        self.parts.append(numbers)
        self.bad += [self.rows + row for row in bad]
        self.rows += len(numbers)

    def whole(self) -> NDArray[Any]:
        return np.concatenate(self.parts)


def _numbers(cells: Sequence[str]) -> Values:
    """(n,) numbers, NaN where there is none."""
    try:
        # Python's "1_000" is text to everybody else
        if "_" not in "".join(cells):
            return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        pass
    return np.fromiter(map(_number, cells), np.float64, len(cells))


def _number(cell: str) -> float:
    try:
        return np.nan if "_" in cell else float(cell)
    except ValueError:
        return np.nan


def _labels(cells: Sequence[str]) -> tuple[Labels, list[int]]:
    """(n,) whether each row is marked as an anomaly, and the rows that do not say so clearly."""
    meaning = {cell: _truth(cell) for cell in set(cells)}
    unclear = {cell for cell, truth in meaning.items() if truth is None}
    bad = [row for row, cell in enumerate(cells) if cell in unclear] if unclear else []
    return np.array([bool(meaning[cell]) for cell in cells]), bad


def _truth(cell: str) -> bool | None:
    word = cell.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    number = _number(word)
    return bool(number) if np.isfinite(number) else None
