"""The package's model gets to know the room that it is in, from its journal, and keeps what it learnt."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.bundle.bundle import Bundle, unpack
from edge.bundle.default import default_content
from edge.detection.replay import judge
from edge.errors import RecordingError
from edge.journal import Journal
from edge.message import encode
from edge.reading import HUMIDITY, TEMPERATURE
from edge.settling import FILE, POINTS_DAYS, Order, next_point, settle, settle_apart, settled_from
from edge.sources.fault import Fault
from edge.sources.simulator import simulate
from edge.swap.lessons import Lessons
from edge.swap.loaded import Loaded
from edge.swap.opening import Opening
from edge.swap.store import ModelStore

DAY_S = 86_400.0
PERIOD_S = 60.0


@pytest.fixture(scope="module")
def default() -> Bundle:
    return unpack(default_content(), "default")


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of a room, as an agent has kept them."""
    path = tmp_path_factory.mktemp("settling") / "journal.db"
    kept = Journal(path, commit_records=1000)
    room = simulate(2 * DAY_S, PERIOD_S, seed=5)
    for row in range(len(room)):
        reading = room.reading(row)
        values = {c.key: reading.values[c.name] for c in (TEMPERATURE, HUMIDITY)}
        times = {"ts_ms": reading.ts_ms, "mono_ms": reading.mono_ms, "boot": "b", "clk": "ntp"}
        kept.append(encode({**times, "q": "ok", **values}))
    kept.close()
    return path


def test_the_default_model_says_that_it_settles(default: Bundle) -> None:
    assert default.settles
    assert [c.name for c in default.channels] == ["temperature", "humidity"]
    assert len(default_content()) < 64 * 1024


def test_lessons_come_more_seldom_as_the_history_grows() -> None:
    points, at = [], 0.0
    for _ in range(12):
        at = next_point(at)
        points.append(at)
    assert tuple(points[: len(POINTS_DAYS)]) == POINTS_DAYS
    assert points == sorted(set(points))


def test_what_a_child_learns_from_the_journal_judges_the_room(default: Bundle, journal: Path) -> None:
    learnt = settle_apart(default_content(), Order(journal, PERIOD_S, 1.0, 0, days=2.0))
    settled = settled_from(learnt, default)
    assert settled is not None
    bundle = settled.of(default)
    assert bundle.windowing.period_s == PERIOD_S
    found = {}
    for kind in ("level_shift", "spike", "noise_burst"):
        begin = 84.0 * 3600.0
        fault = Fault(kind, begin, 1800.0, 4.0, "temperature")
        room = simulate(4 * DAY_S, PERIOD_S, seed=5, faults=[fault])
        alarms = judge(room, bundle.network(), bundle.windowing, bundle.detector).alarm
        first = round(begin / PERIOD_S)
        found[kind] = bool(alarms[first : first + 60].any())
        assert alarms[:first].mean() < 0.01
    assert all(found.values()), found


def test_another_budget_moves_the_levels(default: Bundle) -> None:
    room = simulate(2 * DAY_S, PERIOD_S, seed=5)
    usual, rare = settle(default, room, 2.0, 1.0), settle(default, room, 2.0, 0.1)
    assert all(rare.detector.levels[name] > level for name, level in usual.detector.levels.items())


def test_a_journal_that_teaches_nothing_is_said_in_a_sentence(default: Bundle, tmp_path: Path) -> None:
    Journal(tmp_path / "journal.db").close()
    with pytest.raises(RecordingError, match="rows to train on"):
        settle_apart(default_content(), Order(tmp_path / "journal.db", PERIOD_S, 1.0, 0))


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b'{"model": null}', b"[" * 5000])
def test_what_was_learnt_and_is_damaged_is_learnt_anew(default: Bundle, damage: bytes) -> None:
    assert settled_from(damage, default) is None


def test_what_was_learnt_for_another_model_is_not_used(default: Bundle) -> None:
    learnt = settle(default, simulate(2 * DAY_S, PERIOD_S, seed=5), 2.0, 1.0).to_json()
    assert settled_from(learnt, default) is not None
    assert settled_from(learnt, replace(default, sha256="0" * 64)) is None


def test_a_journal_that_has_let_days_go_replaces_no_longer_lesson_unless_it_is_asked_to(
    default: Bundle, journal: Path, tmp_path: Path
) -> None:
    store = ModelStore(tmp_path / "models")
    longer = replace(settle(default, simulate(2 * DAY_S, PERIOD_S, seed=5), 5.0, 1.0), at_days=1.0)
    store.write(FILE, longer.to_json())
    loaded = Loaded(default, default_content())
    with closing(Journal(journal)) as kept:
        opening = Opening(store, default.channels, 1.0, None)
        lessons = Lessons(opening, kept, Order(journal, PERIOD_S, 1.0, 0))
        assert not lessons.learn(loaded, lambda: True)
        assert settled_from(store.read(FILE), default) == longer
        lessons.again()
        assert lessons.learn(loaded, lambda: True)
        learnt = settled_from(store.read(FILE), default)
        assert learnt is not None and learnt.days == pytest.approx(2.0, abs=0.01)
        after_restart = Lessons(opening, kept, Order(journal, PERIOD_S, 1.0, 0))
        assert not after_restart.learn(loaded, lambda: True), "and it is not learnt again at each start"


def test_a_lesson_counts_the_days_that_the_journal_still_has(default: Bundle, journal: Path) -> None:
    learnt = settled_from(
        settle_apart(default_content(), Order(journal, PERIOD_S, 1.0, 1440, days=7.0)), default
    )
    assert learnt is not None and (learnt.days, learnt.at_days) == (pytest.approx(1.0, abs=0.01), 7.0)


def test_what_was_learnt_before_lessons_were_counted_is_still_known(default: Bundle) -> None:
    learnt = settle(default, simulate(2 * DAY_S, PERIOD_S, seed=5), 2.0, 1.0)
    table = json.loads(learnt.to_json())
    del table["at_days"]
    assert settled_from(json.dumps(table).encode(), default) == replace(learnt, at_days=2.0)


def test_a_history_with_a_stretch_of_minutes_between_two_gaps_is_learnt_from(default: Bundle) -> None:
    room = simulate(2 * DAY_S, PERIOD_S, seed=5)
    rows = np.delete(np.arange(len(room)), [*range(1000, 1040), *range(1050, 1090)])
    holed = replace(room, ts_ms=room.ts_ms[rows], values=room.values[rows], labels=None, kinds=None, gaps=())
    learnt, whole = settle(default, holed, 2.0, 1.0), settle(default, room, 2.0, 1.0)
    assert learnt.detector.levels == pytest.approx(whole.detector.levels, rel=0.05)
    assert learnt.windowing.swing == pytest.approx(whole.windowing.swing, rel=0.2)
