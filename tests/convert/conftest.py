"""A run with a short history, and what each format makes of it: made once for all tests."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from edge.detection.window import Inputs
from tests.convert.environments import Missing, make
from trainer.run import Run


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the shipped weights, whose history is a day and a half of a simulated room.

    The last half day has faults in it, so that there are flags to compare.
    """
    pytest.importorskip("tensorflow", reason="needs picanary[train]")
    from edge.detection.habits import learn_habits
    from trainer import run
    from trainer.history import data_hash, simulated
    from trainer.prior import shipped

    prior = shipped("masked")
    assert prior is not None
    whole = simulated(seed=7, period_s=30.0, days=1.0, test_days=0.5)
    habits = learn_habits(whole.between(0, 2880))
    habits = replace(habits, windowing=habits.windowing.with_shapes(prior.shapes))
    settings = {
        "name": "day",
        "seed": 7,
        "architecture": "masked",
        "data": {"sha256": data_hash(whole)},
        "versions": {},
    }
    folder = tmp_path_factory.mktemp("runs") / "day"
    run.save(folder, run.Run(settings, prior.model(habits.windowing), habits, whole, prior.fleet))
    return folder


@pytest.fixture(scope="session")
def day_run(day: Path) -> Run:
    """That run, loaded."""
    from trainer.run import load

    return load(day)


@pytest.fixture(scope="session")
def windows(day_run: Run) -> Inputs:
    """Windows (n, width) of its history."""
    from convert.conversion import windows_of

    return windows_of(day_run)


@pytest.fixture(scope="session")
def exported(day_run: Run, windows: Inputs) -> Callable[[str], bytes]:
    """The model file of a format."""
    from convert.conversion import export

    return cache(lambda form: export(day_run, form, windows)[0])


@pytest.fixture(scope="session")
def bundled(day: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The bundle of a format, converted as a user does it."""
    from convert.__main__ import main

    folder = tmp_path_factory.mktemp("bundles")

    @cache
    def bundle(form: str) -> Path:
        out = folder / f"{form}.canary"
        assert main([str(day), "--format", form, "--out", str(out)]) == 0
        return out

    return bundle


@pytest.fixture(scope="session")
def old_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Python 3.11 with the last tflite-runtime, which was built against numpy 1."""
    return _environment(tmp_path_factory, "3.11", "tflite-runtime==2.14.0", "numpy<2")


@pytest.fixture(scope="session")
def new_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Python 3.13 with ai-edge-litert."""
    return _environment(tmp_path_factory, "3.13", "ai-edge-litert", "numpy")


def _environment(factory: pytest.TempPathFactory, version: str, *packages: str) -> str:
    try:
        return make(factory.mktemp("environments") / version, version, *packages)
    except Missing as missing:
        pytest.skip(str(missing))
