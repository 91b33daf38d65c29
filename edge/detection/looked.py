"""Many readings that the signals have seen, on their way to their verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.detection.advisory import Shift
from edge.detection.arithmetic import Floats
from edge.detection.observation import Observation, Strange


@dataclass(frozen=True, slots=True)
class Looked:
    """What the signals say of n readings that follow one another, to be decided in their order."""

    seen: Observation[Floats]
    strange: Mapping[str, Strange[Floats]]
    values: Mapping[str, list[float]]  # n each
    shifts: list[tuple[int, Shift]]  # what is said of the last hours, and from which reading on
    shift: Floats  # (n,) their sizes
    level: Floats  # (n,) as in Verdict
    doubtful: Sequence[int]  # readings, rising, that may be more than normal, or change the advice; then n

    def shift_at(self, row: int) -> Shift:
        """What is said of the last hours at one reading."""
        return next(shift for start, shift in reversed(self.shifts) if start <= row)


@dataclass(frozen=True, slots=True)
class Calm:
    """The verdicts on n readings that are all normal, C channels, as in Verdict."""

    score: Floats  # (n,)
    expected: Floats  # (n, C)
    spread: Floats  # (n, C)
    shift: Floats  # (n,)
    level: Floats  # (n,)
