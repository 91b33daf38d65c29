"""What `deploy broker add-device` made, as the service gets it: secrets by systemd."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from edge.config import read_config
from edge.errors import ConfigError

CREDENTIALS = "/run/credentials/picanary-edge.service"  # where LoadCredential puts them
BUNDLE = "/opt/picanary/current/room.canary"
_KEYS = (".crt", ".key")
_SECTION = re.compile(r"(?m)^[ \t]*\[agent\][^\n]*\n")


@dataclass(frozen=True, slots=True)
class Handout:
    """A configuration and the files it names, by name."""

    configuration: str
    secrets: dict[str, bytes]

    def drop_in(self) -> str | None:
        """For the unit: systemd hands the files over to a user that could not read them; None without any."""
        if not self.secrets:
            return None
        lines = [f"LoadCredential={name}:/etc/picanary/{name}" for name in sorted(self.secrets)]
        return "\n".join(["# Written by python -m deploy.", "[Service]", *lines, ""])


def read_handout(configuration: Path, folder: Path | None, bundle: bool) -> Handout:
    """The configuration with every file of `folder` where the service finds it, and naming the bundle.

    Raises ConfigError when it is wrong, or names a file that is not in the folder.
    """
    read_config(configuration)
    text = configuration.read_text(encoding="utf-8")
    table = tomllib.loads(text)
    named = _named_files(table.get("broker", {}))
    secrets = {} if folder is None else _secrets(folder, {PurePosixPath(path).name for _, path in named})
    for key, path in named:
        name = PurePosixPath(path).name
        if name in secrets:
            text = text.replace(f'"{path}"', f'"{CREDENTIALS}/{name}"')
            if tomllib.loads(text)["broker"][key] != f"{CREDENTIALS}/{name}":
                raise ConfigError(f'{configuration}: write {key} = "{CREDENTIALS}/{name}" into it')
        elif path.startswith(("/etc/picanary", "/run/credentials")):
            raise ConfigError(
                f"{configuration}: {key} names {path}: give the folder that has it by --handout"
            )
    return Handout(with_bundle(text, configuration) if bundle else text, secrets)


def _secrets(folder: Path, named: set[str]) -> dict[str, bytes]:
    wanted = (path for path in sorted(folder.iterdir()) if path.suffix in _KEYS or path.name in named)
    files = {path.name: path.read_bytes() for path in wanted if path.is_file()}
    if not files:
        raise ConfigError(
            f"{folder} has no key or certificate: give what python -m deploy broker add-device made"
        )
    return files


def _named_files(broker: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, broker[key]) for key in ("cafile", "certfile", "keyfile", "password_file") if key in broker]


def with_bundle(text: str, where: Path, place: str = BUNDLE) -> str:
    """The configuration's text, naming the bundle `place`. Raises ConfigError when it names another."""
    named = tomllib.loads(text).get("agent", {}).get("bundle")
    if named == place:
        return text
    if named is not None:
        raise ConfigError(f'{where} names the bundle {named}: with --bundle it must be "{place}"')
    line = f'bundle = "{place}"\n'
    if match := _SECTION.search(text):
        return text[: match.end()] + line + text[match.end() :]
    return f"{text}\n[agent]\n{line}"
