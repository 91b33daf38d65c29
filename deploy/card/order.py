"""What to put on a card, from the flags: all that can be wrong whatever the card is like is said here."""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.all_in_one.command import Together
from deploy.card.config_txt import Wiring
from deploy.card.wifi import Wifi
from deploy.handout import Handout, read_handout
from edge.bundle.bundle import load
from edge.errors import ConfigError
from edge.message import check_device
from edge.mqtt.broker import parse_broker


@dataclass(frozen=True, slots=True)
class Order:
    """What to put on a card, checked."""

    wiring: Wiring
    bundle: Path | None
    handout: Handout
    hostname: str | None
    ssh_key: str | None
    wifi: Wifi | None


def checked(options: argparse.Namespace, together: Together | None) -> Order:
    """What the flags say. Raises ConfigError, or BundleError."""
    if options.bundle is not None:
        load(options.bundle)  # what the agent would refuse is refused here, where somebody reads it
    if options.hostname is not None:
        check_device(options.hostname)
        if "_" in options.hostname or len(options.hostname) > 63:
            raise ConfigError(f"--hostname {options.hostname}: at most 63 letters, digits and '-'")
    return Order(
        wiring=Wiring(tuple(options.dht), tuple(options.i2c)).check(),
        bundle=options.bundle,
        handout=together.handout if together else _handout(options),
        hostname=options.hostname,
        ssh_key=None if options.ssh_key is None else _public_key(options.ssh_key),
        wifi=_wifi(options),
    )


def _handout(options: argparse.Namespace) -> Handout:
    config, folder = options.config, options.handout
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"no such folder: {folder}")
    if config is None and folder is not None:
        config = folder / "edge.toml"
    if config is not None:
        if options.broker is not None:
            raise ConfigError(f"--broker: {config} says where to publish; leave one of them out")
        return read_handout(config, folder, options.bundle is not None)
    with tempfile.TemporaryDirectory(prefix="picanary-card-") as place:
        written = Path(place, "edge.toml")
        written.write_text(_configuration(options))
        return read_handout(written, None, options.bundle is not None)


def _configuration(options: argparse.Namespace) -> str:
    lines = ["# Written by python -m deploy card; docs/edge.toml has every setting.", "[agent]"]
    if options.hostname is not None:
        lines.append(f'device = "{options.hostname}"')
    if options.broker is not None:
        parse_broker(options.broker, 1883)
        if set(options.broker) & set('"\\'):
            raise ConfigError(f"--broker {options.broker!r} must be HOST or HOST:PORT, without quotes")
        lines += ["", "[broker]", f'address = "{options.broker}"']
    return "\n".join([*lines, ""])


def _public_key(path: Path) -> str:
    """One line. Raises ConfigError, above all for a private key."""
    text = _read(path).strip()
    if "PRIVATE KEY" in text or "\n" in text or not text.startswith(("ssh-", "ecdsa-", "sk-")):
        raise ConfigError(f"{path} is no public ssh key: it is one line, in a file that ends in .pub")
    return text


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no UTF-8 text: is it the right file?") from error


def _wifi(options: argparse.Namespace) -> Wifi | None:
    if options.wifi is None:
        if options.country is not None or options.wifi_password_file is not None:
            raise ConfigError("--country and --wifi-password-file belong to --wifi NAME")
        return None
    if options.country is None:
        raise ConfigError("--wifi needs --country, such as --country DE: no radio is used before it is known")
    file = options.wifi_password_file
    secret = None if file is None else (_read(file).splitlines() or [""])[0]
    return Wifi(options.wifi, secret, options.country).check()
