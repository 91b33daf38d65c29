"""Row 35: thousands of readings, new models, two of five of them bad, and the power goes as often.

At each SIGKILL the newest record that had been seen on the live topic is noted: what is missing in
the journal after it is what the power cut cost, and may be no more than the journal declares.
"""

import os
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, cycle, pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge.bundle.keys import generate, write_pair
from edge.swap.store import ModelStore
from tests.brokers import mosquitto
from tests.edge.devices import Device, label, read_key, running, version
from tests.edge.faults.journals import by_number
from tests.edge.test_agent import DEADLINE_S, Subscriber, subscriber

# A soak asks for 50.
SWAPS = int(os.environ.get("PICANARY_SWAPS", "20"))
BAD = KILLS = SWAPS * 2 // 5
READINGS = 200 * SWAPS
COMMIT_RECORDS = 10
TRIAL_READINGS = 60

CONFIGURATION = """
[agent]
bundle = "{folder}/room.canary"
[source]
kind = "simulator"
speed = 1000.0
[journal]
commit_s = 5.0
commit_records = {commit_records}
[broker]
address = "127.0.0.1:{port}"
[model]
trusted_keys = ["{folder}/maker.pub"]
trial_readings = {trial_readings}
"""


@dataclass
class Ledger:
    """What was seen from outside while it went on."""

    good: list[str] = field(default_factory=list)  # labels, in the order in which they were offered
    kept: list[str] = field(default_factory=list)  # of those that passed their trial
    refused: int = 0
    before_kill: dict[str, int] = field(default_factory=dict)  # epoch: the newest seq seen on the live topic


