"""The clock: what it says, and whether anybody sets it."""

import time
from collections.abc import Callable, Iterator

from edge.clock import ClockQuality, clock_quality
from edge.doctor.report import Finding, fail, ok, warn

SUBJECT = "clock"
# A clock that is right will hardly meet this program beyond.
LAST_YEAR = 2099


def clock(
    quality: Callable[[], ClockQuality] = clock_quality, now_s: Callable[[], float] = time.time
) -> Iterator[Finding]:
    """Whether records will have the right time."""
    utc = time.gmtime(now_s())
    says = f"the clock says {time.strftime('%Y-%m-%d %H:%M:%S', utc)} UTC"
    found = quality()
    if found == "unsynced" or utc.tm_year > LAST_YEAR:
        yield fail(
            SUBJECT,
            f"{says}, which cannot be: TLS will fail, and records wait for the right time",
            "connect the Pi to a network with a time server, and look at `timedatectl`",
        )
    elif found == "holdover":
        yield warn(
            SUBJECT,
            f"{says}; it looks right, but no time server keeps it so",
            "run `timedatectl set-ntp true`, unless something else sets the clock",
        )
    else:
        yield ok(SUBJECT, f"{says}, kept by a time server")
