"""A person makes the alarm less or more sensitive: as if it were calibrated so, at once, and for good."""

import json
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.__main__ import main
from edge.bundle.bundle import Bundle, unpack
from edge.bundle.default import default_content
from edge.csvfile import write_csv
from edge.detection.levels import LEAST_LEVEL, MOST_LEVEL
from edge.detection.replay import judge
from edge.detection.verdict import Verdict
from edge.event import Event
from edge.recording import Recording
from edge.settling import settle
from edge.sources.faults import schedule
from edge.sources.simulator import simulate
from edge.uplink.request import Refused, parse
from tests.brokers import mosquitto
from tests.edge.faults.caller import caller
from tests.edge.test_agent import DEADLINE_S, Subscriber, agent, fast, schema, subscriber
from tests.edge.test_memory import House, newest

DAY_S, PERIOD_S, LEARNT = 86_400.0, 60.0, 2880


@pytest.fixture(scope="module")
def room() -> Recording:
    rng = np.random.default_rng(3)
    channels = ("temperature", "humidity")
    faults = schedule(rng, 2 * DAY_S, 8 * DAY_S, 12 * 3600.0, channels=channels, period_s=PERIOD_S)
    return simulate(8 * DAY_S, PERIOD_S, 3, faults)


@pytest.fixture(scope="module")
def settled(room: Recording) -> Bundle:
    default = unpack(default_content(), "default")
    return settle(default, room.between(0, LEARNT), 2.0, 1.0).of(default)


def streamed(bundle: Bundle, room: Recording, level: float | None = None) -> list[Verdict]:
    """What is said of each reading; the level is turned before the first of them."""
    detector = bundle.open_detector()
    if level is not None:
        detector.turn(level)
    return [detector.see(room.reading(row))[1] for row in range(len(room))]


def at_level(bundle: Bundle, level: float) -> Bundle:
    return replace(bundle, detector=bundle.detector.at_level(level))


def alarms(verdicts: list[Verdict]) -> list[Event]:
    """All anomalies as they ended."""
    changes = [change for verdict in verdicts for change in verdict.changes]
    return [one.event for one in changes if one.phase == "end" and one.event.kind == "anomalous"]


@pytest.mark.parametrize("level", [0.5, 2.0])
def test_a_level_is_as_if_the_model_had_been_calibrated_so_and_streaming_agrees_with_replay(
    settled: Bundle, room: Recording, level: float
) -> None:
    watched = room.between(LEARNT, len(room))
    turned = streamed(settled, watched, level)
    assert turned == streamed(at_level(settled, level), watched)
    bundle = at_level(settled, level)
    together = judge(watched, bundle.network(), bundle.windowing, bundle.detector)
    assert list(together.verdicts) == turned
    assert turned != streamed(settled, watched)
    assert any(verdict.state == "anomalous" for verdict in turned)
    strange = [verdict.score for verdict in turned if verdict.state == "anomalous" and verdict.changes]
    starts = [
        one for v in turned for one in v.changes if one.phase == "start" and one.event.score is not None
    ]
    assert strange and all((one.event.score or 0) >= 1 for one in starts if one.event.kind == "anomalous")


def test_twice_the_level_halves_what_an_event_is_above_it_and_no_reading_scores_higher(
    settled: Bundle, room: Recording
) -> None:
    watched = room.between(LEARNT, len(room))
    as_calibrated, turned = streamed(settled, watched), streamed(settled, watched, 2.0)
    before = {event.onset_ms: event for event in alarms(as_calibrated)}
    both = [event for event in alarms(turned) if event.onset_ms in before]
    assert both and len(alarms(turned)) < len(before)
    # the controller may have raised one of the two a little more
    halves = [(event.ratio or 0) / (before[event.onset_ms].ratio or 1) for event in both]
    assert np.median(halves) == pytest.approx(0.5, rel=0.02)
    assert all((event.ratio or 0) >= 1 for event in before.values())
    calm = [
        (two.score or 0.0) <= (one.score or 0.0) + 1e-9
        for one, two in zip(as_calibrated, turned, strict=True)
        if one.state == two.state == "normal"
    ]
    assert np.mean(calm) > 0.99


def test_how_near_an_alarm_was_is_told_once(settled: Bundle, room: Recording) -> None:
    detector = settled.open_detector()
    assert detector.take_nearest() is None
    for row in range(1000):
        detector.see(room.reading(row))
    nearest = detector.take_nearest()
    assert nearest is not None and 0 < nearest.ratio < 1 and nearest.signal in settled.detector.levels
    assert detector.take_nearest() is None
    twice = settled.open_detector()
    twice.turn(2.0)
    for row in range(1000):
        twice.see(room.reading(row))
    half = twice.take_nearest()
    assert half is not None and half.ratio == pytest.approx(nearest.ratio / 2, rel=1e-9)


def ask(**fields: Any) -> bytes:
    return json.dumps({"v": 1, "request": "r-1", **fields}).encode()


@pytest.mark.parametrize("level", [LEAST_LEVEL, 1, 2.5, MOST_LEVEL])
def test_a_level_in_range_is_taken(level: float) -> None:
    payload = ask(level=level)
    schema("command").validate(json.loads(payload))
    assert parse("recalibrate", payload, None).fields == {"level": level}
    assert parse("recalibrate", ask(), None).fields == {}


@pytest.mark.parametrize("level", [0, -1, 0.2499, 10.01, 1e300, "2", None, True, [2], {"x": 1}])
def test_another_level_is_refused_with_a_sentence(level: Any) -> None:
    with pytest.raises(Refused, match=r"level must be a number from 0\.25 to 10, not ") as refused:
        parse("recalibrate", ask(level=level), None)
    assert refused.value.request == "r-1"
    for payload in (b'{"v":1,"request":"r-1","level":NaN}', b'{"v":1,"request":"r-1","level":1e999}'):
        with pytest.raises(Refused):
            parse("recalibrate", payload, None)
    with pytest.raises(Refused, match='snooze has no field "level"'):
        parse("snooze", ask(minutes=1, level=2), None)


