"""A host with a real systemd: the hardened unit, keys as credentials, and an update that does not work."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.__main__ import main
from tests.deploy.machine import CONFIG
from tests.deploy.workstation import Workstation, beside_a_pi

Captured = pytest.CaptureFixture[str]
NO_SENSOR = '[agent]\ndevice = "cellar"\n[source]\nkind = "iio"\nsysfs = "/nowhere"\nhwmon = "/nowhere"\n'


@pytest.fixture(scope="module")
def workstation(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Iterator[Workstation]:
    with beside_a_pi(tmp_path_factory.mktemp("push"), wheel) as started:
        yield started


@pytest.fixture(scope="module")
def handed(workstation: Workstation) -> Iterator[Path]:
    """What `deploy broker` made for it."""
    house = workstation.folder / "broker"
    assert main(["broker", str(house), "--host", "localhost"]) == 0
    assert main(["broker", str(house), "add-device", "cellar"]) == 0
    folder = house / "handout/cellar"
    (folder / "edge.toml").write_text((folder / "edge.toml").read_text() + CONFIG.partition('"cellar"')[2])
    yield folder


def test_the_service_runs_shut_in_and_what_does_not_start_gives_way_to_it(
    workstation: Workstation, handed: Path, capsys: Captured
) -> None:
    machine = workstation.machine
    assert workstation.push("--handout", handed) == 0
    told = capsys.readouterr().out
    assert re.search(r"record \d+ has reached its journal", told), told
    # a user of its own, who reads the keys where systemd put them, and nowhere else
    process = machine.said("systemctl", "show", "--property=MainPID", "--value", "picanary-edge.service")
    user = machine.said("ps", "-o", "user=", "-p", process)
    assert user not in ("", "root")
    given = machine.path("/run/credentials/picanary-edge.service/cellar.key")
    assert given.read_bytes() == (handed / "cellar.key").read_bytes()
    assert machine.said("stat", "--format=%a %U", "/etc/picanary/cellar.key") == "600 root"
    watched = machine.said("systemctl", "show", "--property=WatchdogUSec", "--value", "picanary-edge.service")
    assert watched == "5min"

    before = machine.said("readlink", "/opt/picanary/current")
    config = workstation.folder / "broken.toml"
    config.write_text(NO_SENSOR)
    assert workstation.push("--config", config) == 2
    failed = capsys.readouterr().err
    assert re.search(r"it ended \d+ times before a record came; its last words: .*no sensor under", failed), (
        failed
    )
    assert "is back, and runs: record" in failed
    assert machine.said("readlink", "/opt/picanary/current") == before
    assert machine.is_active("picanary-edge.service")

    assert workstation.push("--handout", handed) == 0
    assert "nothing to change" in capsys.readouterr().out
