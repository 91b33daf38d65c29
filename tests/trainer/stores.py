"""A monitor's store as a device fills it: a simulated room, judged by the edge's own detector."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.detection.calibration import calibrate
from edge.detection.habits import learn_habits
from edge.detection.judgement import Judgement
from edge.detection.replay import judge
from edge.message import encode
from edge.record import Origin, event_message, record
from edge.recording import Recording
from monitor.changes import Changes
from monitor.ledger import Ledger
from monitor.message import Event, decode, decode_record
from monitor.store import Store
from trainer.fit import KerasNetwork
from trainer.prior import shipped

EPOCH = "0123456789abcdef"


@dataclass(frozen=True)
class Told:
    """What a device has told of a room."""

    records: list[dict[str, Any]]
    events: list[dict[str, Any]]  # each change of them

    def named(self, *names: int) -> list[dict[str, Any]]:
        """The events with these numbers, as they were when they ended."""
        return [each for each in self.events if each["id"] in names and each["phase"] == "end"]


def judged(room: Recording, days: float) -> Judgement:
    """What a detector that has learnt from the first days alone says of all."""
    past = room.between(0, round(days * 86_400 / room.period_s))
    prior = shipped("masked")
    habits = learn_habits(past)
    windowing = habits.windowing.with_shapes(prior.shapes)
    network = KerasNetwork(prior.model(windowing))
    detector = calibrate(past, replace(habits, windowing=windowing), network, 1.0, prior.fleet)
    return judge(room, network, windowing, detector)


def told(room: Recording, judgement: Judgement, epoch: str = EPOCH) -> Told:
    """The device's messages, reading by reading."""
    origin = Origin(epoch, "b", "iio", False, room.channels, room.channels, "first 1")
    records, events, number = [], [], 0
    for row, verdict in enumerate(judgement.verdicts):
        seq = row + 1
        reading = replace(room.reading(row), fault=None)
        records.append(record(origin, seq, "ntp", reading, verdict))
        for change in verdict.changes:
            number = seq if change.phase == "start" else number
            events.append(event_message(origin, seq, number, reading.ts_ms, change, []))
    return Told(records, events)


def keep(path: Path, story: Told, device: str = "cellar") -> Store:
    """A store with it, still open."""
    store = Store(path)
    changes = Changes()
    changes.records = [(device, decode_record(encode(each))) for each in story.records]
    for table in story.events:
        event = decode(json.dumps(table).encode(), Event)
        changes.events.append((device, event.epoch, event.id, event.seq, event.onset_ms, encode(table)))
    epochs = {each["epoch"]: each["seq"] for each in story.records}
    for epoch, last in epochs.items():
        changes.ledgers[device, epoch] = Ledger(1, last)
    store.commit(changes)
    return store


def rings(events: Iterable[dict[str, Any]], from_ms: float, to_ms: float) -> list[int]:
    """The numbers of anomalies that were on between two times."""
    ended = [each for each in events if each["phase"] == "end" and each["state"] == "anomalous"]
    return [each["id"] for each in ended if each["onset_ms"] <= to_ms and each["end_ms"] >= from_ms]
