"""Which devices have a place: memory is bounded, and junk that spoke once keeps nobody out for ever.

A house that is full makes room for a newcomer at the cost of the one that was silent longest among
those that are hardly known: that have never sent a record, or only a few, long ago.
"""

import time
from collections.abc import Callable

from monitor.device import Device

DEVICES_MOST = 5000
FEW_RECORDS = 10  # a device that has sent as many as that stays
# How long a device must have been silent to make way, by how well it is known, for one that sends a record
NEVER_SENT_S = 10.0
HARDLY_SENT_S = 3600.0
# and for one that has said something else so far.
NEVER_SENT_FOR_WORDS_S = 600.0


class Roster:
    """Devices by id. Belongs to the ingest thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.devices: dict[str, Device] = {}
        self.refused = 0  # messages of devices for which there was no place
        self.dismissed = 0  # devices that have made way
        self._clock = clock
        # when each of these spoke last, the longest silent first
        self._without: dict[str, float] = {}
        self._with_few: dict[str, float] = {}

    def heard(self, device: Device) -> None:
        """It has spoken."""
        if device.records >= FEW_RECORDS:
            if self._without or self._with_few:
                self._forget(device.id)
            return
        self._forget(device.id)
        (self._with_few if device.records else self._without)[device.id] = self._clock()

    def _forget(self, device_id: str) -> None:
        self._without.pop(device_id, None)
        self._with_few.pop(device_id, None)

    def admit(self, newcomer: Device) -> str | None:
        """Give it a place if one can be had, and say who has lost theirs for it; else count it as refused."""
        leaver = None
        if len(self.devices) >= DEVICES_MOST:
            leaver = self._leaver(newcomer.records > 0)
            if leaver is None:
                self.refused += 1
                return None
            del self.devices[leaver]
            self._forget(leaver)
            self.dismissed += 1
        self.devices[newcomer.id] = newcomer
        self.heard(newcomer)
        return leaver

    def may_admit(self, with_records: bool) -> bool:
        """Whether a newcomer would get a place."""
        return len(self.devices) < DEVICES_MOST or self._leaver(with_records) is not None

    def _leaver(self, with_records: bool) -> str | None:
        enough = NEVER_SENT_S if with_records else NEVER_SENT_FOR_WORDS_S
        found = self._silent(self._without, enough)
        return found or (self._silent(self._with_few, HARDLY_SENT_S) if with_records else None)

    def _silent(self, pool: dict[str, float], seconds: float) -> str | None:
        first = next(iter(pool), None)
        return first if first is not None and self._clock() - pool[first] >= seconds else None
