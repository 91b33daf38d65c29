"""A house of many rooms."""

from pathlib import Path

import pytest

from edge.bundle.keys import generate
from tests.deploy.rollout.crowd import House, models


@pytest.fixture
def house(room_bundle: Path, tmp_path: Path) -> House:
    key = generate()
    return House(tmp_path, key, models(room_bundle, key))
