"""A release on a host: a folder with wheel, venv, bundle and configuration, and which one is current.

PREFIX/releases/ID/    picanary-VERSION.whl  venv/  room.canary  edge.toml
PREFIX/current         a link to the release in use; it is switched by renaming
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.inspection import Inspection
from deploy.ssh import Host

KEPT = 2  # the current release and the one before it
INSTALL_S = 3600.0  # a Pi Zero 2 with a slow card and a slow network takes many minutes
CHECK_S = 180.0

_CREATE = """
mkdir -p "$1/releases" && mkdir "$1/releases/$2"
for name in room.canary edge.toml; do
  if [ -f "$1/current/$name" ]; then cp "$1/current/$name" "$1/releases/$2/"; fi
done
"""

# pip unpacks into TMPDIR: the host's /tmp may be small and in memory.
_INSTALL = """
release=$1; python=$2; wanted=$3; shift 3
export TMPDIR="$release/tmp" PIP_ROOT_USER_ACTION=ignore
mkdir "$TMPDIR" && "$python" -m venv "$release/venv" &&
"$release/venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "$@" "$wanted" &&
rm -r "$TMPDIR"
"""

_CHECK = """
cd "$1" || exit 1
python=$1/venv/bin/python; set --
if [ -f room.canary ]; then set -- "$@" --bundle room.canary; fi
if [ -f edge.toml ]; then set -- "$@" --config edge.toml; fi
"$python" -m edge --version && "$python" -m deploy.selfcheck "$@"
"""

# A link cannot be changed in place: the new one gets the old one's name in one rename.
_SWITCH = """
"$1/releases/$2/venv/bin/python" -c 'import os, sys
prefix, release = sys.argv[1:]
new = os.path.join(prefix, "current.new")
if os.path.lexists(new):
    os.remove(new)
os.symlink(os.path.join("releases", release), new)
os.replace(new, os.path.join(prefix, "current"))' "$1" "$2"
"""

_PRUNE = """
cd "$1/releases" || exit 1
current=$(basename "$(readlink ../current)")
ls -1 | grep -vxF "$current" | sort -r | tail -n "+$2" | while IFS= read -r old; do rm -rf -- "./$old"; done
"""


@dataclass(frozen=True, slots=True)
class Release:
    """One release on one host; `root` says whether its files belong to root."""

    host: Host
    prefix: str
    name: str
    root: bool

    @property
    def folder(self) -> str:
        """Where it is on the host."""
        return f"{self.prefix}/releases/{self.name}"

    def create(self, files: dict[str, Path]) -> None:
        """Make the folder, carry bundle and configuration over, and put `files` (by name) in."""
        self.host.run(f"create {self.folder}", _CREATE, self.prefix, self.name, root=self.root)
        for name, local in files.items():
            self.host.send(local, f"{self.folder}/{name}", root=self.root)

    def install(self, seen: Inspection, wheel: str, pip_options: Sequence[str]) -> None:
        """Make its venv and install `wheel` (a name in the folder, extras may follow) there."""
        arguments = [self.folder, seen.python, f"{self.folder}/{wheel}", *pip_options]
        self.host.run("install picanary", _INSTALL, *arguments, root=self.root, deadline_s=INSTALL_S)

    def check(self) -> str:
        """Let it prove itself before it is switched to; what it said of itself, in a line."""
        said = self.host.run("use the release", _CHECK, self.folder, root=self.root, deadline_s=CHECK_S)
        return ", ".join(said.split("\n")).strip(", ")

    def switch(self) -> None:
        """Make it the current one, in one rename."""
        self.host.run("switch to the release", _SWITCH, self.prefix, self.name, root=self.root)

    def prune(self) -> None:
        """Remove all releases but the current one and the newest of the others."""
        self.host.run("remove old releases", _PRUNE, self.prefix, str(KEPT), root=self.root)

    def remove(self) -> None:
        """Remove this release."""
        self.host.run("remove the release", 'rm -rf -- "$1"', self.folder, root=self.root)
