"""Golden windows: the test that a bundle brings along, with the answers that were right where it was made."""

from typing import Any

from edge.bundle.strict_json import said

MOST_WINDOWS = 64
LARGEST_TOLERANCE = 1e-2  # alarms begin at several deviations: more could hide a model that judges otherwise
# Numbers rounded to 8 bits answer in steps, and another kernel's answer is steps away (`convert/verify.py`).
LARGEST_ROUNDED = 0.5
ROUNDED = ("dynamic-range", "int8")
_LARGEST_NUMBER = 1e6  # of an input or answer, in deviations or log odds; float32 holds it well


def check_golden(table: Any, width: int, outputs: int, form: Any) -> dict[str, Any]:
    """The table, when it is `inputs` (n, width), `answers` (n, outputs) and `tolerance`.

    `form` is the format of the model's numbers. Raises LookupError or ValueError.
    """
    if not isinstance(table, dict):
        raise ValueError(f"golden windows cannot be {said(table)}")
    inputs, answers, tolerance = table["inputs"], table["answers"], table["tolerance"]
    if not isinstance(inputs, list) or not 1 <= len(inputs) <= MOST_WINDOWS:
        raise ValueError(f"1 to {MOST_WINDOWS} golden windows are needed")
    if not isinstance(answers, list) or len(answers) != len(inputs):
        raise ValueError("an answer to each golden window is needed")
    if not all(_is_row(row, width) for row in inputs) or not all(_is_row(row, outputs) for row in answers):
        raise ValueError(f"golden windows have {width} numbers and answers {outputs}, none above 1000000")
    largest = LARGEST_ROUNDED if form in ROUNDED else LARGEST_TOLERANCE
    if type(tolerance) is not float or not 0 < tolerance <= largest:
        raise ValueError(f"a tolerance of {said(tolerance)} is not above 0 and at most {largest}")
    return table


def _is_row(row: Any, length: int) -> bool:
    if not isinstance(row, list) or len(row) != length:
        return False
    return all(type(x) in (int, float) and -_LARGEST_NUMBER <= x <= _LARGEST_NUMBER for x in row)
