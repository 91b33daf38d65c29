"""`deploy push --all-in-one` to a machine with a real systemd and sshd: with it, without, and back."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.__main__ import main
from tests.deploy.all_in_one.conftest import CONFIG
from tests.deploy.all_in_one.lending import lend
from tests.deploy.booted import Booted, booted, until
from tests.deploy.card.pi_wheels import without_requirements
from tests.deploy.sshd import make_key

_SSHD = """\
ListenAddress 127.0.0.1:22
HostKey /srv/ssh/host_key
AuthorizedKeysFile /srv/ssh/user_key.pub
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
"""


@dataclass(frozen=True, slots=True)
class Workstation:
    """From where it is pushed."""

    machine: Booted
    folder: Path
    wheel: Path

    def push(self, *words: object) -> int:
        """`deploy push`, in the machine's network; its own pip is asked, and has nothing to fetch."""
        ssh = f"--ssh-option=-F {self.folder}/ssh_config"
        given = ["--wheel", self.wheel, "--online", "--patience", "180", ssh]
        with self.machine.network():
            return main(["push", "root@127.0.0.1", *map(str, [*given, *words])])

    def page(self, token: str) -> httpx.Response:
        """The rooms, for whoever has the token."""
        bearer = {"Authorization": f"Bearer {token}", "Host": "cellar.local"}
        with self.machine.network():
            return httpx.get("http://127.0.0.1/api/devices", headers=bearer, timeout=60)

    def shows(self, token: str) -> bool:
        return any(room["counts"]["received"] for room in self.page(token).json()["devices"])


@pytest.fixture(scope="module")
def workstation(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Iterator[Workstation]:
    if shutil.which("sshd", path="/usr/sbin") is None:
        pytest.skip("sshd is not installed: apt-get install openssh-server")
    folder = tmp_path_factory.mktemp("push")
    overlay = folder / "overlay"
    lend(overlay)
    (overlay / "root").mkdir()
    (overlay / "root/.bashrc").write_text("")  # whoever runs the tests may have set much in there
    keys = overlay / "srv/ssh"
    keys.mkdir(parents=True)
    host_key = make_key(keys / "host_key")
    make_key(keys / "user_key")
    shutil.move(keys / "user_key", folder)
    (keys / "sshd_config").write_text(_SSHD)
    (folder / "known_hosts").write_text(f"127.0.0.1 {host_key}")
    (folder / "ssh_config").write_text(
        f"IdentityFile {folder}/user_key\nIdentitiesOnly yes\nIdentityAgent none\n"
        f"UserKnownHostsFile {folder}/known_hosts\nStrictHostKeyChecking yes\n"
    )
    (folder / "edge.toml").write_text(CONFIG)
    light = folder / "light"
    light.mkdir()
    with booted(folder, "cellar", overlay) as machine:
        machine.run("mkdir", "-p", "/run/sshd")
        command = ("/usr/sbin/sshd", "-D", "-f", "/srv/ssh/sshd_config")
        machine.run("systemd-run", "--unit=sshd-test", "--property=Type=notify", *command)
        yield Workstation(machine, folder, without_requirements(wheel, light))


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
