"""rpi-preseed.toml: Imager's newest format. A command is added to its early ones, nothing else."""

import re
import tomllib
from typing import Any

from edge.errors import ConfigError

NAME = "rpi-preseed.toml"
REDACTED = "<redacted by rpi-preseed>"
_TABLE = re.compile(r"(?m)^[ \t]*\[runcmd\][^\n]*(\n|\Z)")
_EARLY = re.compile(r"(?m)^[ \t]*early[ \t]*=[ \t]*\[")


def with_command(text: str, command: str) -> str:
    """The file with `command` the first of `[runcmd] early`. Raises ConfigError when it cannot be put in."""
    table = _parsed(text)
    runcmd = table.get("runcmd", {})
    early = runcmd.get("early", []) if isinstance(runcmd, dict) else None
    if not isinstance(early, list):
        raise ConfigError(f"{NAME}: runcmd is not the table that rpi-preseed reads: flash the card anew")
    if command in early:
        return text
    edited = _edited(text, f'"{command}"', "early" in runcmd)
    if _parsed(edited) != {**table, "runcmd": {**runcmd, "early": [command, *early]}}:
        raise ConfigError(f'{NAME}: add "{command}" to early under [runcmd] by hand, and run this again')
    return edited


def hostname(text: str) -> str | None:
    """The machine's name, where there is one. Raises ConfigError."""
    system = _parsed(text).get("system", {})
    return system.get("hostname") if isinstance(system, dict) else None


def _edited(text: str, quoted: str, has_early: bool) -> str:
    body = text if text.endswith("\n") or not text else text + "\n"
    table = _TABLE.search(body)
    if table is None:
        return f"{body}\n[runcmd]\nearly = [{quoted}]\n"
    if not has_early:
        return f"{body[: table.end()]}early = [{quoted}]\n{body[table.end() :]}"
    early = _EARLY.search(body, table.end())
    if early is None:
        return text
    return f"{body[: early.end()]}{quoted}, {body[early.end() :]}"


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{NAME} cannot be read as TOML ({error}): flash the card anew") from error
