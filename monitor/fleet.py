"""All devices: takes MQTT messages in, and says what changed for the store and for the page.

Any bytes may come on any topic; what breaks the contract is counted and dropped.
"""

import time
from dataclasses import dataclass, field

import msgspec

from edge.message import split_topic
from monitor.batch import records_of
from monitor.bounds import keep_bounds
from monitor.changes import Changes
from monitor.dating import Clocks
from monitor.device import Device
from monitor.message import (
    Event,
    Health,
    Info,
    Judged,
    Malformed,
    Response,
    Status,
    decode,
    decode_record,
)
from monitor.repair import Repair
from monitor.roster import Roster
from monitor.store import Store


@dataclass(slots=True)
class News:
    """What some messages changed."""

    changes: Changes = field(default_factory=Changes)
    devices: set[str] = field(default_factory=set)
    records: dict[str, list[Judged]] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    dated: set[str] = field(default_factory=set)  # devices whose earlier records have other times now

    @property
    def unsettled(self) -> set[str]:
        """Devices of whose earlier records some have other times now, or have gone."""
        return self.dated | set(self.changes.forgotten) | {device for device, _ in self.changes.dropped}


class Fleet:
    """Devices by id. Belongs to the ingest thread."""

    def __init__(self, repair: Repair | None = None) -> None:
        """`repair` gets to know what agents answer."""
        self._repair = repair
        self.roster = Roster()
        self.malformed = 0  # of all devices, and of topics that name none
        self.dropped = 0  # records and journals of which no account is kept: there were too many
        self._leaves = {
            "status": self._status,
            "info": self._info,
            "health": self._health,
            "state": self._state,
            "data": self._data,
            "event": self._event,
            "res": self._response,
        }

    @property
    def devices(self) -> dict[str, Device]:
        """By id."""
        return self.roster.devices

    @classmethod
    def load(cls, store: Store, repair: Repair | None = None) -> "Fleet":
        """The devices that the store knows, as they were when it was last written."""
        fleet = cls(repair)
        fleet._remember(store)
        for device_id, parts in store.devices().items():
            for leaf in ("status", "info", "health"):
                if payload := parts[leaf]:
                    fleet.take(f"picanary/v1/{device_id}/{leaf}", payload, News())
        for device_id, newest in store.newest_records():
            if device_id in fleet.devices:
                fleet.devices[device_id].see_record(newest)
        return fleet

    def go_back(self, store: Store) -> None:
        """What has come is what the store has: a commit was undone, and memory must not claim more."""
        self._remember(store)

    def _remember(self, store: Store) -> None:
        ledgers, doubted = store.ledgers(), store.doubted()  # either all of it, or it raises here
        for device in self.devices.values():
            device.ledgers, device.clocks, device.records = {}, Clocks(), 0
        for (device_id, epoch), ledger in ledgers.items():
            device = self.devices.get(device_id) or Device(device_id, heard_ms=_now_ms())
            device.ledgers[epoch] = ledger
            device.records += ledger.had
            self.devices[device_id] = device
        for device_id, boot in doubted:
            if device_id in self.devices:
                self.devices[device_id].clocks.recall(boot)
        for device in self.devices.values():
            self.roster.heard(device)

    def take(self, topic: str, payload: bytes, news: News) -> None:
        """One message; adds to `news` what it changed. Raises nothing, whatever the bytes are."""
        place = split_topic(topic)
        take = self._leaves.get("res" if place[1].startswith("res/") else place[1]) if place else None
        if place is None or take is None:
            self.malformed += 1
            return
        if not payload:
            return  # a retained message was cleared
        device = self.devices.get(place[0])
        if device is None:
            self._meet(place, payload, news)
            return
        news.devices.add(device.id)
        try:
            take(device, payload, news)
        except Malformed:
            self._count_malformed(device)
        self.roster.heard(device)

    def _meet(self, place: tuple[str, str], payload: bytes, news: News) -> None:
        """The first message of a device: who says nothing that can be understood gets no place."""
        device_id, leaf = place
        if leaf.startswith("res/"):
            return  # to somebody else's question
        if not self.roster.may_admit(with_records=leaf == "data"):
            self.roster.refused += 1
            return
        device = Device(device_id, heard_ms=_now_ms())
        try:
            self._leaves[leaf](device, payload, news)
        except Malformed:
            self._count_malformed(device)
            return
        if leaf == "data" and not device.records:
            return
        leaver = self.roster.admit(device)
        news.devices.add(device_id)
        if leaver is not None:
            news.changes.forgotten.append(leaver)
            self._forget_errand(leaver)

    def _forget_errand(self, device_id: str) -> None:
        if self._repair:
            self._repair.forget(device_id)

    def keep_bounds(self, news: News) -> None:
        """Forget what nobody can follow: journals that are too many, and gaps."""
        self.dropped += keep_bounds(self.devices.values(), news.changes)
        for device_id, _ in news.changes.dropped:
            self._forget_errand(device_id)  # which may be of that journal

    def _count_malformed(self, device: Device) -> None:
        device.malformed += 1
        self.malformed += 1

    def _status(self, device: Device, payload: bytes, news: News) -> None:
        device.see_status(decode(payload, Status))
        news.changes.devices.setdefault(device.id, {})["status"] = payload

    def _info(self, device: Device, payload: bytes, news: News) -> None:
        device.see_info(decode(payload, Info))
        news.changes.devices.setdefault(device.id, {})["info"] = payload

    def _health(self, device: Device, payload: bytes, news: News) -> None:
        for epoch in device.see_health(decode(payload, Health)):
            news.changes.ledgers[device.id, epoch] = device.ledgers[epoch]
        news.changes.devices.setdefault(device.id, {})["health"] = payload

    def _state(self, device: Device, payload: bytes, _: News) -> None:
        device.see_record(device.clocks.true(decode_record(payload)))

    def _data(self, device: Device, payload: bytes, news: News) -> None:
        device.heard_ms = _now_ms()
        for judged in records_of(payload):
            try:
                if judged is None:
                    raise Malformed("a record that breaks the contract")
                self._record(device, judged, news)
            except Malformed:  # the others of the batch are taken all the same
                self._count_malformed(device)

    def _response(self, device: Device, payload: bytes, news: News) -> None:
        response = decode(payload, Response)
        epoch = self._repair.answered(device, response) if self._repair else None
        if epoch is not None:
            news.changes.ledgers[device.id, epoch] = device.ledgers[epoch]

    def _record(self, device: Device, judged: Judged, news: News) -> None:
        seen = judged.record
        judged = device.clocks.true(judged)  # whatever can be wrong with it is, before it counts as had
        if not device.enter(seen):
            return
        told = device.clocks.see(seen)
        if told is not None:
            news.changes.dated.append((device.id, told))
            news.dated.add(device.id)
        record, judged = judged.record, device.with_known_channels(judged)
        device.see_record(judged)
        doubt = device.clocks.doubt(record)
        if doubt is not None:
            news.changes.note_doubt(device.id, record.epoch, doubt, record.seq)
        news.changes.records.append((device.id, judged))
        news.changes.ledgers[device.id, record.epoch] = device.ledgers[record.epoch]
        news.records.setdefault(device.id, []).append(judged)

    def _event(self, device: Device, payload: bytes, news: News) -> None:
        event = decode(payload, Event)
        if not device.herald(event.epoch):
            raise Malformed("events of more journals than a device can have begun")
        body = msgspec.json.encode(event)  # without the window, which the records show anyway
        row = (device.id, event.epoch, event.id, event.seq, event.onset_ms, body)
        news.changes.events.append(row)
        news.events.setdefault(device.id, []).append(event)


def _now_ms() -> int:
    return int(time.time() * 1000)
