"""The models on the device's disk: which one is at work, which one was before, what was refused.

A model is whole on disk before the state names it, and the state is replaced by a rename: a
power cut at any moment leaves the old model or the new one, whole.
"""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from edge.bundle.bundle import LARGEST_BYTES

LOG = logging.getLogger(__name__)
STATE = "state.json"
# A model on trial that takes the agent down is started so often, and then not again.
MOST_STARTS = 3
MOST_REJECTED = 100


@dataclass(frozen=True, slots=True)
class State:
    """What `state.json` holds. Models go by the SHA-256 of their file."""

    current: str | None = None
    previous: str | None = None  # what to go back to while the current one is on trial
    on_trial: bool = False
    since: int | None = None  # the journal's number when the current one came by MQTT; None: it did not
    kept: str | None = None  # what was before such a one, once it is past its trial
    starts: int = 0  # of the agent, while the current one is on trial
    offered: str | None = None  # the configured file, as it was when we last looked at it
    proven: str | None = None  # the file that passed its golden windows, and in which runtime
    versions: dict[str, int] = field(default_factory=dict)  # the newest that was accepted, by name
    rejected: tuple[str, ...] = ()  # rolled back here; oldest first

    @classmethod
    def from_json(cls, table: Any) -> "State":
        """From the file. Raises KeyError, TypeError or ValueError."""
        return cls(
            current=_text(table["current"]),
            previous=_text(table["previous"]),
            on_trial=bool(table["on_trial"]),
            since=None if table.get("since") is None else int(table["since"]),
            kept=_text(table.get("kept")),
            starts=int(table["starts"]),
            offered=_text(table["offered"]),
            proven=_text(table["proven"]),
            versions={str(name): int(version) for name, version in table["versions"].items()},
            rejected=tuple(str(digest) for digest in table["rejected"]),
        )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def digest_of(content: bytes) -> str:
    """The name of a model's file in the store."""
    return sha256(content).hexdigest()


class ModelStore:
    """A folder with models and `state.json`. One process owns it: the one that has the journal.

    A disk that cannot be written costs the memory of a change, not the change.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.state = self._read_state()

    def _read_state(self) -> State:
        try:
            return State.from_json(json.loads((self._folder / STATE).read_bytes()))
        except FileNotFoundError:
            return State()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            LOG.warning("%s: cannot be used (%s); the models begin anew", self._folder / STATE, error)
            return State()

    def content(self, digest: str | None) -> bytes | None:
        """The model of that digest, if it is here and whole."""
        if digest is None:
            return None
        try:
            with self._path(digest).open("rb") as file:
                content = file.read(LARGEST_BYTES + 1)
        except OSError:
            return None
        return content if digest_of(content) == digest else None

    def begin(self) -> tuple[bytes | None, bytes | None]:
        """The model to start with, and the one that is on trial: None where there is none.

        One that took the agent down too often on its trial is gone.
        """
        if self.state.on_trial:
            self._change(replace(self.state, starts=self.state.starts + 1))
            if self.state.starts > MOST_STARTS:
                LOG.error("the new model has not lived through its trial: back to the one before")
                self.roll_back()
        current = self.content(self.state.current)
        if current is None and self.state.current is not None:
            LOG.error("the model of the last time is damaged on disk: back to the one before")
            self.roll_back()
            current = self.content(self.state.current)
        if not self.state.on_trial:
            return current, None
        return self.content(self.state.previous), current

    def install(
        self, content: bytes, name: str, version: int, *, trial: bool, since: int | None = None
    ) -> None:
        """This model is at work from now on; on trial it can be rolled back.

        `since`: it came by MQTT, when the journal had that number, and may be withdrawn.
        """
        digest = digest_of(content)
        with self._tolerant():
            if self.content(digest) is None:
                self._write(self._path(digest), content)
        state = self.state
        before = state.previous if state.on_trial else state.current
        if state.on_trial and digest == state.current:  # a restart has only begun its trial anew
            since = state.since
        changed = replace(
            state,
            current=digest,
            previous=before if trial and before != digest else None,
            on_trial=trial,
            since=since,
            kept=None,
            starts=max(1, state.starts if digest == state.current else 1) if trial else 0,
        )
        self._change(changed if trial else _accepted(changed, name, version))

    def accept(self, name: str, version: int) -> None:
        """The model on trial has passed: older ones are refused, and only a withdrawal leads back."""
        kept = self.state.previous if self.state.since is not None else None
        passed = replace(self.state, previous=None, on_trial=False, starts=0, kept=kept)
        self._change(_accepted(passed, name, version))

    def roll_back(self) -> None:
        """Back to the model before; this one is not tried again."""
        state = self.state
        rejected = (*state.rejected, state.current or "")[-MOST_REJECTED:]
        self._change(replace(_back_to(state, state.previous), rejected=rejected))

    def withdraw(self, before: tuple[str, int] | None) -> None:
        """Back to the model before one that came by MQTT; `before` is its name and version, if it has any.

        There is no way further back, and what is older than that one is refused as ever. The one that
        is withdrawn may come again.
        """
        state = _back_to(self.state, self.way_back)
        self._change(state if before is None else _accepted(state, *before))

    @property
    def way_back(self) -> str | None:
        """The model that a withdrawal leads to; None is the package's."""
        return self.state.previous if self.state.on_trial else self.state.kept

    def note_offered(self, digest: str) -> None:
        """The configured file has been looked at."""
        if digest != self.state.offered:
            self._change(replace(self.state, offered=digest))

    def note_proven(self, mark: str) -> None:
        """This file need not be proven again in this runtime."""
        if mark != self.state.proven:
            self._change(replace(self.state, proven=mark))

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.canary"

    def _change(self, state: State) -> None:
        self.state = state
        with self._tolerant():
            self._write(self._folder / STATE, json.dumps(asdict(state), indent=1).encode())
            self._tidy()

    def _tidy(self) -> None:
        state = self.state
        kept = {f"{digest}.canary" for digest in (state.current, state.previous, state.kept)}
        for path in self._folder.iterdir():
            if (path.suffix == ".canary" and path.name not in kept) or path.suffix == ".partial":
                path.unlink(missing_ok=True)

    def write(self, name: str, content: bytes) -> None:
        """Keep another file beside the models, whole or not at all."""
        with self._tolerant():
            self._write(self._folder / name, content)

    def read(self, name: str) -> bytes | None:
        """Such a file, if it is there."""
        try:
            return (self._folder / name).read_bytes()
        except OSError:
            return None

    def remove(self, name: str) -> None:
        """Such a file is not needed any more."""
        with self._tolerant():
            (self._folder / name).unlink(missing_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            LOG.warning("%s: %s; what changed is forgotten at the next start", self._folder, error)


def _back_to(state: State, digest: str | None) -> State:
    return replace(state, current=digest, previous=None, on_trial=False, starts=0, since=None, kept=None)


def _accepted(state: State, name: str, version: int) -> State:
    return replace(state, versions={**state.versions, name: version})
