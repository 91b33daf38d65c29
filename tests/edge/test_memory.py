"""What a device has learnt outlives the agent: its room's scales, its levels, the weeks behind it."""

import json
import math
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundle.bundle import Bundle, unpack
from edge.bundle.default import default_content
from edge.detection.budget import HIGHEST, LOWEST
from edge.detection.detector import Detector
from edge.detection.memory import Memory
from edge.journal import Journal
from edge.message import encode
from edge.reading import HUMIDITY, TEMPERATURE
from edge.recording import Recording
from edge.settling import settle
from edge.sources.simulator import simulate
from edge.swap.memories import EVERY_S, FILE, Memories
from edge.swap.store import ModelStore
from tests.brokers import mosquitto
from tests.edge.test_agent import DEADLINE_S, Subscriber, agent, subscriber

DAY_S, PERIOD_S = 86_400.0, 60.0
# The agent below reads every two seconds, so that six hours to learn from are few enough to write.
QUICK_S, HOURS = 2.0, 7.0


@pytest.fixture(scope="module")
def default() -> Bundle:
    return unpack(default_content(), "default")


@pytest.fixture(scope="module")
def room() -> Recording:
    return simulate(12 * DAY_S, PERIOD_S, seed=5)


@pytest.fixture(scope="module")
def settled(default: Bundle, room: Recording) -> Bundle:
    return settle(default, room.between(0, 2880), 2.0, 1.0).of(default)


def shown(detector: Detector, room: Recording, start: int, stop: int) -> list[float]:
    """Scores, NaN without one."""
    scores = (detector.see(room.reading(row))[1].score for row in range(start, stop))
    return [math.nan if score is None else score for score in scores]


def known(detector: Detector) -> Memory:
    assert detector.memory is not None
    return detector.memory


def test_a_detector_that_is_reminded_judges_as_if_it_had_never_stopped(
    settled: Bundle, room: Recording
) -> None:
    lives, restarted = settled.open_detector(), settled.open_detector()
    shown(lives, room, 0, 12_000)
    assert any(known(lives).raised.values()) and known(lives).seen_hours >= 200
    kept = Memory.from_json(json.loads(json.dumps(known(lives).to_json())))
    shown(restarted, room, 9000, 12_000)  # as much as a journal of two days has
    forgetful = [abs(known(restarted).raised[name] - kept.raised[name]) for name in kept.raised]
    assert max(forgetful) > 0.01 and known(restarted).seen_hours != kept.seen_hours, "else nothing is shown"
    restarted.restore(kept)
    assert known(restarted).raised == pytest.approx(kept.raised, abs=1e-8)
    assert known(restarted).hours == kept.hours
    scores = [shown(each, room, 12_000, 14_000) for each in (restarted, lives)]
    # one part in a hundred: for six hours the advice remembers them as the shorter history had them
    np.testing.assert_allclose(*scores, rtol=0.01)
    np.testing.assert_allclose(*(each[-1500:] for each in scores), rtol=1e-4)
    assert known(restarted).seen_hours == known(lives).seen_hours


@given(
    st.dictionaries(st.text(max_size=9), st.floats(-1, 1), max_size=12),
    st.lists(st.tuples(st.floats(-50, 1100), st.floats(0, 100)), max_size=50),
    st.integers(0, 10**6),
)
def test_a_memory_comes_back_from_disk(raised: dict[str, float], hours: Any, seen: int) -> None:
    memory = Memory(raised, tuple(hours), seen)
    again = Memory.from_json(json.loads(json.dumps(memory.to_json())))
    assert again.raised == pytest.approx(raised, abs=1e-9) and again.seen_hours == seen
    np.testing.assert_allclose(np.array(again.hours), np.array(memory.hours), rtol=1e-5)


def test_a_level_of_another_time_stays_within_bounds(settled: Bundle) -> None:
    detector, name = settled.open_detector(), next(iter(settled.detector.budgets))
    for wild, kept in ((9.0, HIGHEST), (-9.0, LOWEST)):
        detector.restore(Memory({name: wild, "no such signal": 1.0}, (), 0))
        assert known(detector).raised[name] == kept


