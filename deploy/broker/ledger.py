"""What the registrar knows: how the broker is reached, and each certificate that was ever given out."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deploy.broker.access_list import DOCTOR, ROLES
from deploy.broker.settings import Listener
from edge.errors import ConfigError

FORMAT = 1
DOCTOR_SUFFIX = ".doctor"


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate. `name` is its common name; `until` is when it runs out, ISO 8601."""

    name: str
    role: str
    serial: str  # hexadecimal: as a number it is beyond what others' JSON can hold
    until: str
    revoked: bool = False

    @property
    def owner(self) -> str:
        """Whose it is: a device has another one for its doctor."""
        return self.name.removesuffix(DOCTOR_SUFFIX) if self.role == DOCTOR else self.name

    @property
    def ends(self) -> datetime:
        """When it runs out."""
        return datetime.fromisoformat(self.until).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Ledger:
    """All of it. Lists of the revoked are numbered."""

    hosts: tuple[str, ...]
    listener: Listener
    entries: tuple[Entry, ...] = ()
    revocations: int = 1

    def of(self, owner: str) -> list[Entry]:
        """That owner's certificates which count, oldest first."""
        return [entry for entry in self.entries if entry.owner == owner and not entry.revoked]

    def newest(self) -> list[Entry]:
        """The newest certificate of each name that counts."""
        return list({entry.name: entry for entry in self.entries if not entry.revoked}.values())

    def names(self) -> list[str]:
        """All owners who are let in."""
        return sorted({entry.owner for entry in self.entries if not entry.revoked})

    def added(self, *entries: Entry) -> "Ledger":
        """With more certificates."""
        return replace(self, entries=self.entries + entries)

    def without(self, owner: str) -> "Ledger":
        """With all certificates of that owner revoked."""
        entries = tuple(
            replace(entry, revoked=True) if entry.owner == owner else entry for entry in self.entries
        )
        return replace(self, entries=entries, revocations=self.revocations + 1)

    def encoded(self) -> bytes:
        """As a file."""
        return (json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n").encode()


def read_ledger(path: Path) -> Ledger:
    """From its file. Raises ConfigError."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told.pop("format") != FORMAT:
            raise ConfigError(f"{path}: written by another version of picanary, which should go on with it")
        entries = tuple(Entry(**entry) for entry in told.pop("entries"))
        listener = Listener(**told.pop("listener"))
        ledger = Ledger(hosts=tuple(told.pop("hosts")), listener=listener, entries=entries, **told)
        if {entry.role for entry in entries} - set(ROLES):
            raise KeyError(f"there is no role but {', '.join(ROLES)}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path} is damaged; put back your copy of its folder: {error}") from error
    return ledger
