"""`python -m edge replay`: CSV in; times, channels, score, expected, anomaly, event, state, advisory out."""

import csv
import dataclasses
import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from edge.bundle import bundle as bundles
from edge.bundle import proof
from edge.bundle.bundle import Bundle
from edge.bundle.compatibility import check_fits
from edge.csvfile import read_csv
from edge.detection.judgement import Judgement
from edge.detection.levels import LEAST_LEVEL, MOST_LEVEL
from edge.detection.replay import ROWS, judge_parts
from edge.errors import ConfigError
from edge.recording import Recording, Times

# The last columns; `advisory` is 1 while a shift that has lasted for hours is open.
VERDICT = ("anomaly", "event", "state", "advisory")


def replay(
    file: Path, bundle: Path, out: Path | None, *, one_by_one: bool, repair: bool, level: float = 1.0
) -> int:
    """Judge a recording by `level` times the alarm levels, and write what came. Raises PicanaryError."""
    if not LEAST_LEVEL <= level <= MOST_LEVEL:
        raise ConfigError(f"--level {level:g} must be from {LEAST_LEVEL:g} to {MOST_LEVEL:g}")
    if out is not None and out.exists() and file.exists() and out.samefile(file):
        raise ConfigError(f"--out {out} is the recording itself; name another file")
    content = bundles.read(bundle)
    model = bundles.unpack(content, str(bundle))
    proof.check(content, str(bundle))
    model = dataclasses.replace(model, detector=model.detector.at_level(level))
    recording = read_csv(file, repair=repair)
    check_fits(model, recording.channels, recording.period_s, str(file))
    parts = _one_by_one(recording, model) if one_by_one else _together(recording, model)
    with out.open("w", newline="", encoding="utf-8") if out else nullcontext(sys.stdout) as stream:
        alarms, events = write(stream, recording, model, parts)
    print(f"{len(recording)} readings judged, {alarms} strange, {events} events", file=sys.stderr)
    return 0


def _together(recording: Recording, model: Bundle) -> Iterator[Judgement]:
    return judge_parts(recording, model.network(), model.windowing, model.detector)


def _one_by_one(recording: Recording, model: Bundle) -> Iterator[Judgement]:
    detector = model.open_detector(measured=recording.channels)
    for start in range(0, len(recording), ROWS):
        rows = range(start, min(start + ROWS, len(recording)))
        yield Judgement.of((detector.see(recording.reading(row))[1] for row in rows), len(model.channels))


def write(stream: TextIO, recording: Recording, model: Bundle, parts: Iterable[Judgement]) -> tuple[int, int]:
    """A header, then a row a reading; how many readings were strange, and how many events began."""
    own = [recording.columns.get(c.name, c.key) for c in recording.channels]
    judged = [recording.columns.get(c.name, c.key) for c in model.channels]
    header = ["timestamp", *own, "score", *(f"expected_{name}" for name in judged), *VERDICT]
    csv.writer(stream, lineterminator="\n").writerow(header)
    row = alarms = events = 0
    advised = False
    for part in parts:
        numbers, advice = part.event_numbers(events), part.advised(advised)
        rows = slice(row, row + len(part))
        columns = [
            _times(recording.ts_ms[rows]),
            *(_texts(column, "%.10g") for column in recording.values[rows].T),
            _texts(part.score, "%.6g"),
            *(_texts(column, "%.6g") for column in part.expected.T),
            _texts(np.where(np.isnan(part.score), np.nan, part.alarm), "%d"),
            _texts(np.where(numbers == 0, np.nan, numbers), "%d"),
            part.states,
            _texts(advice, "%d"),
        ]
        stream.write("\n".join([*map(",".join, zip(*columns, strict=True)), ""]))
        row, alarms, events = row + len(part), alarms + int(part.alarm.sum()), events + part.begun()
        advised = bool(advice[-1])
    return alarms, events


def _texts(column: NDArray[Any], form: str) -> list[str]:
    """n numbers, and nothing where there is none."""
    numbers = column.tolist()
    if all(map(math.isfinite, numbers)):
        return (f"{form} " * len(numbers) % tuple(numbers)).split()
    return [form % number if math.isfinite(number) else "" for number in numbers]


def _times(ts_ms: Times) -> list[str]:
    """n times, such as `2024-05-01 12:00:00` or `2024-05-01 12:00:00.250`."""
    seconds = np.datetime_as_string((ts_ms // 1000).astype("M8[s]")).tolist()
    times = "\n".join(seconds).replace("T", " ").split("\n")
    if not np.any(ts_ms % 1000):
        return times
    fractions = [f".{ms:03d}" if ms else "" for ms in (ts_ms % 1000).tolist()]
    return list(map(str.__add__, times, fractions))