class Shelf:
    """Memories in a folder, with a clock to be moved."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 0.0
        self.file = folder / FILE
        self.memories = Memories(ModelStore(folder), lambda: self.now_s)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    yield Shelf(tmp_path / "journal.models")


def some(bundle: Bundle, raised: float = 0.2) -> Memory:
    return Memory(dict.fromkeys(bundle.detector.budgets, raised), ((20.0, 50.0), (21.0, 51.0)), 2)


def test_what_is_kept_is_of_one_model_and_is_written_once_an_hour(default: Bundle, shelf: Shelf) -> None:
    assert shelf.memories.of(default) is None
    shelf.memories.keep(default, lambda: None)
    assert not shelf.file.exists(), "one that does not judge yet has nothing to keep"
    shelf.memories.keep(default, lambda: some(default))
    assert shelf.memories.of(default) == some(default)
    shelf.now_s = EVERY_S - 1
    shelf.memories.keep(default, lambda: some(default, 0.3))
    assert shelf.memories.of(default) == some(default)
    shelf.now_s = EVERY_S + 1
    shelf.memories.keep(default, lambda: some(default, 0.3))
    assert shelf.memories.of(default) == some(default, 0.3)
    shelf.memories.keep(default, lambda: some(default, 0.4), now=True)
    assert shelf.memories.of(default) == some(default, 0.4)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"{",
        lambda _: b"[]",
        lambda _: b"[" * 5000,
        lambda table: json.dumps({**table, "hours": [[20.0], [20.0, 50.0]]}).encode(),
        lambda table: json.dumps({**table, "hours": [[math.nan, 50.0]]}).encode(),
        lambda table: json.dumps({**table, "raised": [0.1]}).encode(),
        lambda table: json.dumps({key: table[key] for key in ("format", "model", "hours")}).encode(),
    ],
)
def test_a_damaged_memory_is_ignored_with_one_sentence(
    default: Bundle,
    shelf: Shelf,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[dict[str, Any]], bytes],
) -> None:
    shelf.memories.keep(default, lambda: some(default))
    shelf.file.write_bytes(damage(json.loads(shelf.file.read_bytes())))
    assert shelf.memories.of(default) is None
    [said] = caplog.messages
    assert said.startswith(f"{FILE} cannot be used") and said.endswith("is learnt anew")


@pytest.mark.parametrize(
    "other",
    [
        {"format": 99},
        {"model": "0" * 64},
        {"hours": [[20.0, 50.0, 1000.0]]},
        {"raised": {"surprise": 0.1}},
    ],
)
def test_a_memory_of_another_model_is_not_used(default: Bundle, shelf: Shelf, other: dict[str, Any]) -> None:
    shelf.memories.keep(default, lambda: some(default))
    table = {**json.loads(shelf.file.read_bytes()), **other}
    shelf.file.write_text(json.dumps(table))
    assert shelf.memories.of(default) is None


class House:
    """A device with a kernel's sensor, and the journal of a day that it has already recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sensor = folder / "sys" / "iio:device0"
        self.sensor.mkdir(parents=True)
        (self.sensor / "name").write_text("dht11@4\n")
        self._room = simulate(HOURS * 3600.0, QUICK_S, seed=5)
        self.show(*self._room.values[-1])
        self.config = folder / "edge.toml"
        self.write_config(100_000)
        self.models = folder / "journal.models"

    def show(self, temperature: float, humidity: float) -> None:
        for name, value in (("in_temp_input", temperature), ("in_humidityrelative_input", humidity)):
            (self.sensor / name).write_text(f"{round(value * 1000)}\n")

    def write_config(self, most_records: int) -> None:
        self.config.write_text(
            f'[source]\nkind = "iio"\nsysfs = "{self.folder / "sys"}"\n'
            f"[journal]\nmost_records = {most_records}\n[agent]\nperiod_s = {QUICK_S}\n"
        )

    def record_the_past(self) -> None:
        """Hours until just now, in another boot."""
        import time

        journal = Journal(self.folder / "journal.db", commit_records=1000)
        shift = round(time.time() * 1000) - 3000 - int(self._room.ts_ms[-1])
        for row in range(len(self._room)):
            reading = self._room.reading(row)
            values = {c.key: reading.values[c.name] for c in (TEMPERATURE, HUMIDITY)}
            times = {"ts_ms": reading.ts_ms + shift, "mono_ms": reading.mono_ms, "boot": "b", "clk": "ntp"}
            journal.append(encode({**times, "q": "ok", **values}))
        journal.commit()
        journal.mark_sent(journal.last_seq)  # all of it has been delivered
        journal.close()

    def learnt(self) -> dict[str, Any]:
        table: dict[str, Any] = json.loads((self.models / FILE).read_bytes())
        return table

    def settled(self) -> dict[str, Any]:
        table: dict[str, Any] = json.loads((self.models / "settled.json").read_bytes())
        return table


