"""Which column of a table is the time, which are channels, which is the label, and which are neither."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import islice

from edge.csvfile.table import Table
from edge.csvfile.times import FORMS, form_of, has_zone, is_number
from edge.errors import RecordingError
from edge.reading import CHANNELS, Channel, channel


@dataclass(frozen=True, slots=True)
class Unit:
    """How a column's numbers become the channel's unit: `value * scale + offset`."""

    symbol: str
    scale: float = 1.0
    offset: float = 0.0


CELSIUS, FAHRENHEIT = Unit("°C"), Unit("°F", 5 / 9, -160 / 9)
PERCENT = Unit("%")
HECTOPASCAL, PASCAL, KILOPASCAL = Unit("hPa"), Unit("Pa", 0.01), Unit("kPa", 10.0)

# What a channel and its units are called in the wild, in lower case.
_CHANNEL_WORDS = {
    "temperature": "temperature",
    "temp": "temperature",
    "humidity": "humidity",
    "rh": "humidity",
    "pressure": "pressure",
}
_UNIT_WORDS = {
    "temperature": {
        **dict.fromkeys(("c", "degc", "celsius"), CELSIUS),
        **dict.fromkeys(("f", "degf", "fahrenheit"), FAHRENHEIT),
    },
    "humidity": dict.fromkeys(("%", "pct", "percent"), PERCENT),
    "pressure": {"hpa": HECTOPASCAL, "mbar": HECTOPASCAL, "pa": PASCAL, "kpa": KILOPASCAL},
}
_FILLERS = {"°", "deg", "degree", "degrees", "relative", "rel", "air"}

_TIME_WORDS = {"timestamp", "time", "datetime", "date", "ts", "epoch", "unix"}
_LABELS = ("label", "is_anomaly", "anomaly")
_COUNTERS = {"", "id", "index", "idx", "seq", "row", "unnamed: 0"}
# The keys of edge/schema/record.json and of `edge replay`: a channel of that name could not travel.
_OWN_WORDS = {
    *("v", "epoch", "seq", "ts_ms", "clk", "boot", "mono_ms", "q", "src", "sim", "fault", "state"),
    *("score", "expected", "spread", "anomaly", "event", "why", "model"),
}
_OWN_PREFIXES = ("expected_", "spread_")


@dataclass(frozen=True, slots=True)
class ChannelColumn:
    """One column that is measured: where it stands and how its numbers become the channel's unit."""

    channel: Channel
    column: int
    unit: Unit | None  # None when the name does not say


@dataclass(frozen=True, slots=True)
class Roles:
    """What each column of a table is."""

    time: int
    form: str  # key of edge.csvfile.times.FORMS
    wall_clock: bool  # the times do not say where they are from
    channels: tuple[ChannelColumn, ...]  # in the file's order
    label: int | None
    left_out: tuple[tuple[int, str], ...]  # (column, reason)


def assign(table: Table) -> Roles:
    """The roles of all columns. Raises RecordingError when there is no time or no measurement."""
    _check_header(table)
    time, form = _time(table)
    label = _label(table)
    channels: list[ChannelColumn] = []
    left_out: list[tuple[int, str]] = []
    for column, name in enumerate(table.header):
        if column in (time, label):
            continue
        known, unit = recognise(name)
        reason = None if known and any(map(str.strip, table.cells(column))) else _reason(table, column)
        if reason:
            left_out.append((column, reason))
        else:
            channels.append(ChannelColumn(channel(known or name), column, unit))
    _check_channels(table, channels)
    wall_clock = form == "ISO 8601" and not has_zone(table.cells(time))
    return Roles(time, form, wall_clock, tuple(channels), label, tuple(left_out))


def recognise(name: str) -> tuple[str | None, Unit | None]:
    """A column's name to one of CHANNELS and the unit that the name gives, each None if it gives none."""
    # NFKC takes "℃" apart into "°C"
    words = re.findall(r"[^\W_]+|[%°]", unicodedata.normalize("NFKC", name).lower())
    words = [word for word in words if word not in _FILLERS]
    known = {_CHANNEL_WORDS[word] for word in words if word in _CHANNEL_WORDS}
    if len(known) != 1:
        return None, None
    (found,) = known
    others = [word for word in words if word not in _CHANNEL_WORDS]
    units = _UNIT_WORDS[found]
    if len(others) > 1 or not units.keys() >= set(others):
        return None, None
    return found, units[others[0]] if others else None


def _check_header(table: Table) -> None:
    names = [name for name in table.header if name]
    if form_of(names[:1]) in FORMS or all(map(is_number, names)):
        raise RecordingError(
            f"{table.path} has no header line: its first line begins with {names[0] if names else ''!r}; "
            "add a line of names such as 'timestamp,temperature'"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecordingError(f"{table.path} has two columns named {twice[0]!r}; rename or remove one")


def _time(table: Table) -> tuple[int, str]:
    """The time column and its form: one that is named so, else one that can be nothing else."""
    named = [column for column in range(len(table.header)) if _is_time_name(table.header[column])]
    for column in named:
        if form := form_of(table.cells(column)):
            return column, form
    for column in range(len(table.header)):
        if form_of(table.cells(column)) == "ISO 8601":
            return column, "ISO 8601"
    if named:
        cell = next((cell for cell in table.cells(named[0]) if cell.strip()), "")
        raise RecordingError(
            f"{table.path}: column {table.header[named[0]]!r} does not hold times (it begins with {cell!r}); "
            "give ISO 8601 such as 2024-05-01T12:00:00, or Unix seconds or milliseconds"
        )
    raise RecordingError(
        f"{table.path} has no time column among {', '.join(table.header)}; "
        "name one 'timestamp' and fill it with ISO 8601, Unix seconds or milliseconds"
    )


def _is_time_name(name: str) -> bool:
    return not _TIME_WORDS.isdisjoint(re.findall(r"[^\W_]+", name.lower()))


def _label(table: Table) -> int | None:
    names = [name.lower() for name in table.header]
    for label in _LABELS:
        # beside a score, `anomaly` is what a detector said, not what is true
        if label in names and not (label == "anomaly" and "score" in names):
            return names.index(label)
    return None


def _reason(table: Table, column: int) -> str | None:
    """Why a column is not a channel, or None when it is one."""
    name = table.header[column].lower()
    cells = list(islice((cell for cell in table.cells(column) if cell.strip()), 1000))
    if name in _COUNTERS:
        return "a counter or without a name"
    if name in _OWN_WORDS or name.startswith(_OWN_PREFIXES):
        return "a name that picanary uses itself"
    if _is_time_name(name) and form_of(cells):
        return "another time"
    if not cells:
        return "empty"
    if 2 * sum(is_number(cell.replace(",", ".")) for cell in cells) < len(cells):
        return "text"
    return None


def _check_channels(table: Table, channels: list[ChannelColumn]) -> None:
    if not channels:
        raise RecordingError(
            f"{table.path} has no column of numbers beside the time; "
            f"it needs a measurement such as {', '.join(CHANNELS)}"
        )
    seen: dict[str, str] = {}
    for each in channels:
        name, column = each.channel.name, table.header[each.column]
        if name in seen:
            raise RecordingError(
                f"{table.path}: columns {seen[name]!r} and {column!r} are both {name}; remove or rename one"
            )
        seen[name] = column
