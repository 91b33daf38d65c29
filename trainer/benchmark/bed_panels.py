"""The test bed's tables: what a device finds after so many days, at what price, and which kinds."""

from collections.abc import Callable, Iterator

from trainer.benchmark.bed_score import Line
from trainer.benchmark.comparison import Comparison
from trainer.benchmark.registry import PRODUCT
from trainer.benchmark.sheet import FAILED, MISSING, Table, rate, share

# Simulated rooms with both channels stand in the JSON alone: they are half of those simulated.
ROOMS = {
    "real": "real devices",
    "real, both channels": "real rooms with both channels",
    "simulated": "simulated rooms",
}
CLEAN, CONTAMINATED, CALM = "clean", "contaminated", "no events"
KIND_DAYS = (3.0, 7.0)

SAYS = (
    "Devices that learn in some days and are then watched, with faults that we put in: event recall / false "
    "alarms a week of all devices together, at each detector's own alarm. Contaminated: a tenth of the "
    "history is faulty."
)
CALM_SAYS = (
    "The same devices, clean history and nothing put in: each alarm is false, whatever anybody would label."
)
KINDS_SAYS = "Event recall at the product's own alarm, by kind of fault and days of history."
EVERY_KIND_SAYS = "Event recall at each detector's own alarm, all devices and lengths of history together."


def bed_tables(comparison: Comparison) -> list[Table]:
    """A summary for each sort of rooms, false alarms where nothing was put in, and recall by kind."""
    if not any(comparison.bed.values()):
        return []
    found: list[Table] = []
    for rooms, words in ROOMS.items():
        if _days(comparison, rooms, CLEAN):
            rows = _by_history(comparison, rooms, (CLEAN, CONTAMINATED), _recall_and_rate)
            found.append(Table(f"The long test bed: {words}", "" if found else SAYS, rows))
    calm = _calm(comparison)
    if len(calm[0]) > 1:
        found.append(Table("Label-free false alarms a week on clean data", CALM_SAYS, calm))
    if comparison.bed.get(PRODUCT):
        found.append(Table(f"The long test bed: what {PRODUCT} finds", KINDS_SAYS, _kinds(comparison)))
    found.append(Table("The long test bed, by kind of fault", EVERY_KIND_SAYS, _every_kind(comparison)))
    return found


def held_out_coverage(comparison: Comparison, detector: str) -> Iterator[tuple[str, float]]:
    """(which trials, coverage) where nothing was put in: of rooms and days of clean history."""
    for line in comparison.bed.get(detector, ()):
        if line.history == CALM and line.rooms in ("real", "simulated") and line.coverage is not None:
            yield f"test bed, {ROOMS[line.rooms]}: {line.days:g} d of clean history", line.coverage


def _lines(comparison: Comparison) -> list[Line]:
    """Those of some detector that has any; all have the same sorts of trials."""
    return list(next((lines for lines in comparison.bed.values() if lines), ()))


def _days(comparison: Comparison, rooms: str, history: str) -> list[float]:
    return [line.days for line in _lines(comparison) if (line.rooms, line.history) == (rooms, history)]


def _line(comparison: Comparison, detector: str, rooms: str, history: str, days: float) -> Line | None:
    sort = (rooms, history, days)
    every = comparison.bed.get(detector, ())
    return next((line for line in every if (line.rooms, line.history, line.days) == sort), None)


def _recall_and_rate(line: Line) -> str:
    return f"{MISSING if line.recall is None else share(line.recall)} / {_rate(line)}"


def _rate(line: Line) -> str:
    alarms = line.false_alarms_per_week
    return MISSING if alarms is None else rate(alarms)


def _by_history(
    comparison: Comparison, rooms: str, histories: tuple[str, ...], said: Callable[[Line], str]
) -> tuple[tuple[str, ...], ...]:
    """A row for each detector, a column for each length and state of history."""
    sorts = [(history, days) for history in histories for days in _days(comparison, rooms, history)]
    rows = []
    for name in comparison.detectors:
        lines = [_line(comparison, name, rooms, history, days) for history, days in sorts]
        rows.append((name, *(FAILED if line is None else said(line) for line in lines)))
    return (("detector", *(f"{days:g} d {history}" for history, days in sorts)), *rows)


def _calm(comparison: Comparison) -> tuple[tuple[str, ...], ...]:
    """A row for each detector, a column for each sort of rooms and length of history."""
    parts = {words: _by_history(comparison, rooms, (CALM,), _rate) for rooms, words in ROOMS.items()}
    heads = [
        f"{words}: {head.removesuffix(f' {CALM}')}" for words, rows in parts.items() for head in rows[0][1:]
    ]
    rows = [
        (name, *(text for each in parts.values() for text in each[row][1:]))
        for row, name in enumerate(comparison.detectors, 1)
    ]
    return (("detector", *heads), *rows)


def _kinds(comparison: Comparison) -> tuple[tuple[str, ...], ...]:
    """A row for each kind; of real devices if there are any, else of simulated rooms."""
    rooms = next(rooms for rooms in ("real", "simulated") if _days(comparison, rooms, CLEAN))
    lines = [
        line
        for line in comparison.bed[PRODUCT]
        if line.rooms == rooms and line.days in KIND_DAYS and line.history != CALM
    ]
    lines.sort(key=lambda line: (line.days, line.history))
    rows = []
    for kind in sorted({kind for line in lines for kind in line.kinds}):
        counts = [line.kinds.get(kind, (0, 0)) for line in lines]
        shares = [share(found / of) if of else MISSING for found, of in counts]
        rows.append((_words(kind), str(sum(of for _, of in counts)), *shares))
    heads = (f"{line.days:g} d {line.history}" for line in lines)
    return ((f"kind ({ROOMS[rooms]})", "events", *heads), *rows)


def _every_kind(comparison: Comparison) -> tuple[tuple[str, ...], ...]:
    """A row for each kind of fault in real and in simulated rooms, a column for each detector."""
    counts: dict[tuple[str, str], dict[str, list[int]]] = {}
    for name, lines in comparison.bed.items():
        for line in lines:
            if line.rooms in ("real", "simulated"):  # those with both channels are among them
                for kind, pair in line.kinds.items():
                    sums = counts.setdefault((line.rooms, kind), {}).setdefault(name, [0, 0])
                    sums[:] = [sums[0] + pair[0], sums[1] + pair[1]]
    rows = [
        (
            f"{rooms}: {_words(kind)}",
            str(max(of for _, of in by.values())),
            *(share(by[name][0] / by[name][1]) if name in by else FAILED for name in comparison.detectors),
        )
        for (rooms, kind), by in counts.items()
    ]
    return (("kind", "events", *comparison.detectors), *rows)


def _words(kind: str) -> str:
    return kind.replace("_", " ")
