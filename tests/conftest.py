"""Where tests find what is not in the repository."""

import os
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair, and tells nothing of the code.
_USUAL = settings.get_profile("ci" if os.environ.get("CI") else "default")
settings.register_profile("any machine", _USUAL, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

collect_ignore = ["pi"]  # `make test-pi` runs it: one emulated Pi for minutes, which wants a core for itself

# Files that take minutes together, or wait for a minute: `make test-long` runs them, `make test` the others.
LONG = (
    *("test_row_42_soak.py", "test_chain.py", "test_kills.py", "test_demo.py", "test_level.py"),
    *("test_row_35_swap.py", "test_row_02_03_gaps.py", "test_row_12_37_slow_tries.py", "test_memory.py"),
    *("test_pretrain.py", "test_row_39_fleet.py", "test_row_10_slow_line.py", "test_row_09_resets.py"),
)
# Begun last they would leave the other cores idle at the end.
FIRST = (
    *LONG,
    *("test_train.py", "test_failing_update.py", "test_interrupted.py", "test_service.py"),
    *("test_benchmark_baselines.py", "test_whatif_page.py", "test_pi.py", "test_systemd.py"),
)


@pytest.hookimpl(tryfirst=True)  # before those that are not asked for are taken out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then all others mixed, the same each time; each in its own order.

    Folder by folder, all workers would compute at once, and then all wait for something at once.
    """

    def turn(item: pytest.Item) -> tuple[int, int]:
        place = FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST)
        return place, crc32(item.nodeid.partition("::")[0].encode())

    items.sort(key=turn)
    for item in items:
        if item.path.name in LONG:
            item.add_marker("long")


@pytest.fixture(scope="session")
def climate() -> Path:
    """The folder of labelled series that stands beside the checkout."""
    folder = Path(__file__).parents[2] / "shared/data/climate"
    if not folder.is_dir():
        pytest.skip("the labelled series are not here: ../shared/data/climate is missing")
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a small model of a simulated room: four days at ten seconds, trained in seconds."""
    pytest.importorskip("tensorflow", reason="needs picanary[train]")
    from edge.detection.fleet import FLEET
    from edge.detection.habits import learn_habits
    from edge.sources.simulator import simulate
    from trainer import run
    from trainer.fit import FitSettings, fit
    from trainer.history import data_hash

    history = simulate(4 * 86_400.0, 10.0, seed=7)
    habits = learn_habits(history)
    fitted = fit(history, habits, FitSettings(epochs=6), lambda _loss: None)
    settings = {
        "name": "room",
        "seed": 0,
        "architecture": "masked",
        "data": {"sha256": data_hash(history)},
        "versions": {},
    }
    folder = tmp_path_factory.mktemp("runs") / "room"
    run.save(folder, run.Run(settings, fitted.model, habits, history, FLEET))
    return folder


@pytest.fixture(scope="session")
def room_bundle(trained: Path) -> Path:
    """That run, converted."""
    from convert.__main__ import main

    out = trained / "room.canary"
    assert main([str(trained), "--out", str(out)]) == 0
    return out
