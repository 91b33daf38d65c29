"""Where a history comes from: simulated, or recorded. To add a format: a function and a line in FORMATS."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge.csvfile import read_csv
from edge.errors import RecordingError
from edge.journal_reader import JournalReader
from edge.reading import CHANNELS, Channel
from edge.recall import history as recalled
from edge.recording import Recording, find_gaps, sampling_period
from edge.sources.faults import schedule
from edge.sources.sensor import traces
from edge.sources.simulator import simulate
from monitor.reader import is_store
from trainer.parquet_history import from_parquet
from trainer.store_history import read_store

DAY_S = 86_400.0
FEWEST_ROWS = 500
TRAIN_DAYS, TEST_DAYS = 28, 14
FAULTS_EVERY_S = 6 * 3600.0
LEAST_PERIOD_S = 0.5  # no sensor of a room is read more often


def simulated(
    seed: int,
    period_s: float,
    days: float = TRAIN_DAYS,
    test_days: float = TEST_DAYS,
    *,
    sensor: str = "dht22",
) -> Recording:
    """`days` of a healthy simulated room, then `test_days` of the same room with labelled faults."""
    start_s, end_s = days * DAY_S, (days + test_days) * DAY_S
    names = tuple(trace.channel.name for trace in traces(sensor))
    rng = np.random.default_rng(seed)
    faults = schedule(rng, start_s, end_s, FAULTS_EVERY_S, channels=names, period_s=period_s)
    return simulate(end_s, period_s, seed, faults, sensor=sensor)


def from_csv(path: Path, repair: bool) -> Recording:
    """CSV; see edge/csvfile."""
    return read_csv(path, repair=repair)


def from_journal(path: Path, repair: bool) -> Recording:
    """What an agent has recorded: the good readings; where the sensor failed there is a gap.

    Raises RecordingError, and JournalError when it is none. A journal needs no repair.
    """
    del repair
    with JournalReader(path) as journal:
        count, last_seq, channels = journal.count(), journal.last_seq, _channels(path, journal)
    # the period is not known yet, nor how many days there are: all of it; numbers may have holes
    found = recalled(path, channels, 1.0, days=(last_seq + 1) / DAY_S)
    if len(found) < 2:
        raise RecordingError(f"{path}: {len(found)} good readings in this journal; it takes {FEWEST_ROWS}")
    period_s = sampling_period(found.ts_ms)
    if period_s < LEAST_PERIOD_S:
        raise RecordingError(
            f"{path}: a reading every {period_s:g} s, as from a simulated room that lives faster than its "
            "clock; train on a simulated room with: python -m trainer"
        )
    names, good = ", ".join(f"{c.name} ({c.unit})" for c in channels), len(found)
    sentences = (
        f"the journal of an agent: {names}",
        f"{good} good readings, one in {period_s:g} s; {count - good} others are left out as gaps",
    )
    columns = {c.name: c.key for c in channels}
    gaps = find_gaps(found.ts_ms, period_s)
    return replace(found, period_s=period_s, gaps=gaps, columns=columns, found=sentences)


def from_store(path: Path, repair: bool) -> Recording:
    """What a monitor's only device has sent, without the alarms that people say are true.

    Raises RecordingError. A store needs no repair.
    """
    del repair
    return read_store(path, None).normal()


def _channels(path: Path, journal: JournalReader) -> tuple[Channel, ...]:
    """What the sensor of the newest record that can be read measures. Raises RecordingError."""
    last, back, channels = journal.last_seq, 1, tuple[Channel, ...]()
    while not channels and back < 2 * last:  # ever further back: the newest ones may have rotted
        for newest in journal.records(max(0, last - back)):
            channels = tuple(c for c in CHANNELS.values() if c.key in newest) or channels
        back *= 2
    if not channels:
        raise RecordingError(
            f"{path}: 0 good readings: no record of a sensor can be read in this journal; "
            f"it takes {FEWEST_ROWS}"
        )
    return channels


Format = Callable[[Path, bool], Recording]
FORMATS: dict[str, Format] = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), from_csv),
    ".db": from_journal,
    ".parquet": from_parquet,
}
_SQLITE = b"SQLite format 3\0"


def recorded(path: Path, repair: bool = False) -> Recording:
    """A recorded history. Raises RecordingError, one sentence, when it cannot be used."""
    return long_enough(path, _format(path)(path, repair))


def long_enough(path: Path, history: Recording) -> Recording:
    """The history of that file, if it can be trained on. Raises RecordingError."""
    whole = int(np.isfinite(history.values).all(axis=1).sum())
    if whole < FEWEST_ROWS:
        raise RecordingError(f"{path}: {whole} whole rows are too short to train on; it takes {FEWEST_ROWS}")
    return history


def _format(path: Path) -> Format:
    """By the file's name or, where that says nothing, by how it begins."""
    if stored(path):
        return from_store
    try:
        is_database = path.is_file() and _begins(path) == _SQLITE  # a pipe can be read only once
    except OSError:
        is_database = False  # the reader says what is wrong
    return from_journal if is_database else FORMATS.get(path.suffix.lower(), from_csv)


def stored(path: Path) -> bool:
    """Whether it is a monitor's store."""
    try:
        return path.is_file() and is_store(path)
    except OSError:
        return False  # the reader says what is wrong


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE))


def data_hash(recording: Recording) -> str:
    """SHA-256 of times and values: the same data, the same hash, whatever file it came from."""
    digest = hashlib.sha256()
    for part in (recording.ts_ms.astype("<i8"), recording.values.astype("<f8")):
        digest.update(np.ascontiguousarray(part).tobytes())
    digest.update(",".join(c.name for c in recording.channels).encode())
    return digest.hexdigest()
