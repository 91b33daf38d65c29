"""How much may be under way to a broker, with a clock and a line of the test's own."""

from hypothesis import given
from hypothesis import strategies as st

from edge.message import BATCH_BYTES, BATCH_RECORDS
from edge.uplink.flow import (
    FIRST_BYTES,
    LEAST_BYTES,
    MOST_BYTES,
    RECORDS_PER_S,
    REMEMBERED_S,
    SMALLEST_BYTES,
    Flow,
)

RECORD_BYTES = 500


class Line:
    """A line that carries so many bytes a second, one message after another."""

    def __init__(self, bytes_per_s: float) -> None:
        self.now = 0.0
        self.flow = Flow(lambda: self.now)
        self._bytes_per_s = bytes_per_s
        self._queue: list[tuple[float, int, int]] = []  # when it is there, number, bytes
        self._free_at = 0.0
        self._number = 0
        self.sent = 0

    @property
    def under_way(self) -> int:
        return sum(size for _, _, size in self._queue)

    def fill(self) -> None:
        """All that may be sent now."""
        while (room := self.flow.room)[0]:
            records = max(1, min(room[0], room[1] // RECORD_BYTES))
            self._number += 1
            size = records * RECORD_BYTES
            self._free_at = max(self._free_at, self.now) + size / self._bytes_per_s
            self._queue.append((self._free_at, self._number, size))
            self.flow.sent(self._number, size, records)
            self.sent += records

    def step(self) -> None:
        """To the next acknowledgement, or until the rate allows more."""
        if self._queue:
            self.now, number, _ = self._queue.pop(0)
            self.flow.answered(number)
        else:
            self.now += max(1e-3, self.flow.wait_s)
        self.fill()


@given(st.floats(300.0, 5_000.0))
def test_a_slow_line_never_holds_more_than_the_first_bytes_and_soon_the_least(bytes_per_s):
    line = Line(bytes_per_s)
    line.fill()
    assert line.under_way <= FIRST_BYTES
    for _ in range(30):
        line.step()
    # what is under way when an event comes is what it has to wait for
    assert line.under_way <= max(LEAST_BYTES, 4.0 * bytes_per_s)


@given(st.floats(1e7, 1e9))
def test_a_fast_line_is_held_up_by_the_rate_alone(bytes_per_s):
    line = Line(bytes_per_s)
    line.fill()
    while line.now < 20.0:
        line.step()
    assert 0.8 * RECORDS_PER_S <= line.sent / line.now <= RECORDS_PER_S * 1.1
    assert line.under_way <= MOST_BYTES


def test_a_message_on_which_the_connection_broke_is_half_as_large_for_an_hour():
    now = 0.0
    flow = Flow(lambda: now)
    sizes = []
    for number in range(9):
        sizes.append(flow.largest)
        for _ in range(2):  # once may be the line
            flow.sent(number, flow.largest, 1)
            flow.broke()
    assert sizes == [BATCH_BYTES // 2**halvings for halvings in range(7)] + [SMALLEST_BYTES] * 2
    now = REMEMBERED_S
    assert flow.largest == BATCH_BYTES


def test_many_messages_refused_at_once_halve_the_size_once():
    flow = Flow(lambda: 0.0)
    for number in range(20):
        flow.sent(number, BATCH_BYTES, 1)
    assert [flow.too_large(number) for number in range(20)] == [True] + [False] * 19
    assert flow.largest == BATCH_BYTES // 2


def test_breaks_with_large_messages_acknowledged_in_between_are_the_line():
    flow = Flow(lambda: 0.0)
    for _ in range(10):
        for number in (1, 2):
            flow.sent(number, BATCH_BYTES, 1)
        flow.answered(1)
        flow.broke()
    assert flow.largest == BATCH_BYTES


def test_a_connection_that_breaks_with_nothing_under_way_says_nothing_of_sizes():
    flow = Flow(lambda: 0.0)
    flow.sent(1, BATCH_BYTES, BATCH_RECORDS)
    flow.answered(1)
    flow.broke()
    assert flow.largest == BATCH_BYTES
