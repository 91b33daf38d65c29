"""An event as the page shows it: open, or past though nobody said so."""

from collections.abc import Mapping
from typing import Any

import msgspec

from monitor.message import Event

# kinds of events that can be open beside an alarm, and that no record shows
APART = ("advisory", "namesake")


def event_to_page(event: Event, summary: Mapping[str, Any]) -> dict[str, Any]:
    """An event for the page. `open` is False too when its end was never reported but is past.

    An agent that was switched off in an event's middle never tells its end; the device's `summary`
    does: by a later record that is neither anomalous nor faulty, or by a journal begun since. Of the
    events that are apart only the latter tells, since records have no part in them.
    """
    info, newest = summary["info"], summary["newest"]
    known = info or newest
    lives = known is None or known["epoch"] == event.epoch
    later = newest is not None and newest["epoch"] == event.epoch and newest["seq"] > event.seq
    over = event.state not in APART and later and newest["state"] not in ("anomalous", "sensor_fault")
    return {**msgspec.to_builtins(event), "open": event.end_ms is None and lives and not over}
