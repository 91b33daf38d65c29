"""A workstation beside a machine with a real systemd and sshd, to which it pushes."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.__main__ import main
from tests.deploy.all_in_one.conftest import CONFIG
from tests.deploy.all_in_one.lending import lend
from tests.deploy.booted import Booted, booted
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
        given = ["--wheel", self.wheel, "--online", "--patience", "400", ssh]
        with self.machine.network():
            return main(["push", "root@127.0.0.1", *map(str, [*given, *words])])

    def page(self, token: str) -> httpx.Response:
        """The rooms, for whoever has the token."""
        bearer = {"Authorization": f"Bearer {token}", "Host": "cellar.local"}
        with self.machine.network():
            return httpx.get("http://127.0.0.1/api/devices", headers=bearer, timeout=60)

    def shows(self, token: str) -> bool:
        return any(room["counts"]["received"] for room in self.page(token).json()["devices"])


@contextmanager
def beside_a_pi(folder: Path, wheel: Path) -> Iterator[Workstation]:
    """A machine that runs, with its sshd, and the keys to it in `folder`. Skips where there is no sshd."""
    if shutil.which("sshd", path="/usr/sbin") is None:
        pytest.skip("sshd is not installed: apt-get install openssh-server")
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