def bad_ones(room_bundle: Path, key: Any, numbers: Iterator[int]) -> Iterator[bytes]:
    """One kind of bad model after another."""
    for kind in cycle(["flipped", "short", "foreign", "unsigned", "garbage"]):
        number = next(numbers)
        if kind == "flipped":
            content = bytearray(version(room_bundle, number, key))
            content[len(content) // 3] ^= 16
            yield bytes(content)
        elif kind == "short":
            yield version(room_bundle, number, key)[:-500]
        elif kind == "garbage":
            yield version(room_bundle, number, key, model=b"TFL3" * 2000)
        else:
            yield version(room_bundle, number, generate() if kind == "foreign" else None)


def offer(device: Device, content: bytes, by_file: bool) -> int:
    """By one of the two ways; how many stories had been told before."""
    before = len(device.stories())
    if by_file:
        device.replace(content)
        device.process.send_signal(signal.SIGHUP)
    else:
        device.send(content)
    return before


def settled(story: dict[str, Any], name: str) -> bool:
    """Whether that is the end of a good model's way, by its label; without a label, of a bad one's."""
    done = story["state"] == "idle" and story["installed"] == name and "passed" in (story["why"] or "")
    # after a restart the configured file may be refused once more, late
    ours = name in ("", story["latest"])
    return done or (ours and story["state"] in ("refused", "rolled_back"))


def swap(device: Device, content: bytes, by_file: bool, good: bool, ledger: Ledger) -> None:
    """Offer one model, and see it through."""
    name = label(content) if good else ""
    before = offer(device, content, by_file)
    device.listening.wait(lambda: any(settled(each, name) for each in device.stories()[before:]))
    story = next(each for each in device.stories()[before:] if settled(each, name))
    if good:
        assert story["state"] == "idle", story
        ledger.kept.append(name)
    else:
        assert story["state"] == "refused", story
        ledger.refused += 1


def kill(device: Device, ledger: Ledger) -> None:
    """The power goes, wherever the agent is."""
    device.process.send_signal(signal.SIGKILL)
    device.process.wait()
    newest = device.listening.of("state")[-1]
    ledger.before_kill[newest["epoch"]] = max(ledger.before_kill.get(newest["epoch"], 0), newest["seq"])


def alive(listening: Subscriber, dead: set[str]) -> None:
    """The new agent has made a record; a killed one's may still be on their way."""
    listening.wait(lambda: any(state["epoch"] not in dead for state in listening.of("state")[-3:]))


def records(path: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(path) as db:
        return list(by_number(db).values())


@pytest.mark.timeout(900)
def test_row_35_no_reading_is_lost_and_each_names_the_model_that_judged_it(
    room_bundle: Path, tmp_path: Path
) -> None:
    chance = Random(4)
    write_pair(tmp_path / "maker", generate())
    key = read_key(tmp_path)
    first = version(room_bundle, 1, key)
    (tmp_path / "room.canary").write_bytes(first)
    numbers = count(2)
    bad = bad_ones(room_bundle, key, numbers)
    ledger = Ledger(good=[label(first)])
    plan = ["good"] * (SWAPS - BAD) + ["bad"] * BAD
    chance.shuffle(plan)
    kills = set(chance.sample(range(SWAPS), KILLS))
    with mosquitto() as broker, subscriber(broker) as listening:
        settings = {"folder": tmp_path, "port": broker.port, "commit_records": COMMIT_RECORDS}
        text = CONFIGURATION.format(**settings, trial_readings=TRIAL_READINGS)
        (tmp_path / "edge.toml").write_text(text)
        at = 0
        while at < SWAPS or len(records(tmp_path / "journal.db")) < READINGS:
            with running(tmp_path, broker, listening) as device:
                alive(listening, set(ledger.before_kill))
                while at < SWAPS:
                    kind, by_file, killed = plan[at], bool(chance.getrandbits(1)), at in kills
                    good = kind == "good"
                    content = version(room_bundle, next(numbers), key) if good else next(bad)
                    if good:
                        ledger.good.append(label(content))
                    at += 1
                    if killed:  # somewhere between the offer and the end of the trial
                        before = offer(device, content, by_file)
                        told = chance.randrange(4)
                        listening.wait(
                            lambda n=before + told, b=before: (
                                len(device.stories()) >= n
                                or any(settled(each, "") for each in device.stories()[b:])
                            )
                        )
                        kill(device, ledger)
                        break
                    swap(device, content, by_file, good, ledger)
                else:
                    listening.wait(lambda: listening.of("state")[-1]["seq"] >= READINGS)
                    device.process.send_signal(signal.SIGTERM)
                    assert device.process.wait(DEADLINE_S) == 0
    kept = records(tmp_path / "journal.db")
    assert len(kept) >= READINGS
    assert len(ledger.before_kill) == KILLS
    by_epoch: dict[str, list[int]] = {}
    for each in kept:
        by_epoch.setdefault(each["epoch"], []).append(each["seq"])
    for epoch, seqs in by_epoch.items():
        assert seqs == list(range(seqs[0], seqs[-1] + 1))
        assert ledger.before_kill.get(epoch, 0) - seqs[-1] <= COMMIT_RECORDS
    labels = [each["model"] for each in kept]
    assert set(labels) <= set(ledger.good)
    assert set(ledger.kept) <= set(labels)
    # back only where a kill cut a trial short: the one before judges until it begins anew
    offered = [ledger.good.index(name) for name in labels]
    assert sum(later < earlier for earlier, later in pairwise(offered)) <= KILLS
    print(f"{len(kept)} readings, {len(ledger.kept)} models kept, {ledger.refused} refused, {KILLS} kills")


OLD, NEW = b"the old model" * 100, b"the new model" * 100


class PowerCut(BaseException):
    """The moment when everything stops."""


@pytest.mark.parametrize("step", range(12))
def test_row_35_a_power_cut_at_any_step_leaves_a_whole_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    store = ModelStore(tmp_path)
    store.install(OLD, "room", 1, trial=False)
    left = step

    def counted(call):  # type: ignore[no-untyped-def]
        def calling(*arguments, **named):  # type: ignore[no-untyped-def]
            nonlocal left
            if left == 0:
                raise PowerCut
            left -= 1
            return call(*arguments, **named)

        return calling

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", counted(os.fsync))
        patched.setattr(Path, "replace", counted(Path.replace))
        patched.setattr(Path, "unlink", counted(Path.unlink))
        patched.setattr(Path, "open", counted(Path.open))
        try:
            store.install(NEW, "room", 2, trial=True)
            store.accept("room", 2)
        except PowerCut:
            pass
    at_work, on_trial = ModelStore(tmp_path).begin()
    assert (at_work, on_trial) in [(OLD, None), (OLD, NEW), (NEW, None)]
