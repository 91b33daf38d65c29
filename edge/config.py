"""The agent's configuration: a TOML file, and flags on top of it; a wrong key names itself."""

import math
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from edge.detection.budget import LEAST_BUDGET, MOST_BUDGET
from edge.errors import ConfigError
from edge.journal import COMMIT_RECORDS, COMMIT_S, MOST_RECORDS
from edge.message import check_device
from edge.mqtt.broker import BrokerSettings, parse_broker
from edge.sources.settings import SourceSettings
from edge.swap.probation import TRIAL_BUDGETS, TRIAL_READINGS


def default_device() -> str:
    """The host's name, as far as it can stand in a topic."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname().split(".")[0]).strip("-_")[:64] or "picanary"


def default_state() -> Path:
    """Where the journal lives: systemd's state directory, or the user's."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "picanary"


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """`[agent]`: who we are and by what we judge."""

    device: str = field(default_factory=default_device)
    bundle: Path | None = None  # None: the one that comes with the package; "none": no model
    period_s: float = 0.0  # seconds between readings; 0 takes the bundle's, or 10
    false_alarms_per_week: float | None = None  # the budget; None takes the bundle's


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """`[model]`: how a new model comes to judge."""

    trusted_keys: tuple[Path, ...] = ()  # public keys; with any, a model must be signed by one of them
    allow_older: bool = False  # whether a version below the newest that was in use is taken
    trial_readings: int = TRIAL_READINGS  # so long a new model is watched
    trial_budgets: float = TRIAL_BUDGETS  # and may flag so many times its budget of false alarms


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """`[journal]`: the durable log."""

    path: Path = field(default_factory=lambda: default_state() / "journal.db")
    commit_s: float = COMMIT_S
    commit_records: int = COMMIT_RECORDS
    most_records: int = MOST_RECORDS


@dataclass(frozen=True, slots=True)
class BrokerSection:
    """`[broker]`: where to publish. Without an address nothing is published."""

    address: str = ""  # HOST[:PORT]
    username: str | None = None
    password_file: Path | None = None
    tls: bool = False
    cafile: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    keepalive_s: int = 30
    spread_s: float = 35.0  # a lost broker is tried again at a random moment within this, for a fleet's sake
    # An agent that runs for years outlives its broker; one that a person starts says at once
    # when the broker refuses. So a file waits, and the command line does not.
    wait: bool = True
    home_assistant: bool = True  # whether Home Assistant is told what there is


@dataclass(frozen=True, slots=True)
class Config:
    """All of it."""

    agent: AgentSettings = field(default_factory=AgentSettings)
    source: SourceSettings = field(default_factory=SourceSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    journal: JournalSettings = field(default_factory=JournalSettings)
    broker: BrokerSection = field(default_factory=BrokerSection)


def read_config(path: Path) -> Config:
    """A TOML file. Raises ConfigError, one sentence, for anything that is not as it should be."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error
    sections = {f.name: f.default_factory for f in fields(Config)}
    if unknown := table.keys() - sections.keys():
        raise ConfigError(
            f"{path}: unknown section [{', '.join(sorted(unknown))}]; there are {', '.join(sections)}"
        )
    return Config(
        **{name: _section(path, name, kind, table.get(name, {})) for name, kind in sections.items()}
    )


def _section(path: Path, name: str, kind: Any, table: Any) -> Any:
    where = f"{path}: [{name}]"
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where} must be a section, not a value")
    known = {f.name for f in fields(kind)}
    if unknown := table.keys() - known:
        raise ConfigError(
            f"{where} unknown key: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}"
        )
    types = get_type_hints(kind)
    return kind(**{key: _value(f"{where} {key}", types[key], value) for key, value in table.items()})


def _value(where: str, wanted: Any, value: Any) -> Any:
    """The value as the type that the setting has."""
    options = get_args(wanted) or (wanted,)
    if value in options and isinstance(value, str):
        return value
    if Path in options and isinstance(value, str):
        return Path(value)
    if wanted == tuple[Path, ...] and isinstance(value, list) and all(isinstance(x, str) for x in value):
        return tuple(Path(x) for x in value)
    if float in options and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if any(isinstance(each, type) and type(value) is each for each in options):
        return value
    names = " or ".join(str(getattr(each, "__name__", each)) for each in options)
    if wanted == tuple[Path, ...]:
        names = "a list of file names"
    raise ConfigError(f"{where} = {value!r} must be {names}")


def broker_settings(section: BrokerSection, device: str) -> BrokerSettings:
    """The connection's settings, with the secret read from its file. Raises ConfigError."""
    host, port = parse_broker(section.address, 8883 if section.tls or section.cafile else 1883)
    return BrokerSettings(
        host=host,
        port=port,
        client_id=device,
        username=section.username,
        password=_secret(section.password_file) if section.password_file else None,
        tls=section.tls,
        cafile=section.cafile,
        certfile=section.certfile,
        keyfile=section.keyfile,
        keepalive_s=section.keepalive_s,
        # who types the broker's address has one device, and waits for it
        spread_s=section.spread_s if section.wait else 0.0,
    )


def _secret(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"password file {path} cannot be read: {error}") from error
    if mode & 0o007:
        raise ConfigError(f"password file {path} can be read by everybody; run: chmod 600 {path}")
    return secret


def check(config: Config) -> Config:
    """The configuration, if it makes sense. Raises ConfigError."""
    check_device(config.agent.device)
    positive = {
        "model.trial_readings": config.model.trial_readings,
        "model.trial_budgets": config.model.trial_budgets,
        "journal.commit_s": config.journal.commit_s,
        "journal.commit_records": config.journal.commit_records,
        "journal.most_records": config.journal.most_records,
        "broker.keepalive_s": config.broker.keepalive_s,
        "source.deadline_s": config.source.deadline_s,
    }
    not_negative = {
        "agent.period_s": config.agent.period_s,
        "source.speed": config.source.speed,
        "broker.spread_s": config.broker.spread_s,
        "source.faults_every_s": config.source.faults_every_s,
    }
    for name, value in positive.items():
        if not 0 < value < math.inf:
            raise ConfigError(f"{name} = {value} must be above zero, and finite")
    for name, value in not_negative.items():
        if not 0 <= value < math.inf:
            raise ConfigError(f"{name} = {value} must be zero or above, and finite")
    budget = config.agent.false_alarms_per_week
    if budget is not None and not LEAST_BUDGET <= budget <= MOST_BUDGET:
        raise ConfigError(
            f"agent.false_alarms_per_week = {budget} must be from {LEAST_BUDGET} to {MOST_BUDGET}"
        )
    if config.broker.keepalive_s > 65535:
        raise ConfigError(f"broker.keepalive_s = {config.broker.keepalive_s} must be at most 65535")
    if config.source.kind == "replay" and config.agent.period_s:
        raise ConfigError("a replay has the period of its recording: leave out --period, and use --speed")
    return config


def overlay(settings: Any, **flags: Any) -> Any:
    """Settings with those flags that were given (are not None)."""
    return replace(settings, **{name: value for name, value in flags.items() if value is not None})