def told(heard: Subscriber) -> list[tuple[str, float | None, bool]]:
    """Which message told which level, and whether the broker had kept it from an agent before."""
    return [(leaf, message.get("level"), kept) for leaf, message, kept in list(heard.messages)]


def test_a_level_survives_sigkill_and_is_forgotten_when_the_room_is_learnt_anew(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.record_the_past()
    with mosquitto() as broker, caller(broker) as asker:
        where = ["--config", house.config, "--broker", f"127.0.0.1:{broker.port}", "--commit-s", 0.2]
        with subscriber(broker) as heard, agent(tmp_path, *where) as process:
            heard.wait(lambda: bool(heard.records()) and newest(heard)["score"] is not None)
            heard.wait(lambda: ("info", 1.0, False) in told(heard))
            assert asker.ask("recalibrate", "a-1", level=2.5)["ok"]
            heard.wait(lambda: ("info", 2.5, False) in told(heard))
            asker.call("recalibrate", "a-2", level=11)
            assert "level must be a number from 0.25 to 10, not 11" in asker.answer("a-2")["why"]
            deadline = time.monotonic() + DEADLINE_S
            while not ((house.models / "learnt.json").exists() and house.learnt()["level"] == 2.5):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.kill()
        with subscriber(broker) as heard, agent(tmp_path, *where) as process:
            heard.wait(lambda: ("info", 2.5, False) in told(heard))
            heard.wait(lambda: bool(heard.of("health")) and heard.of("health")[-1].get("level") == 2.5)
            for leaf in ("info", "health"):
                schema(leaf).validate(heard.of(leaf)[-1])
            heard.wait(lambda: bool(heard.records()) and newest(heard)["score"] is not None)
            assert asker.ask("recalibrate", "a-3")["ok"]
            heard.wait(lambda: ("info", 1.0, False) in told(heard))
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE_S)
        assert house.learnt()["level"] == 1.0


def test_a_trained_model_takes_a_level_too_and_learns_nothing(room_bundle: Path, tmp_path: Path) -> None:
    with (
        mosquitto() as broker,
        caller(broker) as asker,
        subscriber(broker) as heard,
        agent(tmp_path, *fast(room_bundle, broker)),
    ):
        heard.wait(lambda: bool(heard.records()))
        assert asker.ask("recalibrate", "c-1", level=0.5)["ok"]
        heard.wait(lambda: ("info", 0.5, False) in told(heard))
        assert "learns nothing on the device" in asker.ask("recalibrate", "c-2")["why"]
        assert asker.ask("recalibrate", "c-3", level=4)["ok"]
        heard.wait(lambda: ("info", 4, False) in told(heard))


def test_a_level_outlasts_the_next_lesson_where_no_memory_is_kept(tmp_path: Path) -> None:
    with (
        mosquitto() as broker,
        caller(broker) as asker,
        subscriber(broker) as heard,
        agent(
            tmp_path,
            *("--source", "simulator", "--speed", 2000, "--commit-s", 0.5),
            *("--broker", f"127.0.0.1:{broker.port}"),
        ),
    ):

        def models() -> list[str]:
            return list(dict.fromkeys(state["model"] for state in heard.of("state")))

        heard.wait(lambda: ("info", 1.0, False) in told(heard))
        assert asker.ask("recalibrate", "d-1", level=3)["ok"]
        known = len(models())
        heard.wait(lambda: len(models()) > known)
        after = len(heard.of("info")) + len(heard.of("health"))
        asker.ask("snooze", "d-2", minutes=0)  # health comes with it
        heard.wait(lambda: len(heard.of("info")) + len(heard.of("health")) > after)
        assert heard.of("health")[-1]["level"] == 3
        assert [level for leaf, level, _ in told(heard) if leaf == "info"][-1] == 3


def test_replay_takes_a_level(room_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    faults = schedule(rng, 0.0, DAY_S, 3 * 3600.0, channels=("temperature", "humidity"), period_s=10.0)
    write_csv(simulate(DAY_S, 10.0, 1, faults), tmp_path / "room.csv")

    def strange(*flags: str) -> int:
        out = tmp_path / "out.csv"
        asked = [str(tmp_path / "room.csv"), "--bundle", str(room_bundle), "--out", str(out), *flags]
        assert main(["replay", *asked]) == 0
        return sum(line.split(",")[-2] == "anomalous" for line in out.read_text().splitlines())

    assert strange("--level", "5") < strange() == strange("--level", "1") <= strange("--level", "0.5")
    assert strange("--level", "5", "--one-by-one") == strange("--level", "5")
    assert main(["replay", "x.csv", "--bundle", str(room_bundle), "--level", "0"]) == 2
    assert "--level 0 must be from 0.25 to 10" in capsys.readouterr().err


def test_before_the_first_verdict_there_is_no_level_to_set(tmp_path: Path) -> None:
    house = House(tmp_path)  # its journal is empty: nothing is known of the room
    with mosquitto() as broker, caller(broker) as asker:
        where = ["--config", house.config, "--broker", f"127.0.0.1:{broker.port}", "--commit-s", 0.2]
        with subscriber(broker) as heard, agent(tmp_path, *where):
            heard.wait(lambda: bool(heard.records()))
            assert heard.of("info")[-1]["level"] is None
            said = asker.ask("recalibrate", "b-1", level=2)
            assert not said["ok"] and "no model judges here yet" in said["why"]
