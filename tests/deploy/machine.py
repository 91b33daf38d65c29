"""A host to push to: a real sshd, a root folder of its own, and a supervisor that stands in for systemd."""

import os
import site
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.__main__ import main
from tests.deploy import supervisor
from tests.deploy.sshd import Server, sshd, write_script

CONFIG = '[agent]\ndevice = "cellar"\n[source]\nkind = "simulator"\n[journal]\ncommit_records = 1\n'
# No index is reached from there, and whoever asks one fails at once.
NO_NETWORK = {
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "PIP_FIND_LINKS": "",
    "PIP_RETRIES": "0",
}
# What picanary asks for is found here; only what asks for nothing is installed then.
LENT = {"PYTHONPATH": os.pathsep.join(site.getsitepackages())}


@dataclass(frozen=True, slots=True)
class Machine:
    """A host; `root` is what would be `/` there."""

    server: Server
    root: Path
    programs: Path

    @property
    def prefix(self) -> Path:
        return self.root / "opt/picanary"

    @property
    def current(self) -> str:
        """The release in use; empty without one."""
        link = self.prefix / "current"
        return link.readlink().name if link.is_symlink() else ""

    @property
    def releases(self) -> set[str]:
        folder = self.prefix / "releases"
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    @property
    def state(self) -> str:
        """As the supervisor says it."""
        return self.systemctl("is-active").strip()

    def systemctl(self, verb: str) -> str:
        """What its supervisor does and says."""
        command = [self.programs / "systemctl", verb, supervisor.UNIT]
        there = {**os.environ, "PICANARY_ROOT": str(self.root)}
        return subprocess.run(command, env=there, stdout=subprocess.PIPE, text=True, check=False).stdout

    @property
    def options(self) -> list[str]:
        return [f"--ssh-option=-F {self.server.folder}/ssh_config", "--port", str(self.server.port)]

    def push(self, *words: object) -> int:
        """`deploy push` to it."""
        return main(["push", self.server.target, *self.options, *map(str, words)])

    def content(self) -> dict[str, bytes]:
        """All files there, but those of the agent at work and the supervisor."""
        changing = ("var/", "run/")
        found = (path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())
        named = {str(path.relative_to(self.root)): path for path in found}
        return {name: path.read_bytes() for name, path in named.items() if not name.startswith(changing)}


# ensurepip unpacks pip for each environment, which takes most of a push's time: here pip is lent as well.
_QUICK = 'if [ "$1 $2" = "-m venv" ]; then set -- -m venv --without-pip "$3"; fi\n'


@contextmanager
def machine(
    folder: Path, environment: dict[str, str] | None = None, *, service: bool = True, quick: bool = True
) -> Iterator[Machine]:
    """A host without picanary; nothing of it runs on when this ends.

    `quick`: what picanary asks for is lent to its releases, so push a wheel that asks for nothing.
    """
    root, programs = folder / "root", folder / "programs"
    programs.mkdir(parents=True)
    (root / "etc").mkdir(parents=True)
    if service:
        (root / "run/systemd/system").mkdir(parents=True)
    for name in ("systemctl", "journalctl"):
        write_script(programs / name, f'exec {sys.executable} -IS {supervisor.__file__} {name} "$@"')
    write_script(programs / "sudo", 'shift; exec "$@"')
    write_script(programs / "python3", f'{_QUICK if quick else ""}exec {sys.executable} "$@"')
    there = {"PATH": f"{programs}:{os.environ['PATH']}", "PICANARY_ROOT": str(root), **NO_NETWORK}
    if quick:
        there |= LENT
    with sshd(folder / "sshd", {**there, **(environment or {})}) as server:
        host = Machine(server, root, programs)
        try:
            yield host
        finally:
            host.systemctl("stop")


def changed_wheel(wheel: Path, to: Path, name: str, more: str) -> Path:
    """The wheel, with `more` at the end of the module `name` in it."""
    to.mkdir(parents=True, exist_ok=True)
    new = to / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(new, "w") as archive:
        for each in old.namelist():
            content = old.read(each)
            archive.writestr(each, content + more.encode() if each == name else content)
    return new
