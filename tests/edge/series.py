"""Small series as CSV text, and the sentence that refuses one."""

from datetime import datetime, timedelta

import pytest

from edge.csvfile import read_csv
from edge.errors import RecordingError

SERIES = """timestamp,temperature,label
2024-05-01 12:00:00,21.5,0
2024-05-01 12:01:00,21.6,0
2024-05-01 12:02:00,21.7,1
2024-05-01 12:03:00,21.8,0
"""
NOON_MS = 1_714_564_800_000


def minutes(*columns, header, start="2024-05-01 12:00"):
    """CSV text with a row a minute; each column is a list of cells."""
    first = datetime.fromisoformat(start)
    rows = (
        ",".join([str(first + timedelta(minutes=n)), *map(str, cells)])
        for n, cells in enumerate(zip(*columns, strict=True))
    )
    return "\n".join([header, *rows]) + "\n"


def refusal(path, **options):
    """The sentence with which a file is refused."""
    with pytest.raises(RecordingError) as caught:
        read_csv(path, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence and str(path) in sentence
    return sentence.replace(str(path), "FILE")
