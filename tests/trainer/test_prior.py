"""Priors as files: what is saved is what is loaded, and what is none is refused in a sentence."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from edge.detection.fleet import Fleet
from edge.detection.signals import SHAPES, SIGNALS
from edge.errors import ConfigError
from tests.edge.rooms import windowing
from trainer.networks import expectation, recogniser
from trainer.prior import PRETRAINABLE, SHIPPED, Prior, load, save, shipped

FEW = ("strange", "window_open")


def prior(architecture: str = "masked", shapes: tuple[str, ...] = FEW) -> Prior:
    networks = (expectation(architecture == "conv"), recogniser(len(shapes)))
    weights = {each.name: each.get_weights() for each in networks}
    fleet = Fleet({"surprise": 20.0, "strange": 3.5}, {"surprise": 0.75, "strange": 0.25})
    return Prior(architecture, shapes, weights, fleet, {"seed": 3, "lives": 8})


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    sentence = str(caught.value)
    assert str(path) in sentence and "\n" not in sentence and "python -m trainer pretrain" in sentence
    return sentence


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    made = prior()
    save(tmp_path / "new" / "a.npz", made)
    back = load(tmp_path / "new" / "a.npz")
    assert (back.architecture, back.shapes) == (made.architecture, made.shapes)
    assert (back.fleet, back.about) == (made.fleet, made.about)
    assert back.weights.keys() == made.weights.keys()
    for name, layers in made.weights.items():
        for ours, theirs in zip(back.weights[name], layers, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_same_prior_is_the_same_bytes_in_the_file_that_was_named(tmp_path: Path) -> None:
    made = prior()
    for name in ("a.npz", "b"):
        save(tmp_path / name, made)
    assert {path.name for path in tmp_path.iterdir()} == {"a.npz", "b"}
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b").read_bytes()
    save(tmp_path / "c", replace(made, about={"seed": 4}))
    assert (tmp_path / "c").read_bytes() != (tmp_path / "b").read_bytes()


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "nothing.npz")
    refusal(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_file_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.npz"
    save(path, prior())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refusal(path)


def test_a_file_with_a_byte_changed_is_refused_or_gives_the_same_model(tmp_path: Path) -> None:
    """A byte that says nothing (a date, an unused flag) may change."""
    path, room = tmp_path / "a.npz", windowing(views=((1, 9), (5, 9))).with_shapes(FEW)
    save(path, prior())
    whole, model = path.read_bytes(), load(path).model(room)
    refused = 0
    for at in range(0, len(whole), 61):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            other = load(path).model(room)
        except ConfigError as error:
            assert "\n" not in str(error)
            refused += 1
            continue
        for ours, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert refused > len(whole) / 61 / 2


def test_files_of_other_programs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_text("timestamp,temperature\n2024-01-01,20\n")
    refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about", "{}")
    refusal(path)
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    refusal(path)
    with path.open("wb") as file:
        np.savez(file, about=np.frombuffer(b"[1, 2]", np.uint8))
    refusal(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "oracle"}, "oracle"),
        ({"shapes": ["ghost"]}, "ghost"),
        ({"fleet": {"levels": {"ghost": 1.0}, "shares": {"ghost": 1.0}}}, "ghost"),
        ({"fleet": {"levels": {"noise": 0.0}, "shares": {"noise": 1.0}}}, "above zero"),
        ({"fleet": {"levels": {"noise": float("nan")}, "shares": {"noise": 1.0}}}, "above zero"),
        ({"fleet": {"levels": {"noise": 1.0}, "shares": {}}}, "share"),
        ({"fleet": []}, ""),
    ],
)
def test_what_this_picanary_does_not_know_is_refused_by_name(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    path = tmp_path / "a.npz"
    save(path, prior())
    with np.load(path) as arrays:
        parts = dict(arrays)
    about = {**json.loads(parts["about"].tobytes()), **change}
    parts["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with path.open("wb") as file:
        np.savez(file, **parts)
    assert words in refusal(path)


@pytest.mark.parametrize("lost", ["expectation", "recogniser"])
def test_weights_that_do_not_fit_are_refused(lost: str) -> None:
    made, room = prior(), windowing(views=((1, 9), (5, 9)))
    without = replace(made, weights={name: w for name, w in made.weights.items() if name != lost})
    bent = replace(made, weights={**made.weights, lost: [w[..., :-1] for w in made.weights[lost]]})
    for each in (without, bent):
        with pytest.raises(ConfigError, match="make it again"):
            each.model(room.with_shapes(FEW))


def test_a_model_of_a_prior_has_its_weights() -> None:
    made, room = prior(), windowing(views=((1, 9), (5, 9)))
    model = made.model(room.with_shapes(FEW))
    for name, layers in made.weights.items():
        for ours, theirs in zip(model.get_layer(name).get_weights(), layers, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    bare = made.model(room)
    assert bare.output_shape[1] == room.outputs == model.output_shape[1] - len(FEW)


@pytest.mark.parametrize("architecture", PRETRAINABLE)
def test_the_shipped_prior_is_small_and_knows_the_shapes_of_the_edge(architecture: str) -> None:
    found = shipped(architecture)
    assert found is not None
    assert found.architecture == architecture
    assert found.shapes == SHAPES
    assert set(found.fleet.levels) <= SIGNALS.keys()
    assert sum(found.fleet.shares.values()) == pytest.approx(1.0)
    assert (SHIPPED / f"{architecture}.npz").stat().st_size < 64 * 1024
    room = windowing(views=((1, 9), (5, 9))).with_shapes(found.shapes)
    answers = found.model(room).predict(np.zeros((2, room.width), np.float32), verbose=0)
    assert np.isfinite(answers).all()


def test_an_architecture_that_cannot_be_pretrained_has_no_prior() -> None:
    assert shipped("dense") is None
