"""One device: what it says of itself, and how far the rollout has come with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Stage(StrEnum):
    """How far."""

    WAITING = "waiting"  # its turn has not come, or it is asleep
    SENT = "sent"
    HAS = "has"  # the new model judges, on the device's own trial or past it
    REFUSED = "refused"  # by the device; `why` says it
    ROLLED_BACK = "rolled back"  # by the device's own trial
    OTHER = "other"  # somebody has given it another model meanwhile
    RECALLED = "recalled"  # is to go back
    WITHDRAWN = "withdrawn"
    KEEPS = "keeps"  # it could not be withdrawn; `why` says it


OUT = frozenset({Stage.REFUSED, Stage.ROLLED_BACK, Stage.OTHER})
# What is kept on disk of each.
KEPT = (
    "name",
    "wave",
    "stage",
    "why",
    "session",
    "watched_s",
    "taking_s",
    "records",
    "had",
    "before",
    "restarts",
)
_STORY = ("installed", "latest", "state", "why")
# Alarms of one device nearer than this to the last are the same trouble: at most half an hour's worth
BURST_S = 1800.0
BUSY = 0.5  # of a core, by the agent alone
FEW = 0.5  # of the readings that its period promises
SPAN_S, SPAN_PERIODS = 120.0, 5.0


@dataclass(slots=True)
class Member:
    """Times are of the caller's monotonic clock, in seconds."""

    name: str
    wave: int | None = None  # None: none of the waves reaches it
    stage: Stage = Stage.WAITING
    why: str = ""
    session: str = ""  # of the agent, when it was last seen to be online
    watched_s: float = 0.0  # online with the new model
    taking_s: float = 0.0  # online since it was sent, and not at work yet
    records: int = 0  # with the new model
    had: bool = False  # the new model has judged there
    before: str | None = None  # the label of the model that it had
    restarts: int = 0  # since we began to watch it closely
    # what follows is seen anew after a restart of ours
    online: bool = False
    away_since: float = 0.0
    asked_at: float | None = None  # when the model, or the withdrawal, was last sent
    refusals: int = 0  # of a withdrawal
    info: dict[str, Any] = field(default_factory=dict)
    story: dict[str, str] = field(default_factory=dict)  # of the `model` topic; what is null is left out
    story_at: float = 0.0
    heard_at: float = 0.0  # health
    alarmed_at: float | None = None
    _first: dict[str, Any] | None = None  # health, when we began to watch it closely
    _first_at: float = 0.0
    _last: dict[str, Any] | None = None

    @property
    def installed(self) -> str | None:
        """The label of the model that it says judges."""
        return self.story.get("installed")

    def has(self, label: str) -> bool:
        """Whether that model judges there, by its own word."""
        return self.installed == label

    def hear(self, leaf: str, said: Mapping[str, Any], now: float, *, kept: bool) -> None:
        """A message of the device; `kept`: the broker had it before we came."""
        if leaf == "info":
            self.info = dict(said)
        elif leaf == "model":
            self.story = {name: said[name] for name in _STORY if isinstance(said.get(name), str)}
            self.story_at = 0.0 if kept else now
        elif leaf == "status":
            self._present(str(said.get("state")), str(said.get("session")), now)
        elif leaf == "health":
            self._healthy(said, now, kept)

    def _present(self, state: str, session: str, now: float) -> None:
        if state == "online":
            self.restarts += bool(self.session) and session != self.session
            if session != self.session or not self.online:
                self.asked_at = None  # what was sent to the one before may be lost
            self.session, self.online = session, True
        elif self.online and (session == self.session or not self.session):  # else a late will
            self.online, self.away_since = False, now

    def _healthy(self, said: Mapping[str, Any], now: float, kept: bool) -> None:
        if kept:
            return
        self.heard_at = now
        seq, before = _seq(said), _seq(self._last)
        if self.stage == Stage.HAS and seq is not None and before is not None:
            self.records += max(0, seq - before)
        self._last = dict(said)
        uptime, was = (_number(each, "uptime_s") for each in (said, self._first or {}))
        if self._first is None or (uptime or 0) < (was or 0):
            self._first, self._first_at = self._last, now

    def alarm(self, now: float, burst_s: float = BURST_S) -> bool:
        """A message of an alarm came; whether it is a new trouble, and no more of the last."""
        fresh = self.alarmed_at is None or now - self.alarmed_at > burst_s
        self.alarmed_at = now
        return fresh

    def begin(self, now: float) -> None:
        """Watch it closely from now on: restarts and health are counted from here."""
        self.restarts, self._first, self._last = 0, None, None
        self.heard_at = now

    def troubles(self, now: float, seen_since: float, offline_s: float, silent_s: float) -> list[str]:
        """What is wrong with it, in words; `seen_since` is when we last came back ourselves."""
        since = max(self.away_since, seen_since)
        if not self.online:
            return ["offline"] if now - since > offline_s else []
        found = [f"restarted {self.restarts} times" if self.restarts > 1 else "restarted"][: self.restarts]
        if now - max(self.heard_at, seen_since) > silent_s:
            return [*found, "no word of its health"]
        return [*found, *self._wrong()]

    def _wrong(self) -> list[str]:
        first, last, span = self._first, self._last, self.heard_at - self._first_at
        if first is None or last is None or first is last:
            return []
        found = []
        if (_deep(last, "faults", "model") or 0) > (_deep(first, "faults", "model") or 0):
            found.append("the model errs")
        if span < SPAN_S:
            return found
        period_s, had, has = _number(self.info, "period_s") or 0.0, _seq(first), _seq(last)
        long_enough = period_s and span >= SPAN_PERIODS * period_s
        if long_enough and None not in (had, has) and (has or 0) - (had or 0) < FEW * span / period_s:
            found.append("too few readings")
        if (_deep(last, "host", "cpu_s") or 0.0) - (_deep(first, "host", "cpu_s") or 0.0) > BUSY * span:
            found.append("busy")
        return found

    def to_json(self) -> dict[str, Any]:
        """For the state file."""
        return {name: getattr(self, name) for name in KEPT}

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> "Member":
        """From it. Raises KeyError, TypeError or ValueError."""
        return cls(**{**{name: table[name] for name in KEPT}, "stage": Stage(table["stage"])})


def _number(said: Mapping[str, Any], key: str) -> int | float | None:
    value = said.get(key)
    return value if isinstance(value, int | float) else None


def _deep(said: Mapping[str, Any], section: str, key: str) -> Any:
    part = said.get(section)
    return _number(part, key) if isinstance(part, Mapping) else None


def _seq(said: Mapping[str, Any] | None) -> int | None:
    return None if said is None else _deep(said, "journal", "last_seq")
