"""The desk holds judgement, memory and delivery together, also when the store cannot be written."""

import sqlite3
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.alerts.condition import Condition, Observation
from monitor.alerts.desk import Desk
from monitor.alerts.letter import Letter
from monitor.alerts.rules import DEFAULTS, Rule, Rules
from monitor.alerts.settings import Settings
from monitor.store import Store
from tests.monitor.running import until

QUICK = Settings(rules=Rules(dict.fromkeys(DEFAULTS, Rule(after_s=0.0, calm_s=0.0, cooldown_min=0.0))))
CELLAR = frozenset({"cellar"})


class Window:
    """A watch that sees what a test says."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def look(self, _now: float, wall_ms: int) -> Observation:
        return Observation({("cellar", kind): Condition(wall_ms, "strange") for kind in self.kinds}, CELLAR)


class Way:
    """A channel that takes everything it wants."""

    name = "way"

    def __init__(self, *kinds: str) -> None:
        self.kinds = frozenset(kinds)
        self.arrived: list[Letter] = []

    def send(self, letter: Letter) -> None:
        self.arrived.append(letter)


@contextmanager
def desk(store: Store, window: Window, *ways: Way, settings: Settings = QUICK):
    """It looks when a test says so; once in an hour by itself."""
    made = Desk(store, window, settings, ways, look_every_s=3600.0)  # type: ignore[arg-type]
    made.start()
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def disk_full(store: Store, monkeypatch: pytest.MonkeyPatch):
    """Nothing can be written while this lasts."""

    @contextmanager
    def writing():
        raise sqlite3.OperationalError("database or disk is full")
        yield

    with monkeypatch.context() as full:
        full.setattr(store, "writing", writing)
        yield


@pytest.fixture
def store(tmp_path: Path):
    made = Store(tmp_path / "m.db")
    yield made
    made.close()


def test_a_store_that_cannot_be_written_keeps_no_letter_back_and_is_written_later(store, monkeypatch):
    window, way = Window(), Way()
    with desk(store, window, way) as at:
        with disk_full(store, monkeypatch):
            window.kinds = ["store"]
            at.look()
            until(lambda: [each.what for each in way.arrived] == ["onset"])
        at.look()
    with desk(store, window, way) as again:
        again.look()
        assert again.shown().open[0]["told"] is True
        window.kinds = []
        again.look()
        until(lambda: [each.what for each in way.arrived] == ["onset", "recovery"])
        assert len(again.past(10)) == 1


def test_a_snooze_that_could_not_be_kept_is_kept_later(store, monkeypatch):
    window = Window()
    with desk(store, window) as at:
        with disk_full(store, monkeypatch):
            at.snooze(["attic"], 60)
        at.look()
    with desk(store, window) as again:
        assert [each["device"] for each in again.shown().snoozes] == ["attic"]


def test_a_channel_gets_only_the_kinds_that_it_wants(store):
    window, some, everything = Window(), Way("offline"), Way()
    everything.name = "everything"
    window.kinds = ["anomaly", "offline"]
    with desk(store, window, some, everything) as at:
        at.look()
        until(lambda: len(everything.arrived) == 2 and some.arrived)
    assert [each.kind for each in some.arrived] == ["offline"]


def test_what_the_rules_no_longer_ask_for_is_over_without_a_word(store):
    window, way = Window(), Way()
    window.kinds = ["anomaly"]
    with desk(store, window, way) as at:
        at.look()
        until(lambda: way.arrived)
    silent = Settings(rules=Rules({**QUICK.rules.by_kind, "anomaly": Rule(tell=False)}))
    with desk(store, window, way, settings=silent) as at:
        at.look()
        assert at.shown().open == []
        assert len(at.past(10)) == 1
    assert [each.what for each in way.arrived] == ["onset"]


def test_pages_hear_what_is_told_and_how_much_is_open(store):
    window, heard = Window(), []
    made = Desk(store, window, QUICK, tell=heard.append)  # type: ignore[arg-type]
    window.kinds = ["anomaly"]
    made.look()
    (frame,) = heard
    assert frame["alerts"]["open"] == frame["alerts"]["unacknowledged"] == 1
    assert frame["alerts"]["news"][0].startswith("cellar: strange (since ")
    made.look()
    assert len(heard) == 1


def test_numbers_are_never_given_twice_over_a_restart(store):
    window = Window()
    seen = set()
    for kind in ("anomaly", "offline", "silent"):
        window.kinds = [kind]
        made = Desk(store, window, QUICK)  # type: ignore[arg-type]
        made.look()
        seen.add(made.shown().open[0]["id"])
        window.kinds = []
        made.look()
    assert len(seen) == 3
