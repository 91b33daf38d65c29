"""A long shift, from the recording to the broker: an event of its own beside the alarm."""

import csv
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge.agent import Agent
from edge.bundle import bundle as bundles
from edge.csvfile import write_csv
from edge.detection.replay import judge as judge_recording
from edge.journal import Journal
from edge.judge import Judge, Model
from edge.message import decode
from edge.record import Origin
from edge.recording import Recording
from edge.sources.replay import Replay
from edge.sources.simulator import simulate
from tests.brokers import mosquitto
from tests.edge.test_agent import DEADLINE_S, ROOT, agent, schema, subscriber

HOUR = 360  # readings


def cooled(hours: int) -> Recording:
    """A room that somebody lets cool by 8 °C from 2:00 to 5:00, and heats again from 7:00 to 10:00."""
    recording = simulate(hours * 3600.0, 10.0, 7)
    at = np.arange(len(recording)) / HOUR
    values = recording.values.copy()
    values[:, 0] -= 8.0 * np.clip(np.minimum((at - 2.0) / 3.0, (10.0 - at) / 3.0), 0.0, 1.0)
    return replace(recording, values=values)


def with_spike(recording: Recording, row: int) -> Recording:
    """A minute of 8 °C more."""
    values = recording.values.copy()
    values[row : row + 6, 0] += 8.0
    return replace(recording, values=values)


def phases(events: list[dict[str, Any]], state: str) -> list[dict[str, Any]]:
    return [event for event in events if event["state"] == state]


def test_a_long_shift_is_an_event_around_an_anomaly_and_no_alarm(room_bundle: Path, tmp_path: Path) -> None:
    recording = with_spike(cooled(14), 7 * HOUR)
    series, judged = tmp_path / "series.csv", tmp_path / "judged.csv"
    write_csv(recording, series)
    with mosquitto() as broker, subscriber(broker) as heard:
        flags = ["--source", "replay", "--file", series, "--bundle", room_bundle]
        with agent(tmp_path, *flags, "--broker", f"127.0.0.1:{broker.port}") as process:
            assert process.wait(DEADLINE_S) == 0
        heard.wait(lambda: len(heard.records()) == len(recording))
        events, records = heard.of("event"), heard.records()
    for event in events:
        schema("event").validate(event)

    start, *updates, end = phases(events, "advisory")
    assert (start["phase"], end["phase"]) == ("start", "end")
    assert all(event["phase"] == "update" for event in updates)
    assert start["id"] == end["id"] == start["seq"]
    assert start["score"] >= 1.0 and start["channel"] == "temperature_c"
    assert [start[key] for key in ("observed", "expected", "spread", "share")] == [{}] * 4
    assert "for hours" in start["why"]

    opened, *_, closed = phases(events, "anomalous")
    assert start["seq"] < opened["seq"] < closed["seq"] < end["seq"]
    assert closed["id"] == opened["id"]
    assert all(records[seq]["state"] == "normal" for seq in range(closed["seq"], end["seq"] + HOUR))

    command = [sys.executable, "-m", "edge", "replay", str(series), "--bundle", str(room_bundle)]
    subprocess.run([*command, "--out", str(judged)], cwd=ROOT, check=True, capture_output=True)
    with judged.open() as stream:
        rows = list(csv.DictReader(stream))
    advised = [seq for seq, row in enumerate(rows, 1) if row["advisory"] == "1"]
    assert advised == list(range(start["seq"], end["seq"]))
    assert {row["event"] for row in rows} == {"", "1"}, "a long shift is not counted among the alarms"


def test_two_events_that_one_reading_opens_have_a_number_each_and_both_end(
    room_bundle: Path, tmp_path: Path
) -> None:
    model = bundles.load(room_bundle)
    quiet = cooled(10)
    verdicts = judge_recording(quiet, model.network(), model.windowing, model.detector).verdicts
    row = next(row for row, verdict in enumerate(verdicts) if verdict.changes)
    last = row + HOUR // 6  # the end of watching finds both open
    recording = with_spike(quiet.between(0, last), row)

    journal = Journal(tmp_path / "journal.db")
    channels = recording.channels
    origin = Origin(journal.epoch, "boot", "replay", False, channels, model.channels, model.label)
    judge = Judge(Model(model.label, model.channels, model.open_detector()))
    Agent(Replay(recording), judge, journal, origin).run(0.0, threading.Event())
    events = [decode(body) for _, body in journal.events_after(0, 100)]
    journal.close()

    told = {(event["phase"], event["state"]): (event["id"], event["seq"]) for event in events}
    (slow, slow_seq), (alarm, alarm_seq) = told["start", "advisory"], told["start", "anomalous"]
    assert slow_seq == alarm_seq == row + 1
    assert {slow, alarm} == {row + 1, row + 2}
    assert told["end", "advisory"] == (slow, last)
    assert told["end", "anomalous"] == (alarm, last)
    assert {event["id"] for event in phases(events, "advisory")} == {slow}
    assert {event["id"] for event in phases(events, "anomalous")} == {alarm}
