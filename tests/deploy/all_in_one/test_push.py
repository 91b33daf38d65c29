"""`deploy push --all-in-one` to a machine with a real systemd and sshd: with it, without, and back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.__main__ import main
from tests.deploy.booted import until
from tests.deploy.workstation import Workstation, beside_a_pi


@pytest.fixture(scope="module")
def workstation(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Iterator[Workstation]:
    with beside_a_pi(tmp_path_factory.mktemp("push"), wheel) as started:
        yield started


def test_a_pi_becomes_all_in_one_stops_to_be_and_is_again(
    workstation: Workstation, capsys: pytest.CaptureFixture[str]
) -> None:
    machine, folder = workstation.machine, workstation.folder
    house = ("--all-in-one", "--house", folder / "house")
    assert workstation.push(*house, "--config", folder / "edge.toml") == 0
    told = capsys.readouterr().out
    found = re.search(r"shown this once: (\S+)", told)
    assert found and "http://cellar.local/" in told
    token = found[1]
    until(lambda: machine.is_active("picanary-monitor.service"), "the monitor runs")
    until(lambda: workstation.shows(token), "a reading is on the page")

    # an everyday push does not take the page away by chance
    assert workstation.push() == 2
    assert "this Pi has broker and page, too" in capsys.readouterr().err
    assert workstation.page(token).status_code == 200

    assert workstation.push("--no-all-in-one") == 0
    assert machine.is_active("picanary-edge.service")
    assert not machine.is_active("picanary-monitor.socket")
    assert not machine.path("/etc/picanary/page").exists()

    assert workstation.push("--rollback") == 0
    until(lambda: machine.is_active("picanary-monitor.service"), "the monitor runs again")
    until(lambda: workstation.shows(token), "with all that it knew, and the same token")


def test_it_is_for_one_pi(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", "pi@cellar", "pi@attic", "--all-in-one", "--house", str(tmp_path / "house")]) == 2
    assert "--all-in-one is for one Pi" in capsys.readouterr().err
    assert not (tmp_path / "house").exists()
