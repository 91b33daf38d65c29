"""What was worst in each stretch of every device's time: read from pyramid and tail without the rest."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.history.packing import verdict_of_row
from monitor.history.pyramid import PAGE_ROWS, WIDTHS_MS
from monitor.history.summary import STATES, verdicts

Run = Callable[..., Any]  # a connection's `execute`
Span = tuple[int, int]  # numbers of stretches of one level, both ends included
Bytes = NDArray[np.uint8]

# From nothing at all to the worst; a cell holds the place in this list.
SEVERITY = ("", "no_model", "warming", "normal", "sensor_fault", "anomalous")
SEVERITY_OF = {name: place for place, name in enumerate(SEVERITY)}
_OF_BITS = np.array(
    [
        max([SEVERITY_OF[name] for k, name in enumerate(STATES) if bits >> k & 1], default=0)
        for bits in range(1 << len(STATES))
    ],
    np.uint8,
)
LOWEST, STEPS = 0.01, 116  # scores from there to 1.0 in so many steps of equal ratio


class Worst(NamedTuple):
    """Of one device, (n,) each; several may be of the same stretch."""

    device: str
    stretch: NDArray[np.int64]
    severity: Bytes
    score: Bytes


def score_steps(scores: NDArray[np.float64]) -> Bytes:
    """Scores as bytes: 0 for none, 1 for 0.01 or less, 1 + STEPS for exactly 1.0; rounded down."""
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.floor(STEPS * np.log(scores / LOWEST) / -np.log(LOWEST) + 1e-9)
    steps = np.clip(np.nan_to_num(steps, nan=0.0, neginf=0.0), 0, 254) + 1
    return np.where(np.isnan(scores), 0, steps).astype(np.uint8)


def read(run: Run, level: int, span: Span, device: str | None = None) -> Iterator[Worst]:
    """Of all devices, or of one; parts in any order."""
    yield from _packed(run, level, span, device)
    yield from _loose(run, level, span, device)


def _packed(run: Run, level: int, span: Span, device: str | None) -> Iterator[Worst]:
    found = run(
        # from the journals on: their pages of a level stand together in the index
        "SELECT j.device, s.rows FROM journals j CROSS JOIN summaries s ON s.journal = j.id "
        "WHERE s.level = ? AND s.page BETWEEN ? AND ? AND (? IS NULL OR j.device = ?)",
        (level, span[0] // PAGE_ROWS, span[1] // PAGE_ROWS, device, device),
    )
    for name, packed in found:
        start, states, score = verdicts(packed)
        within = (start >= span[0]) & (start <= span[1])
        yield Worst(name, start[within], _OF_BITS[states[within]], score_steps(score[within]))


def _loose(run: Run, level: int, span: Span, device: str | None) -> Iterator[Worst]:
    width_ms = WIDTHS_MS[level]
    journals = run("SELECT id, device FROM journals WHERE ? IS NULL OR device = ?", (device, device))
    for journal, name in journals.fetchall():
        query = "SELECT body FROM tail WHERE journal = ? AND ts_ms BETWEEN ? AND ?"
        rows = run(query, (journal, span[0] * width_ms, (span[1] + 1) * width_ms - 1))
        told = [verdict_of_row(body) for (body,) in rows]
        if told:
            stretch = np.array([one.ts_ms for one in told], np.int64) // width_ms
            severity = np.array([SEVERITY_OF[one.state] for one in told], np.uint8)
            yield Worst(name, stretch, severity, score_steps(np.array([one.score for one in told], float)))
