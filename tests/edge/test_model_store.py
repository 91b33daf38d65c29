"""The models on disk: at any moment the old one or the new one, whole; what was rolled back stays away."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.swap.store import MOST_STARTS, STATE, ModelStore, digest_of

OLD, NEW = b"the old model" * 100, b"the new model" * 100


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    made = ModelStore(tmp_path)
    made.install(OLD, "room", 1, trial=False)
    return made


def test_what_is_installed_is_there_after_a_restart(store: ModelStore, tmp_path: Path) -> None:
    again = ModelStore(tmp_path)
    assert again.begin() == (OLD, None)
    assert again.state.versions == {"room": 1}


def test_a_model_on_trial_is_there_with_the_one_before_it(store: ModelStore, tmp_path: Path) -> None:
    store.install(NEW, "room", 2, trial=True)
    assert ModelStore(tmp_path).begin() == (OLD, NEW)
    assert store.state.versions == {"room": 1}  # it has not passed yet


def test_a_model_that_has_passed_leaves_nothing_of_the_one_before(store: ModelStore, tmp_path: Path) -> None:
    store.install(NEW, "room", 2, trial=True)
    store.accept("room", 2)
    assert ModelStore(tmp_path).begin() == (NEW, None)
    assert [path.name for path in tmp_path.glob("*.canary")] == [f"{digest_of(NEW)}.canary"]
    assert ModelStore(tmp_path).state.versions == {"room": 2}


def test_a_model_that_was_rolled_back_is_remembered(store: ModelStore, tmp_path: Path) -> None:
    store.install(NEW, "room", 2, trial=True)
    store.roll_back()
    again = ModelStore(tmp_path)
    assert again.begin() == (OLD, None)
    assert digest_of(NEW) in again.state.rejected


def test_a_trial_that_takes_the_agent_down_again_and_again_is_over(store: ModelStore, tmp_path: Path) -> None:
    store.install(NEW, "room", 2, trial=True)
    begun = []
    for _ in range(MOST_STARTS + 1):
        at_start = ModelStore(tmp_path)
        begun.append(at_start.begin())
        if at_start.state.on_trial:  # the agent offers it once more, and dies of it
            at_start.install(NEW, "room", 2, trial=True)
    assert begun[0] == (OLD, NEW)
    assert begun[-1] == (OLD, None)


def test_one_that_comes_while_another_is_on_trial_goes_back_to_the_last_good_one(store: ModelStore) -> None:
    store.install(NEW, "room", 2, trial=True)
    store.install(b"third", "room", 3, trial=True)
    store.roll_back()
    assert store.begin() == (OLD, None)


@settings(deadline=None)  # it waits for the disk
@given(at=st.integers(0, 8 * len(NEW) - 1))
def test_a_damaged_model_is_not_used(tmp_path_factory: pytest.TempPathFactory, at: int) -> None:
    folder = tmp_path_factory.mktemp("store")
    store = ModelStore(folder)
    store.install(OLD, "room", 1, trial=False)
    store.install(NEW, "room", 2, trial=True)
    content = bytearray(NEW)
    content[at // 8] ^= 1 << at % 8
    (folder / f"{digest_of(NEW)}.canary").write_bytes(content)
    assert ModelStore(folder).begin() == (OLD, None)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"current": 1}', "[" * 5000, "\x00\xff"])
def test_a_damaged_state_begins_anew_and_stops_nothing(store: ModelStore, tmp_path: Path, text: str) -> None:
    (tmp_path / STATE).write_text(text, encoding="latin-1")
    again = ModelStore(tmp_path)
    assert again.begin() == (None, None)
    again.install(NEW, "room", 2, trial=False)
    assert ModelStore(tmp_path).begin() == (NEW, None)


def test_a_disk_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder can be here")
    store = ModelStore(blocked / "models")
    store.install(NEW, "room", 1, trial=False)
    assert store.state.current == digest_of(NEW)


def test_the_state_is_json_that_a_person_can_read(store: ModelStore, tmp_path: Path) -> None:
    assert json.loads((tmp_path / STATE).read_text())["versions"] == {"room": 1}
