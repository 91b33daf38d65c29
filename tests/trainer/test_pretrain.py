"""`python -m trainer pretrain` from many rooms to a bundle, with the least of everything."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from convert.__main__ import main as convert
from edge.bundle import bundle, proof
from edge.csvfile import write_csv
from edge.detection.fleet import FLEET
from edge.detection.signals import SHAPES
from edge.sources.simulator import simulate
from trainer import run
from trainer.__main__ import main
from trainer.pretraining import fitting, pretrain
from trainer.prior import load


@pytest.fixture(scope="module")
def least_effort() -> Iterator[None]:
    """One room and a hundred steps instead of ten rooms and thousands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrain, "LEVEL_ROOMS", 1)
        patch.setattr(pretrain, "LEVEL_DAYS", (7.0,))
        patch.setattr(fitting, "EXPECTATION_ROUNDS", 1)
        patch.setattr(fitting, "SHAPE_ROUNDS", 1)
        patch.setattr(fitting, "BATCH", 256)
        yield


@pytest.fixture(scope="module")
def made(least_effort: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prior") / "new" / "prior.npz"
    assert main(["pretrain", "--out", str(out), "--lives", "4", "--jobs", "2", "--seed", "3"]) == 0
    return out


def test_what_is_left_is_a_prior_of_these_rooms(made: Path) -> None:
    prior = load(made)
    assert (prior.architecture, prior.shapes) == ("masked", SHAPES)
    assert (prior.about["lives"], prior.about["seed"]) == (4, 3)
    assert len(prior.about["levels_on"]) == 1
    assert prior.fleet.shares == FLEET.shares
    assert all(0 < level < np.inf for level in prior.fleet.levels.values())
    assert made.stat().st_size < 64 * 1024


def test_a_room_begins_from_it_and_the_edge_takes_the_bundle(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, history = tmp_path / "run", tmp_path / "cellar.csv"
    write_csv(simulate(3 * 86_400.0, 60.0, seed=3), history)
    flags = ["--data", str(history), "--epochs", "1", "--json"]
    assert main(["--prior", str(made), "--out", str(out), *flags]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == str(out)
    prior, loaded = load(made), run.load(out)
    assert loaded.settings["prior"] == "prior.npz"
    assert loaded.fleet == prior.fleet
    kept = loaded.model.get_layer("recogniser").get_weights()
    assert all((a == b).all() for a, b in zip(kept, prior.weights["recogniser"], strict=True))
    assert convert([str(out), "--out", str(out / "room.canary")]) == 0
    proof.check((out / "room.canary").read_bytes(), "room.canary")
    accepted = bundle.load(out / "room.canary")
    assert accepted.windowing.shapes == SHAPES
    assert accepted.detector.levels.keys() == prior.fleet.levels.keys()


REFUSED = [
    (["--lives", "3"], "--lives must be"),
    (["--seed", "2000"], "--seed must be"),
    (["--jobs", "0"], "--jobs must be"),
    (["--model", "dense"], "choose one of masked, conv"),
    (["--data", "nowhere"], "nowhere"),
    (["--levels", "nowhere"], "nowhere"),
    (["--out", "."], "is a folder"),
]


@pytest.mark.parametrize(("flags", "words"), REFUSED, ids=[" ".join(flags) for flags, _ in REFUSED])
def test_what_cannot_be_done_is_refused_before_the_work(
    flags: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["pretrain", *flags]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("python -m trainer pretrain: ") and words in sentence
    assert not list(tmp_path.iterdir())
