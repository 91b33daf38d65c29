"""What time it is, and how far that can be trusted: a Pi has no battery clock."""

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

ClockQuality = Literal["ntp", "holdover", "unsynced"]

# No clock that is right can be before this program was written.
BELIEVABLE_MS = 1_760_000_000_000

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
# The kernel is asked how good the clock is no more often than this, unless the clock moves.
_CHECK_MS = 60_000
STEP_MS = 1_000


class _Timex(ctypes.Structure):
    """struct timex; only its size matters, since it is read with modes = 0."""

    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_char * 252))


def clock_quality() -> ClockQuality:
    """`ntp` while the kernel says so, `holdover` when the time is at least believable."""
    if time.time_ns() // 1_000_000 <= BELIEVABLE_MS:
        return "unsynced"
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(_Timex()))
    except (OSError, AttributeError):  # not Linux
        state = _TIME_ERROR
    return "ntp" if 0 <= state < _TIME_ERROR else "holdover"


def boot_id() -> str:
    """The kernel's id of this boot; empty where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


class BootClock:
    """The wall clock beside the monotonic one, from one reading to the next: notices when it is set."""

    def __init__(self, quality: Callable[[], ClockQuality] = clock_quality) -> None:
        """`quality` is asked at once, after a minute, and whenever the wall clock was moved."""
        self._ask = quality
        self.quality: ClockQuality = quality()
        self.offset_ms: int | None = None  # wall time minus monotonic time
        self.shift_ms = 0  # what the wall clock was moved by since the first reading
        self._first_offset_ms = 0
        self._checked_ms = 0
        self._best: ClockQuality = "unsynced"  # that was told of so far

    def see(self, ts_ms: int, mono_ms: int) -> bool:
        """The times of a new reading; True when the clock can be trusted more than ever before.

        Then `offset_ms`, `shift_ms` and `quality` date what was read earlier.
        """
        offset_ms = ts_ms - mono_ms
        if self.offset_ms is None:
            self._first_offset_ms = offset_ms
        moved = self.offset_ms is None or abs(offset_ms - self.offset_ms) > STEP_MS
        if moved or mono_ms - self._checked_ms >= _CHECK_MS:
            self.quality, self._checked_ms = self._ask(), mono_ms
        self.offset_ms = offset_ms
        self.shift_ms = offset_ms - self._first_offset_ms
        better = _RANK[self.quality] > _RANK[self._best]
        if better:
            self._best = self.quality
        return better


_RANK: dict[ClockQuality, int] = {"unsynced": 0, "holdover": 1, "ntp": 2}
