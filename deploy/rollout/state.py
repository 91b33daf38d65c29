"""All that a rollout knows, on disk: whoever begins the same one again goes on where it was cut off."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from deploy.rollout.member import Member
from deploy.rollout.plan import Plan
from deploy.rollout.watching import Watching
from edge.errors import ConfigError
from edge.lockfile import claim

FORMAT = 1


class Phase(StrEnum):
    """Where a rollout is."""

    BEFORE = "before"  # nobody has it: how devices are with the old one is watched
    WAVE = "wave"
    LATE = "late"  # all waves are over: whoever was asleep may still come
    DONE = "done"
    BACK = "back"  # it is being taken back
    STOPPED = "stopped"


ENDED = frozenset({Phase.DONE, Phase.STOPPED})


@dataclass(slots=True)
class State:
    """Of one rollout of one model."""

    digest: str  # SHA-256 of the bundle's file
    label: str
    plan: Plan
    members: dict[str, Member]
    watching: Watching
    waves: int
    phase: Phase = Phase.BEFORE
    wave: int = 0
    looks: int = 0  # that are over, of all waves
    reason: str = ""  # why it is being, or was, taken back
    notes: list[str] = field(default_factory=list)  # what a person should know, once

    def encoded(self) -> bytes:
        """As a file."""
        told = {
            "format": FORMAT,
            "digest": self.digest,
            "label": self.label,
            "plan": self.plan.to_json(),
            "waves": self.waves,
            "phase": self.phase,
            "wave": self.wave,
            "looks": self.looks,
            "reason": self.reason,
            "notes": self.notes,
            "watching": self.watching.to_json(),
            "members": [member.to_json() for member in self.members.values()],
        }
        return (json.dumps(told, indent=0) + "\n").encode()


class StateFile:
    """Where it is kept. The caller has claimed it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written = b""

    def write(self, state: State) -> None:
        """Whole or not at all; nothing where nothing has changed. Raises OSError."""
        content = state.encoded()
        if content == self._written:
            return
        partial = self.path.with_name(self.path.name + ".partial")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._written = content

    def read(self) -> State | None:
        """What is kept, None when there is nothing. Raises ConfigError when it is damaged."""
        try:
            table = json.loads(self.path.read_bytes())
            if table["format"] != FORMAT:
                raise ConfigError(f"{self.path}: written by another version of picanary, which should go on")
            return _understood(table)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(
                f"{self.path} is damaged ({error}); put back a copy, or remove it to begin anew"
            ) from error


def _understood(table: dict[str, Any]) -> State:
    watching = Watching(str(table["label"]))
    watching.restore(table["watching"])
    members = [Member.from_json(each) for each in table["members"]]
    return State(
        digest=str(table["digest"]),
        label=str(table["label"]),
        plan=Plan.from_json(table["plan"]),
        members={member.name: member for member in members},
        watching=watching,
        waves=int(table["waves"]),
        phase=Phase(table["phase"]),
        wave=int(table["wave"]),
        looks=int(table["looks"]),
        reason=str(table["reason"]),
        notes=[str(note) for note in table["notes"]],
    )


@contextmanager
def claimed(path: Path) -> Iterator[StateFile]:
    """The file, ours alone. Raises ConfigError when another rollout has it, or where it cannot be."""
    try:
        lock = claim(path)
    except BlockingIOError as error:
        raise ConfigError(f"{path}: this rollout runs already, in another process") from error
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written ({error.strerror}); name another place with --state FILE"
        ) from error
    with lock:
        yield StateFile(path)
