"""`python -m convert` as a user runs it: a bundle that is the model, or a refusal with numbers."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from convert.__main__ import main
from convert.verify import TOLERANCE, compare
from edge.bundle.bundle import load
from edge.detection.window import Inputs
from edge.errors import BundleError
from trainer import run
from trainer.fit import KerasNetwork


class Bent:
    """A network whose answers are off by a little."""

    def __init__(self, network: Any, by: float) -> None:
        self._network, self._by = network, by

    def answer(self, inputs: Inputs) -> Inputs:
        answers = self._network.answer(inputs)
        answers[len(answers) // 2, 0] += np.float32(self._by)
        return answers


def test_converting_twice_gives_the_same_bytes(trained: Path, room_bundle: Path, tmp_path: Path) -> None:
    assert main([str(trained), "--out", str(tmp_path / "again.canary")]) == 0
    assert (tmp_path / "again.canary").read_bytes() == room_bundle.read_bytes()


def test_the_bundle_answers_as_the_trained_model_does(trained: Path, room_bundle: Path) -> None:
    bundle = load(room_bundle)
    inputs = np.random.default_rng(0).normal(size=(500, bundle.windowing.width)).astype(np.float32)
    assert compare(bundle.network(), KerasNetwork(run.load(trained).model), inputs) < TOLERANCE


@pytest.mark.parametrize("by", [1e-3, float("nan")])
def test_a_model_that_differs_is_refused_with_numbers(room_bundle: Path, by: float) -> None:
    network = load(room_bundle).network()
    inputs = np.zeros((10, load(room_bundle).windowing.width), np.float32)
    with pytest.raises(BundleError, match=r"difference .* at window 5 of 10"):
        compare(Bent(network, by), network, inputs)


def test_the_manifest_tells_where_the_model_comes_from(room_bundle: Path) -> None:
    about = load(room_bundle).about
    assert about["false_alarms_per_week"] == 1.0
    assert about["training"]["rows"] == 4 * 8640
    assert len(about["training"]["data_sha256"]) == 64


def test_a_smaller_budget_sets_the_alarm_higher(trained: Path, tmp_path: Path) -> None:
    for name, budget in (("strict", 0.1), ("easy", 10.0)):
        flags = ["--out", str(tmp_path / name), "--false-alarms-per-week", str(budget)]
        assert main([str(trained), *flags]) == 0
    strict, easy = (load(tmp_path / name).detector.levels for name in ("strict", "easy"))
    assert all(strict[signal] >= easy[signal] for signal in strict)
    assert any(strict[signal] > easy[signal] for signal in strict)


def test_json_is_for_programs(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(trained), "--out", str(tmp_path / "b.canary"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["largest_difference"] < TOLERANCE
    assert (said["format"], said["same_flags"], said["signed"]) == ("float32", None, False)
    assert said["bytes"] == (tmp_path / "b.canary").stat().st_size


def test_what_is_no_run_is_refused_in_one_sentence(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert "not a run" in capsys.readouterr().err
    broken = tmp_path / "broken"
    shutil.copytree(trained, broken)
    (broken / run.MODEL).write_bytes(b"nothing")
    assert main([str(broken)]) == 2
    assert "this run is damaged" in capsys.readouterr().err.splitlines()[-1]


def test_a_run_of_another_format_is_refused(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(trained, other)
    settings = json.loads((other / run.SETTINGS).read_text())
    (other / run.SETTINGS).write_text(json.dumps({**settings, "format": 99}))
    assert main([str(other)]) == 2
    assert "run format 99" in capsys.readouterr().err.splitlines()[-1]
