"""The file of rules and channels: TOML; a wrong key names itself, and secrets stand in files of their own."""

import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from edge.errors import ConfigError
from edge.message import ROOT
from monitor.alerts.condition import KINDS
from monitor.alerts.rules import DEFAULTS, Group, Rule, Rules

Seconds = Annotated[float, Meta(ge=0, le=604_800)]
Minutes = Annotated[float, Meta(ge=0, le=525_600)]
Kind = Literal[
    "broker", "store", "anomaly", "sensor_fault", "offline", "silent", "namesake", "missing", "advisory"
]
assert set(Kind.__args__) == set(KINDS)  # type: ignore[attr-defined]  # noqa: S101
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_Kind = TypeVar("_Kind", bound=Struct)


class RuleTable(Struct, forbid_unknown_fields=True):
    """`[rules.KIND]`: what is left out stays as it is by default."""

    tell: bool | None = None
    after_s: Seconds | None = None
    calm_s: Seconds | None = None
    cooldown_min: Minutes | None = None
    remind_min: Minutes | None = None


class GroupTable(Struct, forbid_unknown_fields=True):
    """`[group]`."""

    devices: Annotated[int, Meta(ge=2)] = Group().devices
    within_s: Seconds = Group().within_s


class WebhookTable(Struct, forbid_unknown_fields=True, frozen=True):
    """`[webhook.NAME]`: JSON by HTTP POST."""

    url: str = ""
    url_file: str = ""
    secret_file: str = ""
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 10.0
    kinds: list[Kind] = []


class MqttTable(Struct, forbid_unknown_fields=True, frozen=True):
    """`[mqtt.NAME]`: JSON by the monitor's own connection, QoS 1, at `topic/DEVICE`."""

    topic: Annotated[str, Meta(min_length=1, max_length=200)] = "picanary/v1-alerts"
    retain: bool = False
    kinds: list[Kind] = []


class AppriseTable(Struct, forbid_unknown_fields=True, frozen=True):
    """`[apprise.NAME]`: e-mail, push and whatever else apprise knows."""

    urls_file: str
    kinds: list[Kind] = []


class _File(Struct, forbid_unknown_fields=True):
    page: str = ""
    retry_hours: Annotated[float, Meta(gt=0, le=720)] = 24.0
    rules: dict[str, Any] = {}
    group: Any = {}
    webhook: dict[str, Any] = {}
    mqtt: dict[str, Any] = {}
    apprise: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it; channels by name."""

    page: str = ""
    retry_hours: float = 24.0
    rules: Rules = field(default_factory=Rules)
    webhooks: dict[str, WebhookTable] = field(default_factory=dict)
    mqtt: dict[str, MqttTable] = field(default_factory=dict)
    apprise: dict[str, AppriseTable] = field(default_factory=dict)


def read_settings(path: Path) -> Settings:
    """A TOML file. Raises ConfigError, one sentence, for anything that is not as it should be."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error
    known = _table(f"{path}:", table, _File)
    if known.page:
        check_address(f"{path}: page", known.page)
    group = _table(f"{path}: [group]", known.group, GroupTable)
    webhooks = _named(path, "webhook", known.webhook, WebhookTable)
    mqtt = _named(path, "mqtt", known.mqtt, MqttTable)
    for name, each in mqtt.items():
        if set(each.topic) & set("#+\0"):
            raise ConfigError(f"{path}: [mqtt.{name}] topic must have no '#' and no '+'")
        if f"{each.topic}/".startswith(f"{ROOT}/"):
            raise ConfigError(f"{path}: [mqtt.{name}] topic: {ROOT} belongs to the devices; name another")
    apprise = _named(path, "apprise", known.apprise, AppriseTable)
    rules = Rules(_rules(path, known.rules), Group(group.devices, group.within_s))
    return Settings(known.page, known.retry_hours, rules, webhooks, mqtt, apprise)


def _rules(path: Path, tables: dict[str, Any]) -> dict[str, Rule]:
    if unknown := tables.keys() - DEFAULTS.keys():
        raise ConfigError(
            f"{path}: [rules] unknown kind: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}"
        )
    made = dict(DEFAULTS)
    for kind, table in tables.items():
        given = msgspec.structs.asdict(_table(f"{path}: [rules.{kind}]", table, RuleTable))
        made[kind] = replace(made[kind], **{key: value for key, value in given.items() if value is not None})
    return made


def _named(path: Path, sort: str, tables: dict[str, Any], kind: type[_Kind]) -> dict[str, _Kind]:
    for name in tables:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{path}: [{sort}.{name!r}] must be named by letters, digits, '-' or '_'")
    return {name: _table(f"{path}: [{sort}.{name}]", table, kind) for name, table in tables.items()}


def _table(where: str, table: Any, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        said, _, place = str(error).replace("`", "").partition(" - at $.")
        said = said.replace("Object contains unknown field ", "unknown key: ")
        said = said.replace("Object missing required field ", "needs the key ")
        key = "" if said.startswith(("unknown key", "needs the key")) else place
        fields = ", ".join(kind.__struct_fields__)
        there = f"; there are {fields}" if said.startswith("unknown key") else ""
        raise ConfigError(f"{where} {key + ': ' if key else ''}{said}{there}".replace(": :", ":")) from error


def check_address(where: str, address: str) -> str:
    """An http or https address. Raises ConfigError."""
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or any(each.isspace() for each in address):
        raise ConfigError(f"{where} must be an address that begins with http:// or https://")
    return address


def secret(where: str, path: Path) -> str:
    """What stands in a file that not everybody may read. Raises ConfigError."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: {path} cannot be read: {error}") from error
    if mode & 0o007:
        raise ConfigError(f"{where}: {path} can be read by everybody; run: chmod 600 {path}")
    if not text:
        raise ConfigError(f"{where}: {path} is empty")
    return text
