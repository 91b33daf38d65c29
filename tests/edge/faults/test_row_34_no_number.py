"""Row 34: the model answers with what is not a number."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edge.bundle.bundle import Bundle, load
from edge.detection.detector import Detector
from edge.detection.replay import judge
from edge.detection.scorer import Answers
from edge.detection.verdict import Verdict
from edge.detection.window import Inputs
from edge.recording import Recording
from edge.sources.fault import Fault
from edge.sources.simulator import simulate
from tests.brokers import Broker, mosquitto
from tests.edge.faults.caller import caller
from tests.edge.test_agent import DEADLINE_S, ROOT, schema, subscriber

SPIKE_AT = 1200  # a reading
# Answers: one early, two in a row, and one while the room is strange.
POISONED_AFTER = (40, 200, 201)


class Poisoned:
    """A network that answers these inputs, known by their bytes, with what is no number in one place."""

    def __init__(self, network: Answers, inputs: set[bytes], wrong: float, place: int | None) -> None:
        self._network, self._inputs, self._wrong = network, inputs, wrong
        self._place = slice(None) if place is None else place

    def answer(self, inputs: Inputs) -> Inputs:
        answers = np.array(self._network.answer(inputs))
        for row, one in enumerate(inputs):
            if one.tobytes() in self._inputs:
                answers[row, self._place] = self._wrong
        return answers


class Watched:
    """A network that remembers what it was asked."""

    def __init__(self, network: Answers) -> None:
        self._network = network
        self.asked: list[bytes] = []

    def answer(self, inputs: Inputs) -> Inputs:
        self.asked += [one.tobytes() for one in inputs]
        return self._network.answer(inputs)


def see_all(bundle: Bundle, network: Answers, recording: Recording) -> tuple[list[Verdict], int]:
    """The verdicts one by one, and how many faults were counted."""
    detector = Detector(network, bundle.windowing, bundle.detector)
    verdicts = [detector.see(recording.reading(row))[1] for row in range(len(recording))]
    return verdicts, detector.faults


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [None, 0, -1])
def test_row_34_an_answer_that_is_no_number_has_no_score_and_leaves_the_next_ones_as_they_are(
    room_bundle: Path, wrong: float, place: int | None
) -> None:
    bundle = load(room_bundle)
    recording = simulate(4 * 3600.0, 10.0, 7, [Fault("spike", 10.0 * SPIKE_AT, 60.0, 9.0, "temperature")])
    watched = Watched(bundle.network())
    sound, none = see_all(bundle, watched, recording)
    assert none == 0
    scored = [row for row, verdict in enumerate(sound) if verdict.score is not None]
    strange = next(row for row in scored if sound[row].anomaly)
    poisoned = sorted({*(scored[at] for at in POISONED_AFTER), strange + 1})
    inputs = {watched.asked[scored.index(row)] for row in poisoned}
    network = Poisoned(bundle.network(), inputs, wrong, place)
    verdicts, faults = see_all(bundle, network, recording)
    assert faults == len(poisoned)
    for row in poisoned:
        assert (verdicts[row].state, verdicts[row].score, verdicts[row].anomaly) == ("no_model", None, None)
        assert verdicts[row].why == "the model's answer was not a number"
    assert verdicts[strange].anomaly
    others = [row for row in scored if row not in poisoned]
    assert all(verdicts[row].score is not None and verdicts[row].anomaly is not None for row in others)
    last = others[-1]
    assert (verdicts[last].state, verdicts[last].anomaly) == (sound[last].state, sound[last].anomaly)
    assert list(judge(recording, network, bundle.windowing, bundle.detector).verdicts) == verdicts


# The agent itself, whose model answers every third window with what is no number.
POISONED_AGENT = """
import itertools, sys
from edge.detection.network import Network
answer, count = Network.answer, itertools.count()

def poisoned(self, inputs):
    answers = answer(self, inputs).copy()
    if len(inputs) == 1 and next(count) % 3 == 0:
        answers[:] = float("nan")
    return answers

Network.answer = poisoned
from edge.__main__ import main
sys.exit(main())
"""


@contextmanager
def poisoned_agent(folder: Path, bundle: Path, broker: Broker) -> Iterator[None]:
    room = ["--source", "simulator", "--speed", "600", "--bundle", str(bundle), "--commit-s", "0.2"]
    where = ["--broker", f"127.0.0.1:{broker.port}", "--wait", "--device", "cellar"]
    process = subprocess.Popen(
        [sys.executable, "-c", POISONED_AGENT, *room, *where, "--journal", str(folder / "journal.db")],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait(DEADLINE_S)


def test_row_34_an_agent_sends_null_and_counts_it_in_health(room_bundle: Path, tmp_path: Path) -> None:
    with (
        mosquitto() as broker,
        subscriber(broker) as heard,
        caller(broker) as somebody,
        poisoned_agent(tmp_path, room_bundle, broker),
    ):
        heard.wait(lambda: len([r for r in heard.records().values() if r["state"] == "no_model"]) > 20)
        somebody.ask("snooze", "r1", minutes=1)  # which has health told at once
        heard.wait(lambda: heard.of("health")[-1]["faults"]["model"] > 20)
        records = list(heard.records().values())
    for record in records:
        schema("record").validate(record)
        assert (record["score"] is None) == (record["anomaly"] is None)
        if record["state"] == "no_model":
            assert (record["score"], record["why"]) == (None, "the model's answer was not a number")
    assert any(record["state"] == "normal" for record in records), "two of three are judged"
