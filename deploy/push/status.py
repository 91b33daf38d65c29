"""What runs where: release, version, model, service, the newest record's age, free space."""

import json
from dataclasses import asdict, dataclass

from deploy.inspection import inspect
from deploy.push.one_host import place_of
from deploy.push.order import Order
from deploy.push.standing import standing
from deploy.ssh import Host

# A release that cannot say anything of itself is told as such, by what is missing.
_ASK = """
root=${PICANARY_ROOT:-}; current=$root$1/current; config=$current/edge.toml
[ -f "$config" ] || config=$root/etc/picanary/edge.toml
[ -n "$2" ] && { STATE_DIRECTORY=$root/var/lib/picanary; export STATE_DIRECTORY; }
[ -f "$config" ] || exit 0
"$current/venv/bin/python" -m deploy.selfreport --config "$config" 2>/dev/null || true
"""


@dataclass(frozen=True, slots=True)
class Status:
    """Of one host. What is not known, or not there, is empty or None."""

    host: str
    release: str = ""
    previous: str = ""
    verified: bool = False
    version: str = ""
    device: str = ""
    model: str = ""
    service: str = ""
    record: int | None = None
    age_s: float | None = None
    free_mib: int | None = None
    error: str = ""

    @property
    def well(self) -> bool:
        """Whether there is a release, and its service, where there is one, runs."""
        return not self.error and bool(self.release) and self.service in ("", "active")

    @property
    def lines(self) -> list[str]:
        """For a person."""
        if self.error:
            return [f"{self.host}: {self.error}"]
        if not self.release:
            return [f"{self.host}: picanary is not installed there; {self.free_mib} MiB free"]
        proven = "" if self.verified or not self.service else " (it has not brought a record yet)"
        age = "no record in its journal" if self.age_s is None else f"newest record {_ago(self.age_s)}"
        runs = f"service {self.service}" if self.service else "no service"
        return [
            f"{self.host}: picanary {self.version or '?'}, release {self.release}{proven}, {runs}",
            f"  model {self.model or 'not known'}, {age}, {self.free_mib} MiB free",
            f"  to go back to: {self.previous or 'none'}",
        ]

    def to_json(self) -> str:
        """For a program."""
        return json.dumps(asdict(self), ensure_ascii=False)


def status_of(host: Host, order: Order) -> Status:
    """Look at one host, and change nothing. Raises HostError when it cannot be looked at."""
    place = place_of(host, order, inspect(host))
    stands = standing(host, place.prefix, place.service, place.root)
    service = "active" if place.service else ""
    told = host.run("ask its release", _ASK, place.prefix, service, root=place.root) if stands.current else ""
    own = json.loads(told) if told.strip() else {}
    return Status(
        host=host.target,
        release=stands.current,
        previous=stands.previous if stands.previous != stands.current else "",
        verified=stands.verified,
        service=stands.active if place.service else "",
        free_mib=stands.free_mib,
        **own,
    )


def _ago(seconds: float) -> str:
    for size, word in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word} ago"
    return f"{max(0.0, seconds):.0f} s ago"
