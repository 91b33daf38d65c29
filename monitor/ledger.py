"""Which records of one journal have come: repeats, and the seqs that are missing.

The rule: count from the lowest seq that this store has seen to the highest. What an agent
recorded before this monitor first heard of it was never promised to this monitor.
"""

from bisect import bisect_left
from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
    """The seqs of one (device, epoch): `first` to `last` without `gaps`, inclusive (from, to), ascending."""

    first: int = 0
    last: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """How many records between the first and the last have not come."""
        return sum(end - start + 1 for start, end in self.gaps)

    @property
    def had(self) -> int:
        """How many records have come."""
        return 0 if self.last == 0 else self.last - self.first + 1 - self.missing

    def enter(self, seq: int) -> bool:
        """Note one seq (1 or more); False when it had come before."""
        if self.last == 0:
            self.first = self.last = seq
        elif seq > self.last:
            if seq > self.last + 1:
                self.gaps.append((self.last + 1, seq - 1))
            self.last = seq
        elif seq < self.first:
            if seq < self.first - 1:
                self.gaps.insert(0, (seq + 1, self.first - 1))
            self.first = seq
        else:
            return self._fill(seq)
        return True

    def _fill(self, seq: int) -> bool:
        place = bisect_left(self.gaps, seq, key=lambda gap: gap[1])
        if place == len(self.gaps) or self.gaps[place][0] > seq:
            return False
        start, end = self.gaps[place]
        self.gaps[place : place + 1] = [gap for gap in ((start, seq - 1), (seq + 1, end)) if gap[0] <= gap[1]]
        return True
