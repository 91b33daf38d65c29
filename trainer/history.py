"""Where a history comes from: simulated, or recorded. To add a format: a function and a line in FORMATS."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge.csvfile import read_csv
from edge.errors import RecordingError
from edge.recording import Recording
from edge.sources.faults import schedule
from edge.sources.simulator import simulate

DAY_S = 86_400.0
FEWEST_ROWS = 500
TRAIN_DAYS, TEST_DAYS = 28, 14
FAULTS_EVERY_S = 6 * 3600.0


def simulated(
    seed: int, period_s: float, days: float = TRAIN_DAYS, test_days: float = TEST_DAYS
) -> Recording:
    """`days` of a healthy simulated room, then `test_days` of the same room with labelled faults."""
    start_s, end_s = days * DAY_S, (days + test_days) * DAY_S
    faults = schedule(np.random.default_rng(seed), start_s, end_s, FAULTS_EVERY_S, period_s=period_s)
    return simulate(end_s, period_s, seed, faults)


def from_csv(path: Path, repair: bool) -> Recording:
    """CSV; see edge/csvfile."""
    return read_csv(path, repair=repair)


FORMATS: dict[str, Callable[[Path, bool], Recording]] = {".csv": from_csv, ".tsv": from_csv, ".txt": from_csv}


def recorded(path: Path, repair: bool = False) -> Recording:
    """A recorded history. Raises RecordingError, one sentence, when it cannot be used."""
    read = FORMATS.get(path.suffix.lower(), from_csv)
    history = read(path, repair)
    whole = int(np.isfinite(history.values).all(axis=1).sum())
    if whole < FEWEST_ROWS:
        raise RecordingError(f"{path}: {whole} whole rows are too short to train on; it takes {FEWEST_ROWS}")
    return history


def data_hash(recording: Recording) -> str:
    """SHA-256 of times and values: the same data, the same hash, whatever file it came from."""
    digest = hashlib.sha256()
    for part in (recording.ts_ms.astype("<i8"), recording.values.astype("<f8")):
        digest.update(np.ascontiguousarray(part).tobytes())
    digest.update(",".join(c.name for c in recording.channels).encode())
    return digest.hexdigest()
