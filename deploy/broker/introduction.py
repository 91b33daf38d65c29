"""How a name introduces itself to the broker: the configuration of an agent, the flags of everything else."""

import shlex
from pathlib import Path, PurePosixPath

from deploy.broker.ledger import Ledger
from edge.errors import ConfigError
from edge.mqtt.broker import TLS_PORT

HOME = "/etc/picanary"

_EDGE = """\
# Written by python -m deploy broker. {home} should have ca.crt, {name}.crt, {name}.key, and those of
# {name}.doctor, by which `edge doctor` comes beside the agent. The device id is the certificate's name.
[agent]
device = "{name}"

[broker]
address = "{address}"
cafile = "{home}/ca.crt"
certfile = "{home}/{name}.crt"
keyfile = "{home}/{name}.key"
"""


def check_home(home: str) -> None:
    """Where a device's files will stand. Raises ConfigError for what no edge.toml can say."""
    if not PurePosixPath(home).is_absolute() or not home.isprintable() or set(home) & set('"\\'):
        raise ConfigError(f"--files-at {home!r} must be a whole path, from / on, without quotes")


def address(ledger: Ledger) -> str:
    """The first of its hosts, with the port."""
    host = f"[{ledger.hosts[0]}]" if ":" in ledger.hosts[0] else ledger.hosts[0]
    return host if ledger.listener.port == TLS_PORT else f"{host}:{ledger.listener.port}"


def edge_section(name: str, ledger: Ledger, home: str = HOME) -> str:
    """An edge.toml for that device, whose files will stand in `home`."""
    return _EDGE.format(name=name, home=home.rstrip("/"), address=address(ledger))


def flags(name: str, ledger: Ledger, folder: Path) -> str:
    """For a command line on this machine."""
    files = {"--cafile": "ca.crt", "--certfile": f"{name}.crt", "--keyfile": f"{name}.key"}
    words = ["--broker", address(ledger)]
    for flag, file in files.items():
        words += [flag, str(folder / file)]
    return shlex.join(words)
