"""How a host stands: its releases, its service, and what lies there from the last push."""

from dataclasses import dataclass, field

from deploy.service import NAME
from deploy.ssh import Host

# Name=value lines, then a line `SHA-256  NAME` for each file. Everything here only reads.
_LOOK = """
root=${PICANARY_ROOT:-}; place=$root$1; service=$2
name_of() { basename "$(readlink "$1" 2>/dev/null)" 2>/dev/null; }
echo "current=$(name_of "$place/current")"
if [ ! -f "$place/current/verified" ] && [ -s "$place/current/before" ]; then
  echo "previous=$(cat "$place/current/before")"
else
  echo "previous=$(name_of "$place/previous")"
fi
[ -f "$place/current/verified" ] && echo verified=yes
for each in "$root/etc/picanary" "$place/current"; do
  [ -f "$each/edge.toml" ] && echo configured=yes
done
[ -n "$service" ] && echo "active=$(systemctl is-active "$service" 2>/dev/null)"
for each in "$place"/releases/*/whole; do
  [ -f "$each" ] && echo "whole=$(basename "$(dirname "$each")")"
done
folder=$place
while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
df -Pk "$folder" | awk 'NR == 2 { print "free_kib=" $4 }'
for each in edge.toml room.canary; do
  held=$place/current; own=$root/etc/picanary
  [ -f "$held/$each" ] || continue
  # as install.sh has it: what an editor put in place of the link
  if [ -n "$service" ] && [ -f "$own/$each" ] && [ ! -L "$own/$each" ]; then held=$own; fi
  (cd "$held" && sha256sum "$each")
done
for each in gpio.conf credentials.conf; do
  units=$root/etc/systemd/system/$service.d
  if [ -n "$service" ] && [ -f "$units/$each" ]; then (cd "$units" && sha256sum "$each"); fi
done
handed=$root/etc/systemd/system/$service.d/credentials.conf
if [ -n "$service" ] && [ -f "$handed" ] && cd "$root/etc/picanary"; then
  sed -n 's|^LoadCredential=[^:]*:/etc/picanary/||p' "$handed" | while IFS= read -r each; do
    if [ -f "$each" ]; then sha256sum "$each" | sed 's|  |  secret/|'; fi
  done
fi
if [ -d "$place/delivery" ]; then cd "$place/delivery" && find . -type f -exec sha256sum {} +; fi
exit 0
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a host has. Names of releases are empty where there is none."""

    current: str
    previous: str
    verified: bool  # the current release has brought a record
    active: str  # as systemd says it; empty without a service
    configured: bool  # there is a configuration for the service
    free_mib: int
    whole: frozenset[str]
    carried: dict[str, str] = field(default_factory=dict)  # SHA-256 of what a release would take over
    delivered: dict[str, str] = field(default_factory=dict)  # SHA-256 of what lies there, by name


def standing(host: Host, prefix: str, service: bool, root: bool) -> Standing:
    """Look, and change nothing. Raises HostError."""
    told = host.run("look at its releases", _LOOK, prefix, NAME if service else "", root=root)
    lines = told.splitlines()
    hashed = (line.partition("  ") for line in lines if "  " in line and "=" not in line[:20])
    sums = {name: digest for digest, _, name in hashed}
    said = dict(line.split("=", 1) for line in lines if "=" in line[:20])
    return Standing(
        current=said.get("current", ""),
        previous=said.get("previous", ""),
        verified=said.get("verified") == "yes",
        active=said.get("active", ""),
        configured=said.get("configured") == "yes",
        free_mib=int(said.get("free_kib") or 0) // 1024,
        whole=frozenset(line.partition("=")[2] for line in lines if line.startswith("whole=")),
        carried={name: digest for name, digest in sums.items() if not name.startswith("./")},
        delivered={name[2:]: digest for name, digest in sums.items() if name.startswith("./")},
    )
