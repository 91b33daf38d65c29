"""CSV to Recording: finds time, channels, label, period and gaps by itself, and says what it found."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

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
        self._note(self.table.ragged, "line of another length left out", "lines of another length left out")
        all_ms, bad_times = self._times()
        order = {
            each.name: at for at, each in enumerate(in_order({c.channel.name for c in self.roles.channels}))
        }
        columns = sorted(self.roles.channels, key=lambda each: order[each.channel.name])
        values = np.column_stack([self._values(each) for each in columns])
        labels = self._labels()
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

    def _times(self) -> tuple[Times, list[int]]:
        """(n,) Unix milliseconds, and the rows whose time cannot be read."""
        ts_ms, bad = to_ms(self.table.columns[self.roles.time], self.roles.form)
        if bad and not self.repair:
            raise self.table.error(
                bad[0],
                self.roles.time,
                f"is not a time ({self.roles.form}); correct it, or leave such rows out with --repair",
            )
        self._note(len(bad), "row without a readable time left out", "rows without a readable time left out")
        return ts_ms, bad

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
            earlier = self.table.columns[self.roles.time][before]
            problem = f"goes back from {earlier!r}; put the rows in order, or have them sorted with --repair"
        return self.table.error(row, self.roles.time, problem)

    def _values(self, each: ChannelColumn) -> Values:
        """(n,) numbers of one column in the channel's unit, NaN where missing."""
        cells = self.table.columns[each.column]
        if self.table.delimiter == ";":
            # where the semicolon separates, the comma is free to be the decimal point
            cells = tuple(cell.replace(",", ".") for cell in cells)
        values = np.fromiter(map(_number, cells), np.float64, len(cells))
        bad = [int(row) for row in np.flatnonzero(~np.isfinite(values)) if cells[row].strip()]
        if bad and not self.repair:
            raise self.table.error(
                bad[0],
                each.column,
                "is not a number; correct it, empty the cell, or have such cells emptied with --repair",
            )
        values[bad] = np.nan
        name = self.table.header[each.column]
        self._note(
            len(bad),
            f"cell of {name!r} that is no number emptied",
            f"cells of {name!r} that are no numbers emptied",
        )
        return values if each.unit is None else values * each.unit.scale + each.unit.offset

    def _labels(self) -> Labels | None:
        """(n,) whether each row is marked as an anomaly."""
        if self.roles.label is None:
            return None
        cells = self.table.columns[self.roles.label]
        meaning = {cell: _truth(cell) for cell in set(cells)}
        unclear = {cell for cell, truth in meaning.items() if truth is None}
        if unclear and not self.repair:
            row = next(row for row, cell in enumerate(cells) if cell in unclear)
            raise self.table.error(
                row, self.roles.label, "is not a label; write 1 for an anomaly and 0 for none"
            )
        count = sum(cell in unclear for cell in cells) if unclear else 0
        self._note(count, "unclear label taken for normal", "unclear labels taken for normal")
        return np.array([bool(meaning[cell]) for cell in cells])

    def _note(self, count: int, singular: str, plural: str) -> None:
        if count:
            self.mended.append(f"{count} {singular if count == 1 else plural}")


def _number(cell: str) -> float:
    try:
        # Python's "1_000" is text to everybody else
        return np.nan if "_" in cell else float(cell)
    except ValueError:
        return np.nan


def _truth(cell: str) -> bool | None:
    word = cell.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    number = _number(word)
    return bool(number) if np.isfinite(number) else None
