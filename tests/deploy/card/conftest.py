"""A picanary wheel, and wheels that stand in for those of a Pi: a card carries them, and never opens them."""

from pathlib import Path

import pytest

from deploy.wheel import build
from deploy.wheelhouse import requirements
from tests.deploy.card.pi_wheels import stand_ins


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    folder = tmp_path_factory.mktemp("house")
    targets = [("aarch64", "3.11"), ("aarch64", "3.13"), ("armv7l", "3.11")]
    stand_ins(folder, [name for target in targets for name in requirements(wheel, target)])
    return folder
