"""A monitor's store as history: one device's good readings in the room's own time, with what people said."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.errors import RecordingError
from edge.reading import CHANNELS, Channel
from edge.recording import Labels as Rows
from edge.recording import Recording, Times, Values, find_gaps, sampling_period
from monitor.reader import Labelled, Missed, StoreReader
from trainer.labels import LabelledEvent, taken, wanted
from trainer.store_records import StoreRecords, collected, in_order, room_time

LEAST_PERIOD_S = 0.5  # no sensor of a room is read more often
FEWEST_ROWS = 2  # that have a period
ALARMS = ("anomalous", "sensor_fault")  # the kinds of events that are alarms
NEWEST = 100  # of the good readings tell what the sensor measures


@dataclass(frozen=True, slots=True)
class StoreHistory:
    """One device's."""

    recording: Recording  # all good readings, those in alarms too
    events: tuple[LabelledEvent, ...]  # alarms that people spoke of, and those that they missed
    device: str

    def normal(self) -> Recording:
        """Without the readings of alarms that people say are true, or missed: gaps are in their place."""
        return taken(self.recording, ~wanted(self.recording, self.events))


def read_store(path: Path, device: str | None) -> StoreHistory:
    """The history of a device, of the only one when none is named. Raises RecordingError."""
    epochs: dict[str, int] = {}
    with StoreReader(path) as store:
        device = _chosen(path, store.devices(), device)
        records = in_order(collected(store.blocks(device), epochs))
        labelled, missed = store.labels(device)
    at_ms = room_time(records)
    events = tuple(_events(records, at_ms, epochs, labelled, missed))
    recording = _recording(f"{path} ({device})", records, at_ms)
    found = _found(device, len(at_ms), recording, labelled, events)
    return StoreHistory(replace(recording, found=found), events, device)


def _chosen(path: Path, devices: list[str], device: str | None) -> str:
    names = ", ".join(devices)
    if not devices:
        raise RecordingError(f"{path}: no device has sent records to this store")
    if device is None and len(devices) > 1:
        raise RecordingError(
            f"{path}: {len(devices)} devices are in this store; add --device, one of {names}"
        )
    if device is not None and device not in devices:
        raise RecordingError(f"{path}: no records of a device {device!r}; there are {names}")
    return device or devices[0]


def _recording(name: str, records: StoreRecords, at_ms: Times) -> Recording:
    good = np.flatnonzero(records.good)
    good = good[np.diff(at_ms[good], prepend=np.iinfo(np.int64).min // 2) > 0]
    channels = _channels(records.values[good[-NEWEST:]])
    if len(good) < FEWEST_ROWS or not channels:
        raise RecordingError(f"{name}: {len(good)} good readings are too few to train on")
    ts_ms = at_ms[good]
    period_s = sampling_period(ts_ms)
    if period_s < LEAST_PERIOD_S:
        raise RecordingError(
            f"{name}: a reading every {period_s:g} s, as from a simulated room that lives faster than its "
            "clock; train on a simulated room with: python -m trainer"
        )
    places = [list(CHANNELS.values()).index(each) for each in channels]
    return Recording(
        name=name,
        ts_ms=ts_ms,
        channels=channels,
        values=records.values[good][:, places],
        labels=None,
        kinds=None,
        period_s=period_s,
        gaps=find_gaps(ts_ms, period_s),
        columns={each.name: each.key for each in channels},
        found=(),
    )


def _channels(newest: Values) -> tuple[Channel, ...]:
    """Those that the sensor measures now."""
    return tuple(
        each for each, column in zip(CHANNELS.values(), newest.T, strict=True) if not np.isnan(column).all()
    )


def _events(
    records: StoreRecords,
    at_ms: Times,
    epochs: dict[str, int],
    labelled: list[Labelled],
    missed: list[Missed],
) -> Iterator[LabelledEvent]:
    """What can be learnt from: a person was sure, and it is an alarm."""
    for each in labelled:
        event = each.event
        if each.label.verdict is None or event.state not in ALARMS:
            continue
        end_ms = event.end_ms if event.end_ms is not None else event.ts_ms
        rows = (
            (records.epoch == epochs.get(event.epoch, -1))
            & (records.seq >= event.id)
            & (records.ts <= end_ms)
        )
        yield LabelledEvent(
            each.label.verdict,
            event.state,
            event.onset_ms,
            max(0, end_ms - event.onset_ms),
            _span(at_ms, rows),
            event.channel,
            event.score,
            event.why,
            event.model,
            each.label.note,
        )
    for one in missed:
        rows = (records.ts >= one.from_ms) & (records.ts <= one.to_ms)
        length_ms = one.to_ms - one.from_ms
        yield LabelledEvent("missed", "missed", one.from_ms, length_ms, _span(at_ms, rows), note=one.note)


def _span(at_ms: Times, rows: Rows) -> tuple[int, int] | None:
    found = at_ms[rows]
    return (int(found.min()), int(found.max())) if len(found) else None


def _found(
    device: str, count: int, recording: Recording, labelled: list[Labelled], events: tuple[LabelledEvent, ...]
) -> tuple[str, ...]:
    names, good = ", ".join(f"{c.name} ({c.unit})" for c in recording.channels), len(recording)
    read = (
        f"the monitor's store, device {device}: {names}",
        f"{good} good readings, one in {recording.period_s:g} s; {count - good} others are left out as gaps",
    )
    if not labelled and not events:
        return read
    kinds = [each.verdict for each in events]
    true, false, missed = (kinds.count(kind) for kind in ("true_alarm", "false_alarm", "missed"))
    away = int(wanted(recording, events).sum())
    said = (
        f"people said: {true} true alarm{_s(true)}, {false} false, {missed} missed; {away} readings of true "
        "and missed ones are left out, those of false ones count as normal"
    )
    others = len(labelled) - true - false
    more = f"{others} other label{_s(others)} (unsure, or of what is no alarm) change nothing"
    return (*read, said, more) if others else (*read, said)


def _s(count: int) -> str:
    return "" if count == 1 else "s"
