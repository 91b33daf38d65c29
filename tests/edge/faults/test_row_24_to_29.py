"""Rows 24 to 29 of the fault table: a sensor that lies, falls silent or is another one than was said."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.agent import Agent
from edge.bundle.bundle import load
from edge.detection.replay import judge
from edge.errors import EndOfRecording
from edge.gate import fault_after
from edge.health import Health
from edge.journal import Journal
from edge.judge import Judge, Model
from edge.onlooker import Onlooker
from edge.reading import HUMIDITY, TEMPERATURE, Reading
from edge.record import Origin
from edge.recording import Recording
from edge.sources.fault import Fault
from edge.sources.simulator import simulate
from tests.edge import test_dht
from tests.edge.faults.journals import by_number

bench = test_dht.bench
CHANNELS = (TEMPERATURE, HUMIDITY)
HOUR_S, PERIOD_S = 3600.0, 10.0
SPOILT = 900  # the row that goes wrong, when the window has long been warm
FRAME = (0x01, 0xE7, 0x00, 0xD7)  # 48.7 %, 21.5 °C
Row = tuple[float | None, float | None]  # °C, %


class Script:
    """A source that reads one step after another."""

    name, channels, simulated = "dht", CHANNELS, False

    def __init__(self, steps: Iterable[Callable[[], Reading]]) -> None:
        self._steps = iter(steps)

    def read(self) -> Reading:
        for step in self._steps:
            return step()
        raise EndOfRecording("all steps are done")

    def close(self) -> None:
        """Nothing to let go of."""


class Kept:
    """What an agent left in its journal, and what it says of its health."""

    def __init__(self, tmp_path: Path, source: Script, bundle: Path | None = None) -> None:
        model = Model(None, (), Onlooker(CHANNELS, "no_model", "no model"))
        if bundle is not None:
            loaded = load(bundle)
            model = Model(loaded.label, loaded.channels, loaded.open_detector())
        journal = Journal(tmp_path / "journal.db")
        watching = Judge(model)
        origin = Origin(journal.epoch, "boot", "dht", False, CHANNELS, model.channels, model.label)
        agent = Agent(source, watching, journal, origin)
        try:
            while True:
                agent.sample()
        except EndOfRecording:
            journal.commit()
        self.health = Health(agent, journal, watching).report(None)
        with sqlite3.connect(tmp_path / "journal.db") as database:
            self.records = list(by_number(database).values())
            self.events = _bodies(database, "select body from events order by number")
        database.close()
        journal.close()

    def said(self, kind: str) -> list[tuple[str, str]]:
        """Phases and sentences of events of one kind."""
        return [(event["phase"], event["why"]) for event in self.events if event["state"] == kind]

    def pair(self, row: int) -> Row:
        return self.records[row]["temperature_c"], self.records[row]["humidity_pct"]


def _bodies(database: sqlite3.Connection, query: str) -> list[dict[str, Any]]:
    return [json.loads(body) for (body,) in database.execute(query)]


def rows(recording: Recording) -> list[Callable[[], Reading]]:
    return [lambda row=row: recording.reading(row) for row in range(len(recording))]  # type: ignore[misc]


def room(*faults: Fault) -> Recording:
    return simulate(4 * HOUR_S, PERIOD_S, 7, faults)


def spoilt(*wrong: Row) -> Recording:
    """A calm room of which the sensor says `wrong` from row SPOILT on."""
    recording = room()
    values = recording.values.copy()
    values[SPOILT : SPOILT + len(wrong)] = np.array(wrong, float)
    return replace(recording, values=values)


def few(*wrong: Row) -> Script:
    """A good reading, and then these, one in ten seconds."""
    return Script(
        [
            lambda n=n, t=t, h=h: Reading(n * 10_000, n * 10_000, {"temperature": t, "humidity": h})  # type: ignore[misc]
            for n, (t, h) in enumerate([(21.5, 48.7), *wrong])
        ]
    )


def on_the_wire(wire: test_dht.Bench, *answers: object) -> Script:
    """The agent asks a DHT every 2.5 s, and the wire answers so; None: it asks again at once."""
    return Script(
        (lambda a=a: wire.read(after_s=0.1) if a is None else wire.read(a))  # type: ignore[misc]
        for a in answers
    )


def test_row_24_a_checksum_failure_and_a_second_access_are_missing_and_never_an_old_value(
    bench: Callable[[str], test_dht.Bench], tmp_path: Path
) -> None:
    wire = bench("DHT22")
    good, bad = test_dht.frame(*FRAME), test_dht.damaged(*FRAME)
    kept = Kept(tmp_path, on_the_wire(wire, good, bad, None, good))
    assert wire.device.temperature == 21.5, "which the library would have given for each of them"
    assert [record["q"] for record in kept.records] == ["ok", "missing", "missing", "ok"]
    assert [kept.pair(row) for row in range(4)] == [(21.5, 48.7), (None, None), (None, None), (21.5, 48.7)]
    assert "Checksum" in kept.records[1]["why"]
    assert kept.events == []
    assert kept.health["sensor"] == {"state": "ok", "ok": 2, "failed": 2, "success": 0.5}


@pytest.mark.parametrize("wrong", [(0.0, 0.0), (3276.7, 48.7), (21.5, 3276.7), (-3271.8, 48.7), (1.0, 1.0)])
def test_row_25_what_cannot_be_is_a_sensor_fault_and_no_anomaly(
    room_bundle: Path, tmp_path: Path, wrong: Row
) -> None:
    kept = Kept(tmp_path, Script(rows(spoilt(*[wrong] * 5))), room_bundle)
    during = kept.records[SPOILT : SPOILT + 5]
    assert [record["q"] for record in during] == ["rejected"] * 5
    assert [record["state"] for record in during] == ["normal"] * 2 + ["sensor_fault"] * 3
    assert [kept.pair(row) for row in range(SPOILT, SPOILT + 5)] == [wrong] * 5
    assert [phase for phase, _ in kept.said("sensor_fault")] == ["start", "end"]
    assert kept.said("anomalous") == [] and not any(record["anomaly"] for record in kept.records)


@pytest.mark.parametrize("wrong", [(0.0, 0.0), (3276.7, 48.7), (-3271.8, 48.7), (1.0, 1.0)])
def test_row_25_once_is_rejected_without_a_word(room_bundle: Path, tmp_path: Path, wrong: Row) -> None:
    kept = Kept(tmp_path, Script(rows(spoilt(wrong))), room_bundle)
    assert kept.records[SPOILT]["q"] == "rejected"
    assert kept.events == []


def test_row_26_a_wrong_reading_with_a_right_checksum_is_held_back(room_bundle: Path, tmp_path: Path) -> None:
    before = room().values[SPOILT - 1]
    wrong = (round(before[0] - 12.8, 1), round(before[1] - 12.8, 1))
    kept = Kept(tmp_path, Script(rows(spoilt(wrong))), room_bundle)
    held = kept.records[SPOILT]
    assert (held["q"], held["state"], held["anomaly"]) == ("rejected", "normal", None)
    assert "it waits for a second reading" in held["why"]
    assert kept.pair(SPOILT) == wrong, "the record keeps what was said"
    assert {record["q"] for row, record in enumerate(kept.records) if row != SPOILT} == {"ok"}
    assert kept.events == []


def test_row_26_on_the_wire_two_wrong_bits_pass_the_checksum_and_not_the_gate(
    bench: Callable[[str], test_dht.Bench], tmp_path: Path
) -> None:
    good = test_dht.frame(*FRAME)
    flipped = test_dht.frame(0x01, 0xE7 & 0x7F, 0x00, 0xD7 & 0x7F)
    assert list(flipped[64:]) == list(good[64:]), "the checksum is the same"
    kept = Kept(tmp_path, on_the_wire(bench("DHT22"), good, flipped, good))
    assert kept.pair(1) == (8.7, 35.9)
    assert [record["q"] for record in kept.records] == ["ok", "rejected", "ok"]


def test_row_26_a_jump_that_the_next_reading_confirms_is_an_anomaly_one_reading_later(
    room_bundle: Path, tmp_path: Path
) -> None:
    before = room().values[SPOILT - 1]
    there = (round(before[0] - 12.8, 1), round(before[1] - 12.8, 1))
    kept = Kept(tmp_path, Script(rows(spoilt(*[there] * 30))), room_bundle)
    assert [record["q"] for record in kept.records[SPOILT : SPOILT + 30]] == ["rejected"] + ["ok"] * 29
    assert kept.records[SPOILT + 1]["state"] == "anomalous"
    assert kept.said("sensor_fault") == []


def test_row_26_all_at_once_says_the_same_as_one_by_one(room_bundle: Path) -> None:
    recording = spoilt((8.7, 5.9), (None, None), (8.6, 5.8), (60.0, 90.0), (9.0, 20.0), (40.0, 80.0))
    model = load(room_bundle)
    detector = model.open_detector()
    streamed = [detector.see(recording.reading(row))[1] for row in range(len(recording))]
    together = judge(recording, model.network(), model.windowing, model.detector).verdicts
    assert streamed == list(together)
    assert sum("second reading" in (verdict.why or "") for verdict in streamed) >= 2


@pytest.mark.parametrize(
    ("read_as", "sent", "advice"),
    [("DHT22", (45, 0, 21, 0), 'set sensor = "DHT11"'), ("DHT11", FRAME, 'set sensor = "DHT22"')],
)
def test_row_27_a_mixed_up_sensor_is_named_within_three_readings(
    bench: Callable[[str], test_dht.Bench],
    tmp_path: Path,
    read_as: str,
    sent: tuple[int, int, int, int],
    advice: str,
) -> None:
    kept = Kept(tmp_path, on_the_wire(bench(read_as), *[test_dht.frame(*sent)] * 3))
    [(phase, why)] = kept.said("sensor_fault")
    assert phase == "start" and advice in why
    assert [event["seq"] for event in kept.events] == [3]
    assert kept.health["sensor"]["state"] == "fault"


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ((537.6, 1152.0), 'set sensor = "DHT11"'),
        ((538.1, 1152.3), 'set sensor = "DHT11"'),
        ((0.7, 1.0), 'set sensor = "DHT22"'),
        ((0.0, 2.0), 'set sensor = "DHT22"'),
    ],
)
def test_row_27_plain_values_are_enough(tmp_path: Path, wrong: Row, advice: str) -> None:
    kept = Kept(tmp_path, few(wrong, wrong, wrong))
    [(_, why)] = kept.said("sensor_fault")
    assert advice in why and "[source]" in why


def test_row_28_a_sensor_unplugged_for_ten_minutes_is_one_event_and_the_window_fills_again(
    room_bundle: Path, tmp_path: Path
) -> None:
    kept = Kept(tmp_path, Script(rows(room(Fault("dropout", 2 * HOUR_S, 600.0)))), room_bundle)
    states = [record["state"] for record in kept.records]
    warm_up = load(room_bundle).windowing.warm_up
    back = 720 + 60
    assert states[720:back] == ["normal"] * (fault_after(PERIOD_S) - 1) + ["sensor_fault"] * 58
    assert states[back : back + warm_up] == ["warming"] * warm_up
    assert set(states[back + warm_up :]) == {"normal"}
    assert [event["phase"] for event in kept.events] == ["start", "end"]
    assert {event["state"] for event in kept.events} == {"sensor_fault"}


@pytest.mark.parametrize("channel", [0, 1])
def test_row_29_a_value_that_stands_for_an_hour_while_its_neighbour_moves_is_flagged(
    room_bundle: Path, tmp_path: Path, channel: int
) -> None:
    recording = room()
    values = recording.values.copy()
    values[SPOILT : SPOILT + 360, channel] = values[SPOILT, channel]
    kept = Kept(tmp_path, Script(rows(replace(recording, values=values))), room_bundle)
    starts: Sequence[dict[str, Any]] = [event for event in kept.events if event["phase"] == "start"]
    assert [event["channel"] for event in starts] == [CHANNELS[channel].key]
    assert SPOILT < starts[0]["seq"] <= SPOILT + 360
    assert "it has stood still for far longer than it does" in starts[0]["why"]
