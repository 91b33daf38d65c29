"""user-data: cloud-init's YAML, to which something is added and from which nothing is lost.

ruamel.yaml is here because it alone of Python's YAML libraries keeps a person's comments, order and
quoting when a file has to be written anew.
"""

import io
import re
from typing import Any

from edge.errors import ConfigError, MissingExtra

NAME = "user-data"
HEADER = "#cloud-config"
Addition = dict[str, Any]  # a list is added to, any other value must be absent or the same


def with_additions(text: str, additions: Addition) -> str:
    """The file with these keys. Raises ConfigError when it says something else, or is no cloud-config."""
    document = parsed(text)
    wanted = dict(document)
    for key, value in additions.items():
        wanted[key] = _merged(key, document.get(key), value)
    if wanted == document:
        return text
    for attempt in (_inserted, _rewritten):
        edited = attempt(text, document, wanted)
        if _equal(edited, wanted):
            return edited
    raise ConfigError(f"{NAME} cannot be added to without losing something: flash the card anew")


def parsed(text: str) -> dict[str, Any]:
    """The document, {} when all of it is comment. Raises ConfigError when it is no cloud-config."""
    first = text.lstrip("\ufeff").splitlines()[:1]
    if not first or first[0].split(" ")[0].rstrip() != HEADER:
        raise ConfigError(
            f"{NAME} does not begin with {HEADER}, so it is a script or an archive that cannot be added to: "
            "flash the card anew"
        )
    yaml = _yaml("safe")
    from ruamel.yaml.error import YAMLError

    try:
        document = yaml.load(text)
    except YAMLError as error:
        where = str(error).strip().splitlines()[-1].strip()
        raise ConfigError(
            f"{NAME} cannot be read as YAML ({where}): mend it, or flash the card anew"
        ) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{NAME} is no mapping of settings: flash the card anew")
    return document


def _merged(key: str, old: Any, new: Any) -> Any:
    if isinstance(new, list):
        if old is not None and not isinstance(old, list):
            raise ConfigError(f"{NAME}: {key} is no list, so nothing can be added to it: mend it by hand")
        known = old or []
        return known + [each for each in new if each not in known]
    if old is not None and old != new:
        raise ConfigError(f"{NAME} says {key}: {old} already, which is kept: leave out what says {new}")
    return new


def _inserted(text: str, document: dict[str, Any], wanted: dict[str, Any]) -> str:
    """New keys at the end, new items below a list's last one: every line that was there stays as it is."""
    lines = (text if text.endswith("\n") else text + "\n").splitlines(keepends=True)
    for key in document:
        if document[key] != wanted[key]:
            lines = _lengthened(lines, key, wanted[key][len(document[key] or []) :])
    new = {key: value for key, value in wanted.items() if key not in document}
    return "".join(lines) + (_dumped(new) if new else "")


def _lengthened(lines: list[str], key: str, items: list[Any]) -> list[str]:
    """A list in block style gets more items; the caller looks whether that came out right."""
    start = next((at for at, line in enumerate(lines) if line.rstrip() == f"{key}:"), None)
    if start is None:
        return lines
    last, indent = start, ""
    for at, line in enumerate(lines[start + 1 :], start + 1):
        if line.strip() and not line.startswith((" ", "-", "#")):
            break
        if match := re.match(r"( *)- ", line):
            indent = indent or match[1]
        if line.strip() and not line.lstrip().startswith("#"):
            last = at
    added = [f"{indent}{line}" for line in _dumped(items).splitlines(keepends=True)]
    return [*lines[: last + 1], *added, *lines[last + 1 :]]


def _rewritten(text: str, document: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Where text alone does not do: ruamel writes the file anew, comments included."""
    yaml = _yaml("rt")
    whole = yaml.load(text)
    for key, value in wanted.items():
        if isinstance(value, list) and document.get(key):
            whole[key].extend(value[len(document[key]) :])
        elif document.get(key) != value:
            whole[key] = value
    stream = io.StringIO()
    yaml.dump(whole, stream)
    return stream.getvalue()


def _dumped(values: Any) -> str:
    yaml = _yaml("safe")
    stream = io.StringIO()
    yaml.dump(values, stream)
    return stream.getvalue()


def _equal(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return parsed(text) == wanted
    except ConfigError:
        return False


def _yaml(kind: str) -> Any:
    try:
        from ruamel.yaml import YAML
    except ModuleNotFoundError as error:
        raise MissingExtra("cards are written with ruamel.yaml: pip install 'picanary[deploy]'") from error
    yaml: Any = YAML(typ=kind, pure=True)
    yaml.width = 2**20  # a long line of the user's is not broken
    yaml.preserve_quotes = True
    if kind == "safe":
        yaml.default_flow_style = None  # inner lists on a line, as Imager writes its commands
    yaml.sort_base_mapping_type_on_output = False
    return yaml
