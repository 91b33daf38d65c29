"""The verdicts of a series in columns, so that weeks of readings fit in memory and into a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.detection.arithmetic import Floats
from edge.detection.verdict import Verdict

ALARMS = ("anomalous", "sensor_fault")


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts of n rows in a row, C channels; NaN where there is no score.

    A row is normal unless it has a verdict of its own in `notable`.
    """

    score: Floats  # (n,)
    expected: Floats  # (n, C) physical units
    spread: Floats  # (n, C) half the 90 % band
    shift: Floats  # (n,) as in Verdict
    level: Floats  # (n,) how far the values are from what they mostly are, in swings
    notable: dict[int, Verdict] = field(default_factory=dict)  # by row

    @classmethod
    def blank(cls, rows: int, channels: int) -> "Judgement":
        """Of rows that nothing is known of."""
        expected, spread = (np.full((rows, channels), np.nan) for _ in range(2))
        return cls(np.full(rows, np.nan), expected, spread, np.zeros(rows), np.zeros(rows))

    @classmethod
    def of(cls, verdicts: Iterable[Verdict], channels: int) -> "Judgement":
        """Of verdicts that came one by one."""
        notable = dict(enumerate(verdicts))
        judgement = cls.blank(len(notable), channels)
        for row, verdict in notable.items():
            judgement.note(row, verdict)
        return judgement

    @classmethod
    def joined(cls, parts: Sequence["Judgement"]) -> "Judgement":
        """Of parts that follow one another."""
        starts = np.cumsum([0, *(len(part) for part in parts[:-1])]).tolist()
        notable = {
            start + row: verdict
            for start, part in zip(starts, parts, strict=True)
            for row, verdict in part.notable.items()
        }
        return cls(
            np.concatenate([part.score for part in parts]),
            np.concatenate([part.expected for part in parts]),
            np.concatenate([part.spread for part in parts]),
            np.concatenate([part.shift for part in parts]),
            np.concatenate([part.level for part in parts]),
            notable,
        )

    def note(self, row: int, verdict: Verdict) -> None:
        """What one row means."""
        self.notable[row] = verdict
        self.shift[row], self.level[row] = verdict.shift, verdict.level
        if verdict.score is not None:
            self.score[row], self.expected[row], self.spread[row] = (
                verdict.score, verdict.expected, verdict.spread
            )  # fmt: skip

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.score)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """n, as they come one by one."""
        return tuple(self.notable.get(row) or self._calm(row) for row in range(len(self)))

    def _calm(self, row: int) -> Verdict:
        expected, spread = tuple(self.expected[row].tolist()), tuple(self.spread[row].tolist())
        away = float(self.shift[row]), float(self.level[row])
        return Verdict("normal", float(self.score[row]), False, expected, spread, None, (), *away)

    @property
    def states(self) -> list[str]:
        """n states."""
        states = ["normal"] * len(self)
        for row, verdict in self.notable.items():
            states[row] = verdict.state
        return states

    @property
    def alarm(self) -> NDArray[np.bool_]:
        """(n,) whether the room or the sensor is in an alarm."""
        return np.array([state in ALARMS for state in self.states], bool)

    @property
    def advisory(self) -> NDArray[np.bool_]:
        """(n,) whether the last hours were far from the last weeks."""
        return self.shift >= 1.0

    def event_numbers(self, begun: int = 0) -> NDArray[np.int64]:
        """(n,) the number of the event that a strange row belongs to, 0 for none.

        So many events had `begun` before.
        """
        numbers = np.zeros(len(self), np.int64)
        for row, verdict in sorted(self.notable.items()):
            begun += starts(verdict)
            if verdict.state in ALARMS:
                numbers[row] = begun
        return numbers

    def begun(self) -> int:
        """How many events begin."""
        return sum(map(starts, self.notable.values()))

    def advised(self, opened: bool = False) -> NDArray[np.bool_]:
        """(n,) whether an advisory is open, which ends later than its level is left.

        One may have been `opened` before.
        """
        rows = np.full(len(self), opened)
        for row, verdict in sorted(self.notable.items()):
            for change in verdict.changes:
                if change.event.kind == "advisory":
                    rows[row:] = change.phase != "end"
        return rows


def starts(verdict: Verdict) -> int:
    """How many events begin with it; an advisory is none."""
    return sum(change.phase == "start" and change.event.kind != "advisory" for change in verdict.changes)
