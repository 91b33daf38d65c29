"""One device as the monitor knows it: presence, newest record, what came and what did not."""

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from monitor.dating import Clocks
from monitor.ledger import Ledger
from monitor.message import SEQ_MOST, Event, Health, Info, Judged, Record, Status, epochs_told, pruned

JOURNALS_SHOWN = 20  # the newest; their records count all the same
CHANNELS_EACH = 32  # names that a device's records have had so far
HERALDS_MOST = 16  # journals of which nothing but events has come


@dataclass(slots=True)
class Device:
    """Everything but the records themselves. Belongs to the ingest thread."""

    id: str
    heard_ms: int  # the monitor's wall time of the last data, or of its first word of the device
    status: Status | None = None
    info: Info | None = None
    health: Health | None = None
    newest: Judged | None = None
    last_event: Event | None = None
    ledgers: dict[str, Ledger] = field(default_factory=dict)  # by epoch
    clocks: Clocks = field(default_factory=Clocks)
    born: str | None = None  # the session of the newest birth
    records: int = 0  # that have come
    repeated: int = 0
    malformed: int = 0
    channels: set[str] = field(default_factory=set)
    heralded: set[str] = field(default_factory=set)  # epochs of which nothing but events has come
    info_shown: Any = None  # as the page gets them
    health_shown: Any = None

    def see_status(self, status: Status) -> None:
        """A birth, a will, or a clean stop. A birth also names the session that is alive now."""
        self.status = status
        if status.state == "online":
            self.born = status.session

    def see_info(self, info: Info) -> None:
        """A birth certificate."""
        self.info = info
        self.info_shown = msgspec.to_builtins(info)
        self.born = info.session

    def see_record(self, judged: Judged) -> None:
        """A record or its hint on `state`; the newest one stays. Backlogs come out of order."""
        if self.newest is None or _is_newer(judged.record, self.newest.record, self.info):
            self.newest = self.with_known_channels(judged)

    def with_known_channels(self, judged: Judged) -> Judged:
        """The record without channels that are more than any sensor has: names cost memory in every chart."""
        if judged.values.keys() <= self.channels:
            return judged
        for key in judged.values:
            if len(self.channels) < CHANNELS_EACH:
                self.channels.add(key)
        values = {key: value for key, value in judged.values.items() if key in self.channels}
        return Judged(judged.record, values)

    def see_health(self, health: Health) -> set[str]:
        """How the agent is; the epochs of which it says that more was sent than came. Raises Malformed."""
        told = epochs_told(health)
        journal, sensor = pruned(health.journal), pruned(health.sensor)
        self.health = msgspec.structs.replace(health, journal=journal, sensor=sensor)
        self.health_shown = msgspec.to_builtins(self.health)
        ledger, sent = self.ledgers.get(health.epoch or ""), health.journal.get("sent_seq")
        promised = ledger is not None and isinstance(sent, int) and ledger.promise(min(sent, SEQ_MOST))
        return self._cover(told) | ({health.epoch} if promised and health.epoch else set())

    def _cover(self, told: list[tuple[str, int, int]]) -> set[str]:
        """Epochs in their order: of the first that we know the rest, of the later ones all was sent."""
        known = [place for place, (epoch, _, _) in enumerate(told) if epoch in self.ledgers]
        if not self.ledgers:
            return set()  # what was before we first heard of the device was never promised to us
        changed: set[str] = set()
        for epoch, first, last in told[known[0] if known else 0 :]:
            ledger = self.ledgers.setdefault(epoch, Ledger())
            from_seq = ledger.first if known and epoch == told[known[0]][0] else first
            if first <= last and ledger.cover(from_seq, last):
                changed.add(epoch)
        return changed

    def enter(self, record: Record) -> bool:
        """Into the ledger; False when it had come before."""
        if self.ledgers.setdefault(record.epoch, Ledger()).enter(record.seq):
            self.records += 1
            self.heralded.discard(record.epoch)
            return True
        self.repeated += 1
        return False

    def herald(self, epoch: str) -> bool:
        """An event of that epoch has come, maybe before its first record. False when there are too many."""
        if epoch not in self.ledgers and epoch not in self.heralded:
            if len(self.heralded) >= HERALDS_MOST:
                return False
            self.heralded.add(epoch)
        return True

    def forget_journals(self, most: int) -> list[str]:
        """Keep so many of its journals: gives the epochs that have gone, those with the fewest records."""
        too_many = len(self.ledgers) - most
        if too_many <= 0:
            return []
        current = {known.epoch for known in (self.info, self.newest and self.newest.record) if known}
        others = [epoch for epoch in self.ledgers if epoch not in current]
        gone = sorted(others, key=lambda epoch: self.ledgers[epoch].had)[:too_many]
        for epoch in gone:
            del self.ledgers[epoch]
        return gone

    @property
    def presence(self) -> str:
        """`online`, `offline`, `disconnected`, or `unknown` before any word of it.

        A broker publishes a will late, maybe after the device is back: only a will of the session
        that was born last counts.
        """
        if self.status is None:
            return "unknown" if self.newest is None and self.info is None else "online"
        if self.status.state != "online" and self.born not in (None, self.status.session):
            return "online"
        return self.status.state

    @property
    def condition(self) -> str:
        """The one word for the list: offline, stopped, or the state of the newest record."""
        if self.presence == "offline":
            return "offline"
        if self.presence == "disconnected":
            return "stopped"
        return "unknown" if self.newest is None else self.newest.record.state

    def summary(self) -> dict[str, Any]:
        """What the page needs to know, ready for JSON."""
        return {
            "id": self.id,
            "condition": self.condition,
            "presence": self.presence,
            "heard_ms": self.heard_ms,
            "newest": None if self.newest is None else self.newest.to_page(),
            "info": self.info_shown,
            "health": self.health_shown,
            "counts": {
                "received": sum(ledger.had for ledger in self.ledgers.values()),
                "missing": sum(ledger.missing for ledger in self.ledgers.values()),
                "gone": sum(ledger.gone for ledger in self.ledgers.values()),
                "repeated": self.repeated,
                "malformed": self.malformed,
            },
            "journals": {
                epoch: {
                    "first": ledger.first,
                    "last": ledger.last,
                    "missing": ledger.gaps[-20:],
                    "gone": ledger.declared[-20:],
                }
                for epoch, ledger in islice(reversed(self.ledgers.items()), JOURNALS_SHOWN)
            },
        }


def _is_newer(one: Record, other: Record, info: Info | None) -> bool:
    if one.epoch == other.epoch:
        return one.seq >= other.seq
    current = None if info is None else info.epoch
    if current in (one.epoch, other.epoch):
        return one.epoch == current
    return one.ts_ms >= other.ts_ms
