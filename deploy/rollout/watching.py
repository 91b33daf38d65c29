"""Alarms and device time: of those that have the new model, of those that do not yet, and of before.

`new` and `control` are of one wave, over the same wall time. `earlier` is how devices were with the model
that they had, from the rollout's begin to their turn: what is left to compare with when all have the new one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.rollout.member import BURST_S, Member, Stage
from deploy.rollout.rules import Group

# A longer pause is one of ours (a laptop that slept): what happened meanwhile was not watched.
LONGEST_TICK_S = 30.0
GONE = frozenset({Stage.RECALLED, Stage.WITHDRAWN, Stage.KEEPS})


@dataclass(slots=True)
class Tally:
    """What is counted of one group."""

    alarms: int = 0
    seconds: float = 0.0

    def group(self, devices: int) -> Group:
        """For the rules."""
        return Group(devices, self.alarms, self.seconds)


@dataclass(slots=True)
class Watching:
    """Counts. Not for several threads."""

    label: str  # of the new model
    burst_s: float = BURST_S
    new: Tally = field(default_factory=Tally)
    control: Tally = field(default_factory=Tally)
    earlier: Tally = field(default_factory=Tally)
    elapsed_s: float = 0.0  # of this wave, while we were there
    _last: float | None = None

    def begin_wave(self) -> None:
        """Groups change: who was in control may have the new one now."""
        self.new, self.control, self.elapsed_s = Tally(), Tally(), 0.0

    def tick(self, members: Iterable[Member], now: float, *, there: bool, in_wave: bool) -> None:
        """Time has passed; `there` says whether we would have heard what happened."""
        passed, self._last = (0.0 if self._last is None else now - self._last), now if there else None
        if not there or not 0 < passed < LONGEST_TICK_S:
            return
        self.elapsed_s += passed if in_wave else 0.0
        for member in members:
            if member.online:
                self._count_time(member, passed, in_wave)

    def _count_time(self, member: Member, passed: float, in_wave: bool) -> None:
        if member.stage in (Stage.SENT, Stage.RECALLED):
            member.taking_s += passed
        elif member.stage == Stage.HAS:
            member.watched_s += passed
            self.new.seconds += passed if in_wave else 0.0
        elif self.is_control(member):
            self.earlier.seconds += passed
            self.control.seconds += passed if in_wave else 0.0

    def is_control(self, member: Member) -> bool:
        """Whether it still judges by a model of before."""
        return member.stage == Stage.WAITING and member.installed not in (None, self.label)

    def hear(self, member: Member, said: Mapping[str, Any], now: float, *, in_wave: bool) -> bool:
        """An event; whether it was an alarm that counts."""
        if said.get("state") != "anomalous":
            return False
        fresh = member.alarm(now, self.burst_s)
        if said.get("phase") != "start" or not fresh:
            return False
        if str(said.get("model")).startswith(self.label):
            counts = in_wave and member.stage not in GONE
            self.new.alarms += counts
            return counts
        if not self.is_control(member):
            return False
        self.earlier.alarms += 1
        self.control.alarms += in_wave
        return True

    def to_json(self) -> dict[str, Any]:
        """For the state file."""
        groups = {name: getattr(self, name) for name in ("new", "control", "earlier")}
        told = {name: [tally.alarms, tally.seconds] for name, tally in groups.items()}
        return {**told, "elapsed_s": self.elapsed_s}

    def restore(self, table: Mapping[str, Any]) -> None:
        """From it. Raises KeyError, TypeError or ValueError."""
        for name in ("new", "control", "earlier"):
            alarms, seconds = table[name]
            setattr(self, name, Tally(int(alarms), float(seconds)))
        self.elapsed_s = float(table["elapsed_s"])
