"""A table as text, and how its figures are written, so that all tables of a report say them alike."""

from dataclasses import dataclass

MISSING = "·"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, a sentence, and rows of text, the first of them the heads."""

    title: str
    says: str
    rows: tuple[tuple[str, ...], ...]


def share(value: float) -> str:
    """A share of one."""
    return f"{value:.3f}"


def rate(value: float) -> str:
    """Alarms a week."""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def count(value: float) -> str:
    """A whole number."""
    return f"{value:.0f}"
