"""Recording to CSV, such that `read_csv` gives the same numbers back."""

import csv
from datetime import UTC, datetime
from pathlib import Path

from edge.recording import Recording


def write_csv(recording: Recording, path: Path) -> None:
    """Times as ISO 8601 in UTC, channels by their keys, labels as 1 and 0, missing values empty."""
    labelled = recording.labels is not None
    columns = [[iso_time(ts_ms) for ts_ms in recording.ts_ms.tolist()]]
    columns += [["" if v != v else repr(v) for v in column] for column in recording.values.T.tolist()]
    if recording.labels is not None:
        columns.append([str(int(label)) for label in recording.labels])
    header = ["timestamp", *(c.key for c in recording.channels), *(["label"] if labelled else [])]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(zip(*columns, strict=True))


def iso_time(ts_ms: int) -> str:
    """Unix milliseconds as ISO 8601 in UTC: 2024-05-01T12:00:00.250Z."""
    seconds, milliseconds = divmod(ts_ms, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{milliseconds:03d}Z" if milliseconds else f"{text}Z"