def newest(heard: Subscriber) -> dict[str, Any]:
    return heard.records()[max(heard.records())]


def made(heard: Subscriber, epochs: set[str]) -> list[dict[str, Any]]:
    """The records of an agent that began after these epochs; what another had waiting comes as well."""
    table = heard.records()
    return [table[seq] for seq in sorted(table) if table[seq]["epoch"] not in epochs]


def test_what_a_device_has_learnt_survives_sigkill_and_a_journal_that_forgets(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.record_the_past()
    with mosquitto() as broker:
        where = ["--config", house.config, "--broker", f"127.0.0.1:{broker.port}", "--commit-s", 0.2]

        with subscriber(broker) as heard, agent(tmp_path, *where) as process:
            heard.wait(lambda: bool(heard.records()))
            first = heard.records()[min(heard.records())]
            assert first["state"] == "warming" and "6 hours of readings" in first["why"]
            heard.wait(lambda: newest(heard)["score"] is not None and (house.models / FILE).exists())
            judged = newest(heard)
            assert judged["model"].startswith(f"{first['model']}+0.29")
            process.kill()
        before = house.settled()

        # months of weak alarms have raised a level; then the journal is bounded far below that
        memory = house.learnt()
        memory["raised"]["vapour"] = 0.3
        memory["seen_hours"] = 5000
        (house.models / FILE).write_text(json.dumps(memory))
        epochs = {judged["epoch"]}
        for most_records, end in ((100_000, signal.SIGKILL), (1000, signal.SIGTERM)):
            house.write_config(most_records)
            with subscriber(broker) as heard, agent(tmp_path, *where) as process:
                heard.wait(lambda: any(r["score"] is not None for r in made(heard, epochs)))
                records = made(heard, epochs)
                epochs.add(records[0]["epoch"])
                scored = next(place for place, r in enumerate(records) if r["score"] is not None)
                assert scored <= 10, "not hours: as soon as the journal's last minutes have been looked at"
                assert {r["model"] for r in records} == {judged["model"]}
                warming = [r["why"] for r in records if r["state"] == "warming"]
                assert all("a verdict takes 10 minutes of readings" in why for why in warming)
                assert records[scored]["state"] == "normal", "whatever was forgotten, it is no alarm"
                process.send_signal(end)
                process.wait(DEADLINE_S)
            assert house.settled() == before, "no lesson was needed"
            assert house.learnt()["raised"]["vapour"] == pytest.approx(0.3, abs=1e-3)
            assert house.learnt()["seen_hours"] >= 5000


def test_without_any_journal_it_says_how_long_a_verdict_takes(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.record_the_past()
    with mosquitto() as broker:
        where = ["--config", house.config, "--broker", f"127.0.0.1:{broker.port}", "--commit-s", 0.2]
        with subscriber(broker) as heard, agent(tmp_path, *where) as process:
            heard.wait(lambda: bool(heard.records()) and newest(heard)["score"] is not None)
            label = newest(heard)["model"]
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE_S)
        memory = json.dumps({**(table := house.learnt()), "raised": {**table["raised"], "vapour": 0.25}})
        for content in (memory, "{"):
            for path in tmp_path.glob("journal.db*"):
                path.unlink()
            (house.models / FILE).write_text(content)
            with subscriber(broker) as heard, agent(tmp_path, *where) as process:
                heard.wait(lambda: len(heard.records()) > 2)
                record = newest(heard)
                process.send_signal(signal.SIGTERM)
                _, said = process.communicate(timeout=DEADLINE_S)
            assert (record["state"], record["model"]) == ("warming", label)
            assert record["why"] == "getting to know the room: a verdict takes 10 minutes of readings"
            raised = house.learnt()["raised"]["vapour"]
            assert raised == pytest.approx(0.25 if content == memory else 0.0, abs=1e-3)
            assert ("learnt.json cannot be used" in said) == (content != memory) and "Traceback" not in said
