"""`python -m edge replay`: CSV in; times, channels, score, expected, anomaly, event, state, advisory out."""

import csv
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

from edge.bundle import bundle as bundles
from edge.bundle import proof
from edge.bundle.bundle import Bundle
from edge.bundle.compatibility import check_fits
from edge.csvfile import read_csv
from edge.detection.replay import Judgement, judge
from edge.errors import ConfigError
from edge.recording import Recording

# The last columns; `advisory` is 1 while a shift that has lasted for hours is open.
VERDICT = ("anomaly", "event", "state", "advisory")


def replay(file: Path, bundle: Path, out: Path | None, *, one_by_one: bool, repair: bool) -> int:
    """Judge a recording and write what came of it. Raises PicanaryError."""
    if out is not None and out.exists() and file.exists() and out.samefile(file):
        raise ConfigError(f"--out {out} is the recording itself; name another file")
    content = bundles.read(bundle)
    model = bundles.unpack(content, str(bundle))
    proof.check(content, str(bundle))
    recording = read_csv(file, repair=repair)
    check_fits(model, recording.channels, recording.period_s, str(file))
    if one_by_one:
        detector = model.open_detector()
        judgement = Judgement(tuple(detector.see(recording.reading(row))[1] for row in range(len(recording))))
    else:
        judgement = judge(recording, model.network(), model.windowing, model.detector)
    with out.open("w", newline="", encoding="utf-8") if out else nullcontext(sys.stdout) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows(rows(recording, model, judgement))
    events = max(judgement.event_numbers().tolist(), default=0)
    alarms = int(judgement.alarm.sum())
    print(f"{len(recording)} readings judged, {alarms} strange, {events} events", file=sys.stderr)
    return 0


def rows(recording: Recording, model: Bundle, judgement: Judgement) -> Iterator[list[object]]:
    """The table: a header, then a row a reading; empty where there is nothing to say."""
    own = [recording.columns.get(c.name, c.key) for c in recording.channels]
    judged = [recording.columns.get(c.name, c.key) for c in model.channels]
    yield ["timestamp", *own, "score", *(f"expected_{name}" for name in judged), *VERDICT]
    numbers, advised = judgement.event_numbers().tolist(), judgement.advised().tolist()
    nothing = [""] * len(judged)
    for row, verdict in enumerate(judgement.verdicts):
        yield [
            _time(int(recording.ts_ms[row])),
            *("" if value != value else f"{value:.10g}" for value in recording.values[row].tolist()),
            "" if verdict.score is None else f"{verdict.score:.6g}",
            *([f"{x:.6g}" for x in verdict.expected] if verdict.expected else nothing),
            "" if verdict.anomaly is None else int(verdict.anomaly),
            numbers[row] or "",
            verdict.state,
            int(advised[row]),
        ]


def _time(ts_ms: int) -> str:
    when = datetime.fromtimestamp(ts_ms / 1000.0, UTC)
    return f"{when:%Y-%m-%d %H:%M:%S}" + (f".{ts_ms % 1000:03d}" if ts_ms % 1000 else "")
