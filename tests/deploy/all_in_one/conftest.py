"""A picanary wheel, wheels that stand in for a Pi's, and a card that makes a Pi all in one."""

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.wheel import build
from deploy.wheelhouse import requirements
from tests.deploy.card import cards
from tests.deploy.card.pi_wheels import stand_ins

CONFIG = '[source]\nkind = "simulator"\n\n[agent]\nperiod_s = 1.0\n\n[journal]\ncommit_records = 1\n'


@dataclass(frozen=True, slots=True)
class Prepared:
    """A boot partition, the folder of its keys, and what the command said."""

    card: Path
    house: Path
    told: str


Prepare = Callable[..., Prepared]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    stand_ins(folder, requirements(wheel, ("aarch64", "3.13"), ["monitor"]))
    return folder


@pytest.fixture(scope="session")
def prepared(wheel: Path, wheels: Path) -> Prepare:
    """`deploy card --all-in-one` for a Trixie card in `folder`."""

    def prepare(folder: Path, *words: str) -> Prepared:
        folder.mkdir(parents=True, exist_ok=True)
        card, config = folder / "bootfs", folder / "edge.toml"
        if not card.exists():
            cards.trixie(card)
        config.write_text(CONFIG)
        given = ["--wheel", str(wheel), "--wheelhouse", str(wheels), "--config", str(config)]
        own = ["--all-in-one", "--house", str(folder / "house"), "--hostname", "cellar"]
        with redirect_stdout(io.StringIO()) as told:
            assert main(["card", str(card), *given, *own, *words]) == 0
        return Prepared(card, folder / "house", told.getvalue())

    return prepare
