"""picanary on a host: a delivery is sent, and the installer in it is run, verb by verb."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.push.delivery import Delivery
from deploy.ssh import Host

INSTALL_S = 3600.0  # a Pi Zero 2 with a slow card and a slow network takes many minutes
CHECK_S = 300.0
SEND_S = 1800.0
REST_S = 120.0  # to stop, to start, and to go back
RARE_S = 1800.0  # what the Pi itself adds to its patience where readings are rare; only it knows how rare

# Two pushes at once would mix their files; the lock goes when our connection does.
_LOCK = """
place=${PICANARY_ROOT:-}$1
mkdir -p "$place" || exit 1
if command -v flock >/dev/null; then
  exec 8>"$place/.push-lock"
  flock -n 8 || { echo "another push is at work there" >&2; exit 1; }
fi
echo held
cat >/dev/null
"""

# What an earlier delivery left and this one has not is taken away; tar's own complaints say why it failed.
_RECEIVE = """
place=${PICANARY_ROOT:-}$1/delivery
mkdir -p -m 700 "$place" && cd "$place" && tar -xof - || exit 1
sha256sum -c sums >/dev/null || { echo "the files did not arrive whole: push again" >&2; exit 1; }
cut -c67- sums >sums.names
find . -type f ! -name sums ! -name sums.names | while IFS= read -r each; do
  grep -qxF -- "$each" sums.names || rm -f -- "$each"
done
find . -mindepth 1 -type d -empty -delete
"""

_VERB = 'place=${PICANARY_ROOT:-}$1; shift; folder=$1; shift; exec sh "$place/$folder/install.sh" "$@"'
_FORGET = 'rm -rf "${PICANARY_ROOT:-}$1/delivery/secret"'


@dataclass(frozen=True, slots=True)
class Installation:
    """One prefix on one host; `root` says whether its files belong to root by way of sudo."""

    host: Host
    prefix: str
    root: bool

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Nobody else pushes there meanwhile. Raises HostError when somebody does."""
        with self.host.hold("push", _LOCK, self.prefix, root=self.root):
            yield

    def send(self, delivery: Delivery, missing: list[str]) -> None:
        """Bring what is missing there, and take away what does not belong to it. Raises HostError."""
        with tempfile.TemporaryFile() as packed:
            delivery.pack(missing, packed)
            packed.seek(0)
            self.host.run(
                "send the release",
                _RECEIVE,
                self.prefix,
                root=self.root,
                stdin=packed,
                deadline_s=SEND_S,
            )

    def install(self) -> str:
        """Make the release. Nothing that is in use changes."""
        said = self._verb("install picanary", "install", INSTALL_S)
        self.host.run("forget its secrets", _FORGET, self.prefix, root=self.root)
        return said

    def check(self) -> str:
        """Let the release prove itself; what was found, a line each."""
        return self._verb("use the release", "check", CHECK_S)

    def replace(self, patience_s: float) -> str:
        """Switch, start, wait for a record; the release before is back when HostError is raised."""
        return self._verb("use the release", "replace", 3 * patience_s + REST_S + RARE_S)

    def restart(self, patience_s: float) -> str:
        """Start the current release anew, and wait for a record."""
        return self._verb("start the service", "replace", patience_s + REST_S + RARE_S, folder="current")

    def roll_back(self, patience_s: float) -> str:
        """The same, with the release before."""
        return self._verb("roll back", "rollback", 3 * patience_s + REST_S + RARE_S, folder="current")

    def prune(self) -> None:
        """Keep the release that runs and the one before it."""
        self._verb("remove old releases", "prune", REST_S)

    def remove(self) -> None:
        """Take away a release that is not to be used."""
        self._verb("remove the release", "remove", REST_S)

    def _verb(self, doing: str, verb: str, deadline_s: float, folder: str = "delivery") -> str:
        return self.host.run(
            doing, _VERB, self.prefix, folder, verb, root=self.root, deadline_s=deadline_s
        ).strip()
