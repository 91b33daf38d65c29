"""How much may be under way to the broker at once: little on a slow line, so that an event never waits long.

What is handed to the network cannot be overtaken any more. So the bytes that no acknowledgement has
come for are held to what the line carries in a second or two: more while acknowledgements come
soon, half when one is late (the idea of TCP's congestion window). And a message that a connection
broke on is sent in parts half as large: an MQTT 3.1.1 broker does not say how large a packet may be.
"""

import time
from collections.abc import Callable

from edge.message import BATCH_BYTES, BATCH_RECORDS
from edge.uplink.allowance import Allowance

MOST_MESSAGES = 20
MOST_BYTES = MOST_MESSAGES * BATCH_BYTES
FIRST_BYTES = 16 * 1024
LEAST_BYTES = 4 * 1024
SMALLEST_BYTES = 512  # of a message; one record it always is
SOON_S = 1.0
LATE_S = 2.0
# Half sizes are tried whole again after this.
REMEMBERED_S = 3600.0
# A backlog leaves no faster than this: a day of one a second in half a minute.
RECORDS_PER_S = 3000.0


class Flow:
    """Not for several threads: its owner holds a lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._window = FIRST_BYTES
        self._under_way: dict[int, tuple[float, int]] = {}  # number of a message to when and how large
        self._largest = BATCH_BYTES
        self._breaks = 0  # in a row, with a large message under way
        self._forget_at = 0.0  # when `_largest` is a thing of the past
        self._allowance = Allowance(RECORDS_PER_S, RECORDS_PER_S, clock)

    @property
    def largest(self) -> int:
        """Bytes that one message may have."""
        if self._clock() >= self._forget_at:
            self._largest = BATCH_BYTES
        return self._largest

    @property
    def room(self) -> tuple[int, int]:
        """How many records, and bytes, may go into the next message; (0, 0): not yet."""
        used = sum(size for _, size in self._under_way.values())
        size = min(self.largest, max(LEAST_BYTES, self._window // 2))
        crowded = len(self._under_way) >= MOST_MESSAGES or (used and used + size > self._window)
        # whole batches: a rate that is spent record by record would be messages of one record each
        return (0, 0) if crowded or self._allowance.left < BATCH_RECORDS else (BATCH_RECORDS, size)

    @property
    def wait_s(self) -> float:
        """Seconds until the rate allows more; 0 when it is an acknowledgement that must come first."""
        return self._allowance.wait_s(BATCH_RECORDS)

    def sent(self, number: int, size: int, records: int) -> None:
        """A message was handed to the network."""
        self._under_way[number] = (self._clock(), size)
        self._allowance.spend(records)

    def answered(self, number: int) -> None:
        """The broker has said something to that message; one of no ours changes nothing."""
        since, size = self._under_way.pop(number, (None, 0))
        if since is None:
            return
        if 2 * size >= self._largest:
            self._breaks = 0
        took = self._clock() - since
        if took < SOON_S:
            self._window = min(MOST_BYTES, self._window + size)
        elif took > LATE_S:
            self._window = max(LEAST_BYTES, self._window // 2)

    def broke(self) -> None:
        """The connection is gone, perhaps because a message was too large for the broker."""
        if not self._under_way:
            return
        self._breaks += 1
        if self._breaks >= 2:  # once is the line
            self._halve(max(size for _, size in self._under_way.values()))
        self._under_way.clear()
        self._window = FIRST_BYTES

    def too_large(self, number: int) -> bool:
        """The broker said that of that message; whether the next ones are smaller."""
        _, size = self._under_way.pop(number, (0.0, 0))
        return self._halve(size)

    def _halve(self, tried: int) -> bool:
        """One that was sent before the last halving tells nothing new."""
        if not SMALLEST_BYTES < tried <= self.largest:
            return False
        self._largest = max(SMALLEST_BYTES, tried // 2)
        self._forget_at, self._breaks = self._clock() + REMEMBERED_S, 0
        return True
