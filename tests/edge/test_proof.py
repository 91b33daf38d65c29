"""The proof: a model that lies, crashes, hangs or wants all memory is refused, and only a child suffers."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edge.bundle import proof
from edge.bundle.bundle import Bundle, load, pack, unpack
from edge.errors import BundleError
from tests.edge.forged import Table, forge
from tests.edge.refused_proofs import refusal, with_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def content(room_bundle: Path) -> bytes:
    return room_bundle.read_bytes()


@pytest.fixture(scope="module")
def bundle(room_bundle: Path) -> Bundle:
    return load(room_bundle)


def test_a_whole_bundle_proves_itself(content: bytes, bundle: Bundle) -> None:
    proof.check(content, "it")
    found = proof.prove(content, "it")
    assert found.difference == proof.compare(bundle) < 1e-5
    assert found.windows == len(bundle.golden["inputs"])
    assert 2**20 < found.peak_bytes < 2**28


def test_the_child_runs_from_any_folder(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # files of that name in the working directory are not ours
    for name in ("edge", "numpy", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    proof.check(content, "it")


def test_a_checkout_that_nobody_installed_can_prove(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "room.canary").write_bytes(content)
    read = "open('room.canary', 'rb').read()"
    code = f"from edge.bundle.proof import check; check({read}, 'it'); print('proven')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "proven\n", done.stderr


def test_a_model_that_answers_otherwise_is_refused(content: bytes) -> None:
    def lie(table: Table) -> Table:
        table["answers"][0][0] += 0.1
        return table

    assert "a difference of 0.1, 0.0001 is allowed" in refusal(forge(content, golden=lie))


def test_garbage_in_place_of_a_model_is_refused(content: bytes) -> None:
    assert "does not load in this runtime" in refusal(forge(content, model=lambda _: b"TFL3" * 1000))
    assert "does not load in this runtime" in refusal(forge(content, model=lambda _: b""))


def test_a_model_of_another_shape_is_refused(bundle: Bundle) -> None:
    smaller = bundle.windowing.with_views(bundle.windowing.views[:1])
    golden = {
        **bundle.golden,
        "inputs": [row[: smaller.width] for row in bundle.golden["inputs"]],
        "answers": [row[: smaller.outputs] for row in bundle.golden["answers"]],
    }
    assert "takes inputs of 112 numbers" in refusal(pack(replace(bundle, windowing=smaller, golden=golden)))


def test_weights_that_are_not_numbers_are_refused(content: bytes) -> None:
    hostile = pytest.importorskip("tests.edge.hostile", reason="needs picanary[train]")
    poisoned = forge(content, model=hostile.poisoned)
    assert "with what is not a number" in refusal(poisoned)

    def expected(table: Table) -> bytes:
        table["answers"] = [["NaN"] * len(row) for row in table["answers"]]
        return b"%s" % str(table).replace("'NaN'", "NaN").replace("'", '"').encode()

    with pytest.raises(BundleError, match="NaN is not a number"):
        unpack(forge(poisoned, golden=expected), "it")


@pytest.mark.parametrize("mebibytes", [100, 8000])
def test_a_model_that_wants_all_memory_is_refused(bundle: Bundle, mebibytes: int) -> None:
    hostile = pytest.importorskip("tests.edge.hostile", reason="needs picanary[train]")

    def build(width: int, outputs: int) -> bytes:
        return bytes(hostile.greedy(width, outputs, mebibytes))

    assert "more memory than the 64 MiB" in refusal(with_model(bundle, build))


def test_a_child_that_cannot_start_is_a_sentence(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(BundleError, match=r"^it: the process that proves a model cannot be started"):
        proof.check(content, "it")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BundleError, match=r"^it: the process that proves a model failed with status 1"):
        proof.check(content, "it")
