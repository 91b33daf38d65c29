"""Which numbers of a journal belong to which epoch, found without reading all of it.

Numbers go on over all epochs of one file, and an epoch that has ended never comes back: each is one
stretch of numbers, whose end a search by halves finds in some twenty reads.
"""

import re
from collections.abc import Callable

# where `edge.record` puts it: the second key of a record
_EPOCH = re.compile(rb'^\{"v":\d+,"epoch":"([0-9a-f]{16})"')
_PAGE = 8
_BYTES = 48 * 1024

Rows = list[tuple[int, bytes]]


class Epochs:
    """Stretches of numbers by epoch. `after` is `Journal.after`."""

    def __init__(self, after: Callable[[int, int, int], Rows]) -> None:
        self._after = after
        self._ended: dict[str, tuple[int, int]] = {}
        self._reached = 0

    def stretch(self, epoch: str, current: str, last_seq: int) -> tuple[int, int] | None:
        """The first and the last number of that epoch; None when no record of it is there.

        `current` is the journal's epoch, and reaches to `last_seq`.
        """
        while found := self._epoch_after(self._reached, last_seq):
            seq, its = found
            if its == current:
                return (seq, last_seq) if epoch == current else self._ended.get(epoch)
            self._reached = self._end(its, seq, last_seq)
            self._ended[its] = (seq, self._reached)
        return self._ended.get(epoch)

    def _end(self, epoch: str, low: int, high: int) -> int:
        """The last number of `epoch`, which `low` has, at most `high`."""
        while low < high:
            middle = (low + high + 1) // 2
            found = self._epoch_after(middle - 1, high)
            if found is not None and found[1] == epoch:
                low = max(middle, found[0])
            else:
                high = middle - 1
        return low

    def _epoch_after(self, seq: int, last: int) -> tuple[int, str] | None:
        """The first record above `seq` that says its epoch; damaged ones are passed over."""
        while page := self._after(seq, _PAGE, _BYTES):
            for number, body in page:
                if number > last:
                    return None
                if epoch := epoch_of(body):
                    return number, epoch
            seq = page[-1][0]
        return None


def epoch_of(body: bytes) -> str | None:
    """The epoch that a record, as it stands in the journal, says of itself."""
    found = _EPOCH.match(body)
    return found[1].decode() if found else None
