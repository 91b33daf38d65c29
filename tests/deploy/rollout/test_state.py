"""What stands on disk is whole, whenever it is looked at; and what is shown is what stands there."""

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from deploy.rollout.ending import outcome
from deploy.rollout.lines import Lines
from deploy.rollout.member import Member, Stage
from deploy.rollout.plan import Plan
from deploy.rollout.state import Phase, State, claimed
from deploy.rollout.table import picture
from deploy.rollout.watching import Tally, Watching
from edge.errors import ConfigError

LABEL = "room-2-0f54b6f4"


@pytest.fixture
def state() -> State:
    """In its second wave; one device refused it, one is asleep."""
    stages = {"attic": Stage.HAS, "cellar": Stage.REFUSED, "loft": Stage.SENT, "shed": Stage.WAITING}
    members = {
        name: Member(name, wave=number // 2, stage=stage, why="too old" if stage == Stage.REFUSED else "")
        for number, (name, stage) in enumerate(stages.items())
    }
    watching = Watching(LABEL, new=Tally(2, 7200.0), control=Tally(1, 36_000.0), elapsed_s=900.0)
    return State("ab" * 32, LABEL, Plan(), members, watching, waves=2, phase=Phase.WAVE, wave=1, looks=6)


def test_what_was_written_is_read_again(state: State, tmp_path: Path) -> None:
    with claimed(tmp_path / "state") as file:
        assert file.read() is None
        file.write(state)
        again = file.read()
        assert again is not None
        assert again.encoded() == state.encoded()
        with pytest.raises(ConfigError, match="runs already"), claimed(tmp_path / "state"):
            pass


def test_a_write_that_fails_leaves_what_was_there(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with claimed(tmp_path / "state") as file:
        file.write(state)
        before = file.path.read_bytes()
        state.looks = 7
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            file.write(state)
        assert file.path.read_bytes() == before
        monkeypatch.undo()
        file.write(state)  # it knows that it has not been written
        assert b'"looks": 7' in file.path.read_bytes()


@pytest.mark.parametrize(
    ("phase", "stages", "status", "words"),
    [
        (Phase.DONE, "has has has has", 0, "is on all 4 devices"),
        (Phase.DONE, "has has has waiting", 3, "is on 3 of 4 devices; asleep: shed"),
        (Phase.DONE, "has refused has sent", 3, "do without: cellar (too old)"),
        (
            Phase.STOPPED,
            "withdrawn refused waiting waiting",
            1,
            "Taken back from 1 devices; do without: cellar",
        ),
        (
            Phase.STOPPED,
            "withdrawn withdrawn recalled waiting",
            1,
            "the same command takes it back from those",
        ),
        (Phase.STOPPED, "keeps withdrawn waiting waiting", 1, "cannot go back: attic"),
    ],
)
def test_the_end_says_who_is_without_it(
    state: State, phase: Phase, stages: str, status: int, words: str
) -> None:
    state.phase = phase
    for member, stage in zip(state.members.values(), stages.split(), strict=True):
        member.stage = Stage(stage)
    assert outcome(state)[0] == status
    assert words in outcome(state)[1]


def test_the_picture_shows_each_wave_and_the_alarms(state: State) -> None:
    console = Console(file=io.StringIO(), width=120, height=30)
    console.print(picture(state, ["12:00:00  look 6 of 12"]))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for words in (LABEL, "wave 2 of 2", "canaries", "2 in 2 device-hours with the new model", "look 6 of 12"):
        assert words in shown
    header, canaries, second = (line.split() for line in shown.splitlines()[2:5])
    assert header[:4] == ["wave", "devices", "waiting", "sent"]
    assert canaries[:4] == ["canaries", "2", "1", "1"]  # has it, out
    assert second[:5] == ["wave", "2", "2", "1", "1"]  # waiting, sent


def test_lines_are_for_people_or_for_programs() -> None:
    people, programs = io.StringIO(), io.StringIO()
    Lines(as_json=False, out=people).tell("has", "attic has it", device="attic")
    Lines(as_json=True, out=programs).tell("has", "attic has it", device="attic")
    assert people.getvalue().endswith("  attic has it\n")
    told = json.loads(programs.getvalue())
    assert (told["what"], told["device"], told["text"]) == ("has", "attic", "attic has it")
