"""The agent's configuration, with the broker on its own machine."""

import re
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path

from deploy.all_in_one.household import Household
from deploy.broker.introduction import HOME, edge_section
from deploy.handout import Handout, read_handout
from edge.config import read_config
from edge.errors import ConfigError

_AGENT = re.compile(r"(?m)^[ \t]*\[agent\][^\n]*\n")


def device_of(configuration: Path | None, name: str) -> str:
    """The device id: the configuration's, if it says one, else the Pi's name. Raises ConfigError."""
    if configuration is None:
        return name
    read_config(configuration)
    table = tomllib.loads(configuration.read_text(encoding="utf-8"))
    if "broker" in table:
        raise ConfigError(
            f"{configuration} names a broker, and with --all-in-one it is the Pi itself: "
            "leave its [broker] section out"
        )
    return str(table.get("agent", {}).get("device", name))


def handout(household: Household, configuration: Path | None, bundle: bool) -> Handout:
    """What the agent gets, as of `deploy broker add-device`."""
    with tempfile.TemporaryDirectory(prefix="picanary-all-in-one-") as folder:
        written = Path(folder, "edge.toml")
        written.write_text(text(household, configuration), encoding="utf-8")
        return read_handout(written, household.agent, bundle)


def text(household: Household, configuration: Path | None) -> str:
    """edge.toml: by its own certificate to localhost, and whatever else the given one says."""
    ours = edge_section(household.device, replace(household.ledger, hosts=("localhost",)), HOME)
    if configuration is None:
        return ours
    return _joined(configuration.read_text(encoding="utf-8"), ours, household.device)


def _joined(theirs: str, ours: str, device: str) -> str:
    """Their sections, and our [broker]; a device id that they leave open is said."""
    if "device" not in tomllib.loads(theirs).get("agent", {}):
        line = f'device = "{device}"\n'
        section = _AGENT.search(theirs)
        theirs = (
            theirs[: section.end()] + line + theirs[section.end() :]
            if section
            else f"[agent]\n{line}\n{theirs}"
        )
    return f"{theirs.rstrip()}\n\n[broker]{ours.partition('[broker]')[2]}"
