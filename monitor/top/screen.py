"""The picture in the terminal: a line of counts, a table as high as fits, a line of keys."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitor.top.rows import CONDITIONS, Row, counts

# the table's header, the keys, a line of air around each of them
AROUND = 5
NAMES = ("how", "room", "values", "score", "heard", "missing", "model", "")


def summary(found: Sequence[Row], problem: str | None, is_live: bool | None) -> Text:
    """How many are how; `is_live` is None when nothing is followed."""
    line = Text(f"{len(found):,} {'room' if len(found) == 1 else 'rooms'}", style="bold")
    for name, count in counts(found).items():
        word, mark, style = CONDITIONS[name]
        line.append("  ").append(f"{mark} {count:,} {word}", style=style)
    missing = sum(1 for row in found if row.missing)
    if missing:
        line.append("  ").append(f"{missing:,} with missing records", style="yellow")
    if is_live is not None:
        line.append("   ").append(
            "live" if is_live else "reconnecting", style="green" if is_live else "yellow"
        )
    if problem:
        line.append(f"\n{problem}", style="yellow")
    return line


def table(found: Sequence[Row]) -> Table:
    """Rows with their words in colour, which is never all that tells them apart."""
    made = Table(box=None, pad_edge=False, expand=False, header_style="bright_black")
    for name in NAMES:
        is_number = name in ("score", "heard", "missing")
        made.add_column(name, no_wrap=True, overflow="ellipsis", justify="right" if is_number else "left")
    for row in found:
        word, mark, style = CONDITIONS[row.condition]
        words = [Text(f"{mark} {word}", style=style), Text(row.room, style="bold"), *map(Text, row[2:])]
        made.add_row(*words)
    return made


def whole(found: Sequence[Row], problem: str | None) -> RenderableType:
    """All of it, once."""
    return Group(summary(found, problem, None), Text(), table(found))


def fits(head: Text, console: Console) -> int:
    """How many rows there is room for below what `summary` says; on a narrow screen that takes more lines."""
    return max(1, console.height - AROUND - len(head.wrap(console, console.width)))


def picture(head: Text, found: Sequence[Row], first: int, page: int) -> RenderableType:
    """So many rows from row `first` on, below what `summary` says."""
    shown = found[first : first + page]
    place = f"rows {first + 1:,} to {first + len(shown):,} of {len(found):,}" if found else "no room yet"
    keys = Text(
        f"{place}   q quits   ↑ ↓ PgUp PgDn Home End", "bright_black", no_wrap=True, overflow="ellipsis"
    )
    return Group(head, Text(), table(shown), Text(), keys)
