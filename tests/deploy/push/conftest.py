"""A picanary wheel that asks for no other, and hosts that have what it would have asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.wheel import build
from tests.deploy.card.pi_wheels import without_requirements
from tests.deploy.machine import CONFIG, Machine, machine


@pytest.fixture(scope="session")
def whole_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a user's: it asks for all that picanary needs."""
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory, whole_wheel: Path) -> Path:
    return without_requirements(whole_wheel, tmp_path_factory.mktemp("light"))


@pytest.fixture(scope="module")
def cellar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("cellar") / "host") as host:
        yield host


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
