"""The agent as a systemd service on a host: unit, configuration link, start."""

from dataclasses import dataclass
from pathlib import Path

from deploy.release import Release
from deploy.ssh import Host, HostError

UNITS = Path(__file__).parent / "systemd"
NAME = "picanary-edge.service"
STEADY_S = 5.0
START_S = 120.0

_STATE = 'if [ -f "$1" ] && [ ! -L "$1" ]; then echo file; elif [ -e "$1" ]; then echo link; fi'

_LINK = """
mkdir -p "$(dirname "$1")"
if [ -f "$1" ] && [ ! -L "$1" ]; then mv "$1" "$1.before-push"; fi
ln -sfn "$2/current/edge.toml" "$1"
"""

_START = """
systemctl daemon-reload && systemctl enable --quiet "$1" && systemctl restart "$1" && sleep "$2"
if [ "$(systemctl is-active "$1")" = active ]; then exit 0; fi
journalctl --quiet --unit "$1" --lines 5 --output cat >&2
exit 1
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a host keeps units and configuration."""

    units: str = "/etc/systemd/system"
    configuration: str = "/etc/picanary/edge.toml"


def require_configuration(host: Host, places: Places, carried: bool) -> None:
    """Raises HostError when a service would have no configuration; `carried` says that a release has one."""
    if carried or host.run("look at its configuration", _STATE, places.configuration).strip():
        return
    raise HostError(
        f"{host.target}: there is no {places.configuration} for the service: push one with "
        "--config FILE, or push with --no-service"
    )


def start(release: Release, places: Places, *, gpio: bool, link: bool, steady_s: float = STEADY_S) -> None:
    """Install the unit and (re)start it. Raises HostError with the agent's last words if it does not run.

    `gpio` opens the GPIO lines to it; `link` makes the release's configuration the host's.
    It must still run after `steady_s`. A configuration file that somebody
    wrote there by hand is kept beside it.
    """
    host = release.host
    if link:
        host.run("link the configuration", _LINK, places.configuration, release.prefix, root=True)
    host.send(UNITS / NAME, f"{places.units}/{NAME}", root=True)
    extra = f"{places.units}/{NAME}.d"
    if gpio:
        host.run("make the unit's folder", 'mkdir -p "$1"', extra, root=True)
        host.send(UNITS / "gpio.conf", f"{extra}/gpio.conf", root=True)
    host.run(f"start {NAME}", _START, NAME, f"{steady_s:g}", root=True, deadline_s=START_S)
