"""Text to Unix milliseconds: ISO 8601, Unix seconds or Unix milliseconds."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

import numpy as np

from edge.recording import Times

# Between 1973 and 5138 seconds and milliseconds cannot be taken for each other.
_FIRST_S, _LAST_S = 1e8, 1e11
_TRIED = 50


# Where 2024-05-01T12:00:00 has its marks and its digits, and which digit counts how much in which number.
_MARKS, _DIGITS = (
    [at for at, c in enumerate("dddd-dd-ddTdd:dd:dd") if (c == "d") == digit] for digit in (False, True)
)
_ISO, _SPACED = (np.frombuffer(marks, np.uint8) for marks in (b"--T::", b"-- ::"))
_NUMBERS = np.zeros((14, 6), np.int64)
_NUMBERS[[0, 1, 2, 3], 0] = 1000, 100, 10, 1
for _number in range(1, 6):
    _NUMBERS[[2 + 2 * _number, 3 + 2 * _number], _number] = 10, 1


def _iso(cell: str) -> int:
    when = datetime.fromisoformat(cell.strip())
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def _unix_seconds(cell: str) -> int:
    seconds = float(cell)
    if not _FIRST_S <= seconds < _LAST_S:
        raise ValueError("not in 1973 to 5138")
    return round(seconds * 1000)


def _unix_milliseconds(cell: str) -> int:
    milliseconds = float(cell)
    if not _FIRST_S * 1000 <= milliseconds < _LAST_S * 1000:
        raise ValueError("not in 1973 to 5138")
    return round(milliseconds)


# In this order: "20240101" alone could be ISO 8601, but a column of numbers is never that.
FORMS: dict[str, Callable[[str], int]] = {
    "Unix seconds": _unix_seconds,
    "Unix milliseconds": _unix_milliseconds,
    "ISO 8601": _iso,
}


def form_of(cells: Iterable[str]) -> str | None:
    """The form in FORMS that most of the first cells have, or None when they are not times."""
    tried = list(islice((cell for cell in cells if cell.strip()), _TRIED))
    for form, parse in FORMS.items():
        hits = sum(_is(parse, cell) for cell in tried)
        if hits and 2 * hits >= len(tried) and (form != "ISO 8601" or not all(map(is_number, tried))):
            return form
    return None


def to_ms(cells: Sequence[str], form: str) -> tuple[Times, list[int]]:
    """Cells (n,) to Unix milliseconds (n,), and the rows that are not times (0 there)."""
    parse = FORMS[form]
    alike = _alike(cells) if form == "ISO 8601" else None
    if alike is not None:
        return alike, []
    try:
        return np.fromiter(map(parse, cells), np.int64, len(cells)), []
    except ValueError:
        bad = [row for row, cell in enumerate(cells) if not _is(parse, cell)]
    wrong = set(bad)
    times = (0 if row in wrong else parse(cell) for row, cell in enumerate(cells))
    return np.fromiter(times, np.int64, len(cells)), bad


def _alike(cells: Sequence[str]) -> Times | None:
    """Unix milliseconds (n,) of cells that are all like 2024-05-01T12:00:00, or all with Z; None if not."""
    widths, text = set(map(len, cells)), "".join(cells)
    if not widths <= {19, 20} or len(widths) > 1 or not text.isascii():
        return None
    table = np.frombuffer(text.encode(), np.uint8).reshape(len(cells), -1)
    marks, digits = table.take(_MARKS, axis=1), table.take(_DIGITS, axis=1) - ord("0")
    zoned = table.shape[1] == 19 or np.all(table[:, 19] == ord("Z"))
    if not zoned or digits.max() > 9 or np.any((marks != _ISO) & (marks != _SPACED)):
        return None
    year, month, day, hour, minute, second = (digits @ _NUMBERS).T
    months = (year - 1970) * 12 + month - 1
    first, after = (n.astype("M8[M]").astype("M8[D]").astype(np.int64) for n in (months, months + 1))
    days = first + day - 1
    inside = (month > 0) & (month <= 12) & (day > 0) & (days < after)
    if not np.all(inside & (year > 0) & (hour < 24) & (minute < 60) & (second < 60)):
        return None
    times: Times = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
    return times


def has_zone(cells: Iterable[str]) -> bool:
    """Whether the first of them that is an ISO 8601 time says where it is from."""
    first = next((cell for cell in cells if _is(_iso, cell)), None)
    return first is not None and datetime.fromisoformat(first.strip()).tzinfo is not None


def is_number(cell: str) -> bool:
    """Whether `float` takes it."""
    return _is(float, cell)


def _is(parse: Callable[[str], object], cell: str) -> bool:
    try:
        parse(cell)
    except ValueError:
        return False
    return True
