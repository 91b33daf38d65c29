"""Text to Unix milliseconds: ISO 8601, Unix seconds or Unix milliseconds."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

import numpy as np

from edge.recording import Times

# Between 1973 and 5138 seconds and milliseconds cannot be taken for each other.
_FIRST_S, _LAST_S = 1e8, 1e11
_TRIED = 50


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
    try:
        return np.fromiter(map(parse, cells), np.int64, len(cells)), []
    except ValueError:
        bad = [row for row, cell in enumerate(cells) if not _is(parse, cell)]
    wrong = set(bad)
    times = (0 if row in wrong else parse(cell) for row, cell in enumerate(cells))
    return np.fromiter(times, np.int64, len(cells)), bad


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
