"""Which records of one journal have come: repeats, the seqs that are missing, and those that nobody has.

The rule: count from the lowest seq that this store has seen to the highest it knows to have been
sent. What an agent recorded before this monitor first heard of it was never promised to it.
A seq is had, missing, or declared gone by the agent, with its cause.
"""

from bisect import bisect_left
from dataclasses import dataclass, field

Gap = tuple[int, int]  # from and to, inclusive


@dataclass(slots=True)
class Ledger:
    """The seqs of one (device, epoch): `first` to `last` without `gaps` and `declared`, both ascending."""

    first: int = 0
    last: int = 0
    gaps: list[Gap] = field(default_factory=list)
    declared: list[tuple[int, int, str]] = field(default_factory=list)  # from, to, cause

    @property
    def missing(self) -> int:
        """How many records between the first and the last have not come, and may still."""
        return sum(end - start + 1 for start, end in self.gaps)

    @property
    def gone(self) -> int:
        """How many records the agent has declared gone."""
        return sum(end - start + 1 for start, end, _ in self.declared)

    @property
    def had(self) -> int:
        """How many records have come."""
        return 0 if self.last == 0 else self.last - self.first + 1 - self.missing - self.gone

    def enter(self, seq: int) -> bool:
        """Note one seq (1 or more); False when it had come before."""
        if self.last == 0:
            self.first = self.last = seq
        elif seq > self.last:
            self.promise(seq - 1)
            self.last = seq
        elif seq < self.first:
            if seq < self.first - 1:
                self.gaps.insert(0, (seq + 1, self.first - 1))
            self.first = seq
        else:
            return self._fill(seq)
        return True

    def promise(self, seq: int) -> bool:
        """All up to `seq` have been sent: what has not come is missing. False when that is no news."""
        if self.last == 0 or seq <= self.last:
            return False
        if self.gaps and self.gaps[-1][1] == self.last:
            self.gaps[-1] = (self.gaps[-1][0], seq)
        else:
            self.gaps.append((self.last + 1, seq))
        self.last = seq
        return True

    def cover(self, first: int, last: int) -> bool:
        """All from `first` to `last` have been sent. False when that is no news."""
        if self.last == 0:
            self.first, self.last, self.gaps = first, last, [(first, last)]
            return True
        news = self.promise(last)
        if first >= self.first:
            return news
        start, end = self.gaps[0] if self.gaps else (0, 0)
        self.gaps[: start == self.first] = [(first, end if start == self.first else self.first - 1)]
        self.first = first
        return True

    def declare(self, start: int, end: int, why: str) -> int:
        """What is missing from `start` to `end` will never come; returns how many that are."""
        gone: list[Gap] = []
        left: list[Gap] = []
        for low, high in self.gaps:
            first, last = max(low, start), min(high, end)
            if first > last:
                left.append((low, high))
                continue
            gone.append((first, last))
            left += [gap for gap in ((low, first - 1), (last + 1, high)) if gap[0] <= gap[1]]
        self.gaps = left
        for gap in gone:
            self._keep_declared(*gap, why)
        return sum(last - first + 1 for first, last in gone)

    def _keep_declared(self, start: int, end: int, why: str) -> None:
        place = bisect_left(self.declared, start, key=lambda gap: gap[0])
        before = self.declared[place - 1] if place else None
        if before is not None and before[1:] == (start - 1, why):
            self.declared[place - 1] = (before[0], end, why)
        else:
            self.declared.insert(place, (start, end, why))

    def trim(self, most: int) -> int:
        """Keep so many gaps, and so many declared, the newest: begin to count behind those that go.

        Returns how many records were missing there, which nobody will ask for any more.
        """
        ends = [gaps[-most - 1][1] for gaps in (self.gaps, self.declared) if len(gaps) > most]
        if not ends:
            return 0
        before = self.missing
        self.first = max(ends) + 1
        self.gaps = [gap for gap in self.gaps if gap[1] >= self.first]
        self.declared = [gap for gap in self.declared if gap[1] >= self.first]
        return before - self.missing

    def _fill(self, seq: int) -> bool:
        place = bisect_left(self.gaps, seq, key=lambda gap: gap[1])
        if place < len(self.gaps) and self.gaps[place][0] <= seq:
            start, end = self.gaps[place]
            parts = ((start, seq - 1), (seq + 1, end))
            self.gaps[place : place + 1] = [gap for gap in parts if gap[0] <= gap[1]]
            return True
        return self._fill_declared(seq)

    def _fill_declared(self, seq: int) -> bool:
        """A record that was declared gone has come all the same: a journal was put back."""
        place = bisect_left(self.declared, seq, key=lambda gap: gap[1])
        if place == len(self.declared) or self.declared[place][0] > seq:
            return False
        start, end, why = self.declared[place]
        parts = ((start, seq - 1, why), (seq + 1, end, why))
        self.declared[place : place + 1] = [gap for gap in parts if gap[0] <= gap[1]]
        return True
