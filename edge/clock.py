"""What time it is, and how far that can be trusted: a Pi has no battery clock."""

import ctypes
import time
from pathlib import Path
from typing import Literal

ClockQuality = Literal["ntp", "holdover", "unsynced"]

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_BUILT = 1_760_000_000  # no clock that is right can be before this program was written


class _Timex(ctypes.Structure):
    """struct timex; only its size matters, since it is read with modes = 0."""

    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_char * 252))


def clock_quality() -> ClockQuality:
    """`ntp` while the kernel says so, `holdover` when the time is at least believable."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(_Timex()))
    except (OSError, AttributeError):  # not Linux
        state = _TIME_ERROR
    if 0 <= state < _TIME_ERROR:
        return "ntp"
    return "holdover" if time.time() > _BUILT else "unsynced"


def boot_id() -> str:
    """The kernel's id of this boot; empty where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
