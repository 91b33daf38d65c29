"""The model that comes with the package is what its command makes, now as then."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from edge.bundle import proof
from edge.bundle.bundle import Bundle, load, unpack
from edge.bundle.default import default_content

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("default") / "default.canary"
    command = [sys.executable, "-m", "convert", "default", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert str(out) in done.stdout
    return load(out)


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return unpack(default_content(), "the package's model")


def test_the_command_makes_the_network_that_is_shipped(made: Bundle, shipped: Bundle) -> None:
    inputs = np.asarray(shipped.golden["inputs"], np.float32)
    np.testing.assert_allclose(made.network().answer(inputs), shipped.golden["answers"], atol=1e-4)
    if made.about["versions"] == shipped.about["versions"]:
        assert made.model == shipped.model


def test_the_command_makes_the_scales_and_levels_that_are_shipped(made: Bundle, shipped: Bundle) -> None:
    for one, other in ((made.windowing, shipped.windowing), (made.detector, shipped.detector)):
        for name in one.__slots__:
            assert repr(flat(getattr(one, name))) == repr(flat(getattr(other, name))), name


def flat(value: object) -> object:
    """The same with numbers to six digits: other processors and kernels sum in another order."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return {key: flat(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [flat(each) for each in value]
    return (
        repr(value) if not hasattr(value, "__slots__") else [flat(getattr(value, n)) for n in value.__slots__]
    )


def test_it_is_trained_on_no_room_of_its_own_and_says_so(shipped: Bundle) -> None:
    assert shipped.settles
    assert shipped.name == "default"
    proof.check(default_content(), "the package's model")
