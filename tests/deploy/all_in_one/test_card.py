"""`deploy card --all-in-one`: what is on the card, and what is said before it is written."""

import hashlib
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deploy.__main__ import main
from tests.deploy.card import cards


def _sums(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_card_carries_it_and_says_what_needs_the_network(tmp_path: Path, prepared: Any) -> None:
    made = prepared(tmp_path)
    ours = {name for name in _sums(made.card / "picanary") if name.startswith("all-in-one/")}
    assert {f"all-in-one/{name}" for name in ("install.sh", "page/page.key", "mosquitto/acl")} <= ours
    wheels = {path.name.split("-")[0] for path in (made.card / "picanary/wheels").glob("*.whl")}
    assert {"starlette", "uvicorn", "msgspec"} <= wheels
    assert "extras=monitor\n" in (made.card / "picanary/settings").read_text()
    assert "mosquitto, which Raspberry Pi OS has not, is fetched by the Pi itself, by apt" in made.told
    assert made.told.index("fetched by the Pi itself") < made.told.index("wrote picanary/")
    assert "from a phone in the same network: http://cellar.local/" in made.told
    token = re.search(r"shown this once: (\S+)\n", made.told)
    assert token and f"http://cellar.local/login#token={token[1]}" in made.told
    content = b"".join(path.read_bytes() for path in made.card.rglob("*") if path.is_file())
    assert token[1].encode() not in content


def test_a_second_run_changes_nothing_and_shows_no_token(tmp_path: Path, prepared: Any) -> None:
    made = prepared(tmp_path)
    before = _sums(made.card)
    again = prepared(tmp_path)
    assert _sums(made.card) == before
    assert "nothing to change: the card is ready" in again.told
    assert "shown this once" not in again.told and "--new-token makes another" in again.told


def test_a_dry_run_makes_neither_keys_nor_files(
    tmp_path: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card, house = cards.trixie(tmp_path / "bootfs"), tmp_path / "house"
    before = _sums(card)
    words = [
        "--wheel",
        str(wheel),
        "--all-in-one",
        "--house",
        str(house),
        "--hostname",
        "cellar",
        "--dry-run",
    ]
    assert main(["card", str(card), *words]) == 0
    told = capsys.readouterr().out
    assert _sums(card) == before and not house.exists()
    assert "fetched by the Pi itself" in told and "new: picanary/all-in-one/page/page.key" in told
    assert '+address = "localhost"' in told and "shown this once" not in told


@pytest.mark.parametrize("kind", ["bookworm, Imager", "trixie, Imager", "trixie, preseed"])
def test_the_name_that_imager_gave_is_the_pis(
    kind: str, tmp_path: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = cards.CARDS[kind](tmp_path / "bootfs")
    words = ["--wheel", str(wheel), "--all-in-one", "--house", str(tmp_path / "house"), "--dry-run"]
    assert main(["card", str(card), *words]) == 0
    assert '+device = "attic"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--all-in-one"], "--all-in-one needs the Pi's name, as in http://NAME.local: give --hostname NAME"),
        (
            ["--all-in-one", "--hostname", "cellar", "--broker", "b"],
            "--broker: with --all-in-one the broker is",
        ),
        (
            ["--all-in-one", "--hostname", "cellar", "--handout", "h"],
            "--handout: with --all-in-one the broker is",
        ),
        (["--house", "house"], "--house belongs to --all-in-one"),
        (["--new-token"], "--new-token belongs to --all-in-one"),
    ],
)
def test_what_does_not_go_together_is_said(
    words: list[str], sentence: str, tmp_path: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = cards.trixie(tmp_path / "bootfs")
    before = _sums(card)
    assert main(["card", str(card), "--wheel", str(wheel), *words]) == 2
    assert sentence in capsys.readouterr().err
    assert _sums(card) == before


def test_a_wheel_without_the_charts_is_refused(
    tmp_path: Path, wheel: Path, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poor = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(poor, "w") as new:
        for name in old.namelist():
            if "vendor/uPlot" not in name:
                new.writestr(name, old.read(name))
    card = cards.trixie(tmp_path / "bootfs")
    words = ["--all-in-one", "--house", str(tmp_path / "house"), "--hostname", "cellar"]
    assert main(["card", str(card), "--wheel", str(poor), "--wheelhouse", str(wheels), *words]) == 2
    assert "has not the page's chart library: `make assets` brings it" in capsys.readouterr().err
    assert not (card / "picanary").exists()
