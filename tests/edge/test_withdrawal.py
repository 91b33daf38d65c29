"""A model that came over the air is taken back over the air: one step, for a week, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.bundle.bundle import unpack
from edge.bundle.keys import generate, write_pair
from edge.errors import ConfigError
from edge.swap.desk import Desk
from edge.swap.loaded import Loaded
from edge.swap.rehearsal import Rehearsal
from edge.swap.store import ModelStore, digest_of
from edge.swap.succession import Succession
from edge.swap.withdrawal import WITHIN_S, Withdrawal
from tests.edge.devices import Device, label, models, passed, read_key, running, runs, told, version
from tests.edge.faults.caller import Caller, caller
from tests.edge.test_agent import schema

OLD, NEW = b"the old model" * 100, b"the new model" * 100


@pytest.fixture
def asker(device: Device) -> Iterator[Caller]:
    with caller(device.broker) as made:
        yield made


def test_one_on_trial_goes_and_the_one_before_judges_on(
    device: Device, asker: Caller, room_bundle: Path
) -> None:
    old, new = device.bundle.read_bytes(), version(room_bundle, 2, device.key)
    assert "is not the newest" in asker.ask("withdraw", "early", model=label(new))["why"]
    device.send(new, retain=True)
    device.wait_for(told("trial", new))
    assert asker.ask("withdraw", "now", model=label(new))["ok"]
    story = device.wait_for(told("rolled_back", new))
    assert (story["installed"], "withdrawn" in story["why"]) == (label(old), True)
    schema("model").validate(story)
    assert not asker.ask("withdraw", "twice", model=label(new))["ok"]
    assert "did not come by MQTT" in asker.ask("withdraw", "further", model=label(old))["why"]
    device.listening.wait(lambda: newest(device)["model"] == label(old))
    device.send(b"", retain=True)  # a kept one is cleared: that is no model, and no story
    count = len(device.stories())
    device.send(new)  # it has failed nobody, and may come again
    device.wait_for(passed(new))
    assert device.stories()[count]["state"] == "verifying"
    device.process.kill()
    device.process.wait()
    assert runs(models(device.folder)) == [label(each) for each in (old, new, old, new)]


def test_one_past_its_trial_goes_and_stays_away_after_a_restart(
    device: Device, asker: Caller, room_bundle: Path
) -> None:
    old, new = device.bundle.read_bytes(), version(room_bundle, 3, device.key)
    device.send(new)
    device.wait_for(passed(new))
    assert asker.ask("withdraw", "now", model=label(new))["ok"]
    device.wait_for(told("rolled_back", new))
    device.process.kill()
    device.process.wait()
    with running(device.folder, device.broker, device.listening) as again:
        before = len(again.listening.records())
        again.listening.wait(lambda: len(again.listening.records()) > before + 5)
        assert newest(again)["model"] == label(old)
        by_file = version(room_bundle, 2, device.key)
        device.replace(by_file)
        again.wait_for(passed(by_file))
        assert "did not come by MQTT" in asker.ask("withdraw", "a-file", model=label(by_file))["why"]


def newest(device: Device) -> dict[str, Any]:
    records = device.listening.records()
    return records[max(records)]


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    made = ModelStore(tmp_path)
    made.install(OLD, "room", 4, trial=False)
    made.install(NEW, "room", 7, trial=True, since=100)
    return made


def test_what_is_older_than_the_one_before_is_refused_after_it(store: ModelStore, tmp_path: Path) -> None:
    store.accept("room", 7)
    assert ModelStore(tmp_path).state.versions == {"room": 7}
    store.withdraw(("room", 4))
    again = ModelStore(tmp_path)
    assert again.begin() == (OLD, None)
    assert (again.state.versions, again.state.since, again.way_back) == ({"room": 4}, None, None)
    assert digest_of(NEW) not in again.state.rejected
    assert [path.name for path in tmp_path.glob("*.canary")] == [f"{digest_of(OLD)}.canary"]


def test_the_one_before_is_kept_only_for_what_came_by_mqtt(store: ModelStore, tmp_path: Path) -> None:
    store.accept("room", 7)
    assert store.content(store.way_back) == OLD
    store.install(b"third", "room", 8, trial=True)
    store.accept("room", 8)
    assert (store.way_back, store.state.since) == (None, None)
    assert len(list(tmp_path.glob("*.canary"))) == 1


def test_a_trial_that_begins_anew_may_still_be_withdrawn(store: ModelStore, tmp_path: Path) -> None:
    again = ModelStore(tmp_path)
    again.install(NEW, "room", 7, trial=True)  # by the agent itself, after a restart
    assert (again.state.since, again.content(again.way_back)) == (100, OLD)


def test_a_state_of_before_there_was_a_way_back_is_read(store: ModelStore, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    lines = [line for line in path.read_text().splitlines() if '"since"' not in line and '"kept"' not in line]
    path.write_text("\n".join(lines))
    assert ModelStore(tmp_path).begin() == (OLD, NEW)


@pytest.mark.parametrize(
    ("readings", "fails"), [(0, False), (WITHIN_S / 10, False), (WITHIN_S / 10 + 1, True), (-1, True)]
)
def test_a_week_of_readings_is_the_end_of_it(
    tmp_path: Path, room_bundle: Path, readings: float, fails: bool
) -> None:
    write_pair(tmp_path / "maker", generate())
    content = version(room_bundle, 2, read_key(tmp_path))
    loaded = Loaded(unpack(content, "test"), content)
    kept = ModelStore(tmp_path / "models")
    kept.install(content, "room", 2, trial=True, since=100)
    desk = cast(
        Desk,
        SimpleNamespace(
            opening=SimpleNamespace(store=kept),
            journal=SimpleNamespace(last_seq=100 + int(readings)),
            rules=SimpleNamespace(period_s=10.0),
        ),
    )
    models_ = cast(Succession, SimpleNamespace(at_work=loaded))
    withdrawal = Withdrawal(desk, models_, cast(Rehearsal, None))
    if fails:
        with pytest.raises(ConfigError, match="more than 7 days"):
            withdrawal.check(label(content))
    else:
        withdrawal.check(label(content))
