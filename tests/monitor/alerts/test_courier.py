"""Letters wait for their channel: in order, over a restart, for a day, and never too many."""

import threading
from pathlib import Path

import pytest

from monitor.alerts import outbox as outboxes
from monitor.alerts.channel import NotDelivered, Refused
from monitor.alerts.courier import Courier
from monitor.alerts.letter import Letter, trial
from monitor.alerts.outbox import Outbox, Waiting
from monitor.store import Store
from tests.monitor.running import until


class Way:
    """A channel that does as it is told, one word a letter."""

    name = "way"
    kinds = frozenset[str]()

    def __init__(self, *words: str) -> None:
        self.words = list(words)
        self.tried: list[str] = []
        self.arrived: list[str] = []
        self.open = threading.Event()

    def send(self, letter: Letter) -> None:
        self.tried.append(letter.id)
        word = self.words.pop(0) if self.words else "take"
        if word == "wait":
            self.open.wait(60)
        elif word == "fail":
            raise NotDelivered("not today")
        elif word == "refuse":
            raise Refused("never")
        elif word == "break":
            raise RuntimeError("a fault of ours")
        self.arrived.append(letter.id)


def put(outbox: Outbox, store: Store, *numbers: int, made: float = 0.0, channel: str = "way") -> None:
    with store.writing() as run:
        kept = outbox.write(run, [Waiting(channel, made, trial(str(each), "", 0)) for each in numbers])
    outbox.enter(kept)


@pytest.fixture
def store(tmp_path: Path):
    made = Store(tmp_path / "m.db")
    yield made
    made.close()


def courier(way: Way, outbox: Outbox, now: float = 0.0, keep_s: float = 86_400.0) -> Courier:
    made = Courier(way, outbox, lambda: now, keep_s, pause_s=0.01)
    made.start()
    return made


def rows(store: Store) -> int:
    with store.reading() as run:
        return int(run("SELECT count(*) FROM alert_outbox").fetchone()[0])


def test_what_fails_is_tried_again_before_what_came_later(store):
    outbox, way = Outbox(store), Way("fail", "fail", "break", "take")
    put(outbox, store, 1, 2)
    working = courier(way, outbox)
    until(lambda: way.arrived == ["1", "2"])
    assert way.tried == ["1", "1", "1", "1", "2"]
    until(lambda: rows(store) == 0)
    assert working.state()["delivered"] == 2
    assert working.state()["error"] is None
    working.stop()


def test_what_is_refused_for_good_is_given_up_and_counted(store):
    outbox, way = Outbox(store), Way("refuse")
    put(outbox, store, 1, 2)
    working = courier(way, outbox)
    until(lambda: way.arrived == ["2"])
    until(lambda: rows(store) == 0)
    assert working.state()["given_up"] == 1
    assert way.tried == ["1", "2"]
    working.stop()


def test_what_is_too_old_is_given_up_and_counted(store):
    outbox, way = Outbox(store), Way()
    put(outbox, store, 1, made=0.0)
    put(outbox, store, 2, made=90_000.0)
    working = courier(way, outbox, now=90_001.0)
    until(lambda: way.arrived == ["2"])
    assert way.tried == ["2"]
    assert working.state()["given_up"] == 1
    working.stop()


def test_what_waits_is_there_after_a_restart(store):
    put(Outbox(store), store, 1, 2, made=5.0)
    again, way = Outbox(store), Way()
    assert again.waiting("way") == 2
    assert again.newest == 5.0
    working = courier(way, again)
    until(lambda: way.arrived == ["1", "2"])
    until(lambda: rows(store) == 0)
    working.stop()
    assert Outbox(store).waiting("way") == 0


def test_one_channel_that_hangs_keeps_no_other_waiting(store):
    outbox, slow, quick = Outbox(store), Way("wait"), Way()
    quick.name = "quick"
    put(outbox, store, 1)
    put(outbox, store, 2, channel="quick")
    both = [courier(slow, outbox), courier(quick, outbox)]
    until(lambda: quick.arrived == ["2"])
    assert slow.arrived == []
    slow.open.set()
    until(lambda: slow.arrived == ["1"])
    for each in both:
        each.stop()


def test_when_there_is_no_more_room_the_oldest_make_way_and_are_counted(store, monkeypatch):
    monkeypatch.setattr(outboxes, "WAITING_MOST", 3)
    outbox = Outbox(store)
    put(outbox, store, *range(5))
    assert outbox.waiting("way") == 3
    assert outbox.dropped == {"way": 2}
    assert rows(store) == 3
    way = Way()
    working = courier(way, outbox)
    until(lambda: way.arrived == ["2", "3", "4"])
    assert working.state()["given_up"] == 2
    working.stop()


def test_a_pause_ends_when_somebody_knows_better(store):
    outbox, way = Outbox(store), Way("fail")
    put(outbox, store, 1)
    working = Courier(way, outbox, lambda: 0.0, 86_400.0, pause_s=600.0)
    working.start()
    until(lambda: working.state()["error"] == "not today")
    working.hurry()
    until(lambda: way.arrived == ["1"])
    working.stop()


def test_what_is_for_a_channel_that_is_gone_stays_for_as_long_as_it_is_kept(store):
    put(Outbox(store), store, 1, made=10.0, channel="former")
    put(Outbox(store), store, 2, made=20.0, channel="former")
    Outbox(store).expire(15.0, {"way"})
    assert Outbox(store).waiting("former") == 1


def test_pauses_grow(store):
    outbox, way = Outbox(store), Way(*["fail"] * 4)
    put(outbox, store, 1)
    pauses = []
    working = Courier(way, outbox, lambda: 0.0, 86_400.0, pause_s=0.01)
    wait = working._now.wait
    working._now.wait = lambda pause: (pauses.append(pause), wait(pause))[1]
    working.start()
    until(lambda: way.arrived == ["1"])
    assert pauses == [0.01, 0.02, 0.04, 0.08]
    working.stop()
