"""Row 33: a model that crashes or hangs takes only the child process with it that meets it first."""

import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.bundle import proof
from edge.bundle.archive import GOLDEN, unpack_archive
from edge.bundle.bundle import Bundle, load
from edge.bundle.strict_json import strict_json
from edge.errors import BundleError
from tests.edge.devices import Device, label, version
from tests.edge.faults.journals import bodies
from tests.edge.forged import forge
from tests.edge.refused_proofs import refusal, with_model

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def content(room_bundle: Path) -> bytes:
    return room_bundle.read_bytes()


@pytest.fixture(scope="module")
def bundle(room_bundle: Path) -> Bundle:
    return load(room_bundle)


@pytest.fixture(scope="module")
def hostile() -> Any:
    """Models that a bundle should never bring."""
    return pytest.importorskip("tests.edge.hostile", reason="needs picanary[train]")


def test_row_33_a_model_that_crashes_takes_only_the_child_with_it(bundle: Bundle, hostile: Any) -> None:
    assert "the model crashed on its golden windows (SIG" in refusal(with_model(bundle, hostile.crashing))


def test_row_33_a_model_that_hangs_is_ended_at_the_deadline(bundle: Bundle, hostile: Any) -> None:
    sentence = refusal(with_model(bundle, hostile.hanging), deadline_s=3.0)
    assert "the model hung for 3 s on its golden windows" in sentence


def test_row_33_a_child_without_a_parent_ends_by_itself(bundle: Bundle, hostile: Any) -> None:
    orphan = subprocess.run(
        [sys.executable, "-m", "edge.bundle.proof", "it", "0.5"],
        input=with_model(bundle, hostile.hanging),
        cwd=ROOT,
        timeout=200,
        check=False,
    )
    assert orphan.returncode < 0


def test_row_33_flipped_bits_inside_a_model_never_reach_the_parent(content: bytes) -> None:
    chance = random.Random(6)
    ends = []
    for _ in range(25):

        def flip(model: bytes) -> bytes:
            damaged = bytearray(model)
            # the graph stands before the weights; a flip there does more
            at = chance.randrange(len(model) * 8 // chance.choice((1, 8)))
            damaged[at // 8] ^= 1 << at % 8
            return bytes(damaged)

        forged = forge(content, model=flip)
        try:
            found = proof.prove(forged, "some.canary", 60.0)
            ends.append("proven")
            assert found.difference <= strict_json(unpack_archive(content, "it")[GOLDEN])["tolerance"]
        except BundleError as error:
            ends.append("refused")
            assert str(error).startswith("some.canary: ")
            assert str(error).isprintable()
    assert set(ends) == {"proven", "refused"}


def test_row_33_an_agent_that_is_sent_such_models_reads_and_judges_on(
    device: Device, room_bundle: Path, bundle: Bundle, hostile: Any
) -> None:
    size = (bundle.windowing.width, bundle.windowing.outputs)
    own = label(device.bundle.read_bytes())
    for number, (build, reason) in enumerate(((hostile.crashing, "crashed"), (hostile.hanging, "hung")), 2):
        device.send(version(room_bundle, number, device.key, model=build(*size)))
        story = device.wait_for(lambda s, why=reason: s["state"] == "refused" and why in s["why"])
        assert story["installed"] == own
    newest = max(device.listening.records())
    device.listening.wait(lambda: max(device.listening.records()) > newest + 20)
    assert device.process.poll() is None
    kept = bodies(device.folder / "journal.db")
    assert {record["model"] for record in kept} == {own}
    waits = [later["mono_ms"] - one["mono_ms"] for one, later in pairwise(kept)]
    assert max(waits) < 1000.0 * proof.DEADLINE_S / 2, "a reading waited for the child"
