"""cloud-init's own check has nothing against user-data that we added to."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.card.boot_partition import BootPartition
from deploy.card.first_boot import hooks
from tests.deploy.card import cards
from tests.deploy.card.cards import CARDS

# tests/install-cloud-init.sh puts one beside our environment: the package would change a machine's own boot
_OWN = shutil.which(Path(sys.prefix, "cloud-init", "cloud-init"))
CLOUD_INIT = os.environ.get("CLOUD_INIT") or _OWN or shutil.which("cloud-init")

pytestmark = pytest.mark.skipif(
    CLOUD_INIT is None, reason="no cloud-init here: sh tests/install-cloud-init.sh"
)


def _check(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "user-data"
    file.write_text(text)
    command = [str(CLOUD_INIT), "schema", "--config-file", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["trixie", "trixie, Imager", "plain cloud-init"])
def test_user_data_is_valid_after_us(kind: str, tmp_path: Path) -> None:
    card = BootPartition(CARDS[kind](tmp_path / "bootfs"), None)
    hostname = "cellar" if kind == "trixie" else None
    checked = _check(hooks(card, "cloud-init", hostname)["user-data"].decode(), tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_check_would_find_a_wrong_command(tmp_path: Path) -> None:
    checked = _check(cards.SHIPPED_USER_DATA + "runcmd: 3\n", tmp_path)
    assert checked.returncode != 0
    assert "runcmd" in checked.stdout + checked.stderr
