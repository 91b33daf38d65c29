"""Labelled series to judge detectors on: a folder whose `index.json` has a row a file."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge.errors import RecordingError
from edge.reading import Channel, in_order
from edge.recording import Labels, Recording, Times, Values, find_gaps

Rows = NDArray[np.intp]
# What each row of an index must say. `merge` and `slack` are 0, and `sha256` unchecked, if not given.
REQUIRED = ("group", "name", "file", "cols", "dt", "train")


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """N rows of C channels as they stand in the file, of which the first `train` are to train on."""

    group: str
    name: str
    period_s: float
    train: int  # rows
    merge: int  # rows: labels closer than this are one event
    slack: int  # rows: an alarm so soon after an event still counts for it
    sha256: str  # of the file
    timestamps: tuple[str, ...]  # N, the file's own text
    ts_ms: Times  # (N,) Unix milliseconds; may stand still or go back
    channels: tuple[Channel, ...]
    values: Values  # (N, C), NaN where missing
    labels: Labels  # (N,)

    @property
    def title(self) -> str:
        """group/name, which no other series has."""
        return f"{self.group}/{self.name}"

    @property
    def judged_labels(self) -> Labels:
        """(N - train,) the labels of the rows that are judged."""
        return self.labels[self.train :]

    @property
    def judged_s(self) -> Values:
        """(N - train,) times of the rows that are judged in seconds; where a clock goes back, it stands."""
        return np.maximum.accumulate(self.ts_ms)[self.train :] / 1000.0

    def history(self) -> Recording:
        """The rows to train on whose time increases, without labels."""
        rows = self._kept()
        return self._recording(rows[rows < self.train])

    def rest(self) -> Recording:
        """The rows to judge whose time increases, without labels."""
        rows = self._kept()
        return self._recording(rows[rows >= self.train])

    def source(self) -> Rows:
        """(N - train,) for each row to judge the row of `rest()` that speaks for it, -1 where none does.

        A row whose time does not increase is not in `rest()`: the row before it speaks for it.
        """
        kept = np.zeros(len(self.ts_ms), bool)
        kept[self._kept()] = True
        return np.cumsum(kept[self.train :]) - 1

    def _kept(self) -> Rows:
        """Rows later than all before them."""
        latest = np.maximum.accumulate(self.ts_ms)
        return np.flatnonzero(np.append(True, self.ts_ms[1:] > latest[:-1]))

    def _recording(self, rows: Rows) -> Recording:
        ts_ms = self.ts_ms[rows]
        return Recording(
            name=self.name,
            ts_ms=ts_ms,
            channels=self.channels,
            values=self.values[rows],
            labels=None,
            kinds=None,
            period_s=self.period_s,
            gaps=find_gaps(ts_ms, self.period_s),
            columns={each.name: each.name for each in self.channels},
            found=(),
        )


def read_index(folder: Path, groups: Sequence[str] = ()) -> list[Series]:
    """All series of the folder, or those of some groups, checked whole.

    Raises RecordingError, one sentence, where the index, a file or a column is missing or wrong.
    """
    path = folder / "index.json"
    if not path.is_file():
        raise RecordingError(f"{folder}: not a folder of labelled series, as it has no index.json")
    rows = _index(path)
    for group in groups:
        if all(row["group"] != group for row in rows):
            known = ", ".join(dict.fromkeys(row["group"] for row in rows))
            raise RecordingError(f"{path}: no series is of the group {group}; there are {known}")
    return [_series(folder, row) for row in rows if not groups or row["group"] in groups]


def _index(path: Path) -> list[dict[str, Any]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RecordingError(f"{path}: not JSON ({error})") from error
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise RecordingError(f"{path}: must be a JSON list with an object for each file")
    titles: set[str] = set()
    for number, row in enumerate(rows, 1):
        _check(path, number, row)
        title = f"{row['group']}/{row['name']}"
        if title in titles:
            raise RecordingError(f"{path}: row {number} names {title} a second time")
        titles.add(title)
    return rows


def _check(path: Path, number: int, row: dict[str, Any]) -> None:
    missing = [key for key in REQUIRED if key not in row]
    if missing:
        raise RecordingError(f"{path}: row {number} has no {', '.join(missing)}")
    right = {
        "group": _is_file_name(row["group"]),
        "name": _is_file_name(row["name"]),
        "file": isinstance(row["file"], str),
        "cols": isinstance(row["cols"], list)
        and len(row["cols"]) == len(set(map(str, row["cols"]))) > 0
        and all(isinstance(name, str) for name in row["cols"]),
        "dt": isinstance(row["dt"], int | float) and 0 < row["dt"] < float("inf"),
        **{key: type(row.get(key, 0)) is int and row.get(key, 0) >= 0 for key in ("train", "merge", "slack")},
    }
    for key, fits in right.items():
        if not fits:
            raise RecordingError(f"{path}: row {number} has {key} {row[key]!r}, which cannot be")


def _is_file_name(name: object) -> bool:
    """Groups and names become parts of file names."""
    return isinstance(name, str) and bool(name) and not set(name) & set('/\\:*?"<>|\0')


def _series(folder: Path, row: dict[str, Any]) -> Series:
    path = folder / row["file"]
    if not path.is_file():
        raise RecordingError(f"{path}: not there, but index.json names it")
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    if row.get("sha256", sha256) != sha256:
        raise RecordingError(f"{path}: its SHA-256 is not the one in index.json; get the file again")
    channels = in_order(set(row["cols"]))
    table = _table(path, data, [each.name for each in channels])
    if not 2 <= row["train"] < len(table):
        raise RecordingError(
            f"{path}: index.json has {row['train']} rows to train on, but the file has {len(table)} rows; "
            "there must be two at least, and one to judge"
        )
    found = Series(
        group=row["group"],
        name=row["name"],
        period_s=float(row["dt"]),
        train=row["train"],
        merge=row.get("merge", 0),
        slack=row.get("slack", 0),
        sha256=sha256,
        timestamps=tuple(table["timestamp"]),
        ts_ms=_times(path, table["timestamp"]),
        channels=channels,
        values=np.column_stack([_numbers(path, table[each.name]) for each in channels]),
        labels=_labels(path, table["label"]),
    )
    if len(found.history()) < 2 or not len(found.rest()):
        raise RecordingError(f"{path}: no time increases in the rows to train on, or in those to judge")
    return found


def _table(path: Path, data: bytes, names: list[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.BytesIO(data), dtype={"timestamp": str})
    except ValueError as error:  # pandas' errors of parsing, and a wrong encoding
        raise RecordingError(f"{path}: not a CSV file ({str(error).strip()})") from error
    for name in ("timestamp", *names, "label"):
        if name not in table.columns:
            raise RecordingError(f"{path}: has no column {name}")
    return table


def _times(path: Path, column: "pd.Series[str]") -> Times:
    try:
        times = pd.to_datetime(column, format="ISO8601", utc=True)
    except ValueError as error:
        raise RecordingError(f"{path}: timestamp: {error}") from error
    if times.isna().any():
        raise RecordingError(f"{path}: timestamp: row {int(times.isna().argmax()) + 1} has none")
    return times.dt.tz_localize(None).to_numpy("datetime64[ms]").astype(np.int64)


def _numbers(path: Path, column: "pd.Series[Any]") -> Values:
    try:
        numbers = pd.to_numeric(column).to_numpy(np.float64)
    except ValueError as error:
        raise RecordingError(f"{path}: {column.name}: {error}") from error
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _labels(path: Path, column: "pd.Series[Any]") -> Labels:
    numbers = _numbers(path, column)
    if not np.isin(numbers, (0.0, 1.0)).all():
        raise RecordingError(f"{path}: label: must be 0 or 1 in every row")
    return np.equal(numbers, 1.0)
