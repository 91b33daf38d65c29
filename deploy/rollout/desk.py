"""What all parts of a running rollout work with, and how they say what happens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from deploy.rollout.member import OUT, Member, Stage
from deploy.rollout.state import Phase, State

# What happens, in one word; the sentence for people; facts for programs.
Tell = Callable[..., None]


class Says(Protocol):
    """The two things that a rollout says to devices."""

    def offer(self, device: str, content: bytes) -> bool:
        """The bundle; False without a connection."""

    def withdraw(self, device: str, label: str) -> str | None:
        """Ask it to go back; the request's id, None without a connection."""


@dataclass(slots=True)
class Desk:
    """Of one rollout, in one thread. Times are monotonic, in seconds."""

    state: State
    air: Says
    content: bytes  # the bundle
    say: Tell  # to a person or a program
    now: float = 0.0
    there: bool = False  # connected
    there_since: float = 0.0
    seen: set[str] = field(default_factory=set)  # devices that were online since we came
    requests: dict[str, str] = field(default_factory=dict)  # withdrawals that are not answered: to the device
    said: dict[str, str] = field(default_factory=dict)  # the trouble of each device that was told last
    _news: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def tell(self, what: str, text: str, **facts: Any) -> None:
        """It happened. Said once it stands on disk, so that nothing is said that a power cut undoes."""
        readable = "".join(
            sign if sign.isprintable() else " " for sign in text
        )  # devices have said some of it
        self._news.append((what, readable, facts))

    def say_news(self) -> None:
        """It stands on disk."""
        news, self._news = self._news, []
        for what, text, facts in news:
            self.say(what, text, **facts)

    def troubles(self, member: Member) -> str:
        """What is wrong with it, in words; nothing when it is well."""
        plan = self.state.plan
        if member.stage in OUT:
            return f"{member.stage}: {member.why}"
        if member.stage == Stage.SENT and member.taking_s > plan.take_s:
            return f"has not taken it in {plan.take_s:g} s"
        return ", ".join(member.troubles(self.now, self.there_since, plan.offline_s, plan.silent_s))

    def of(self, *stages: Stage) -> list[Member]:
        """The members in these stages that a wave reaches."""
        return [
            each for each in self.state.members.values() if each.stage in stages and each.wave is not None
        ]

    def control(self) -> list[Member]:
        """Who still has the old model and was there in the meantime."""
        members = self.state.members.values()
        return [each for each in members if self.state.watching.is_control(each) and each.name in self.seen]

    def go_to(self, phase: Phase, **changed: Any) -> None:
        """The next phase."""
        self.state.phase = phase
        for name, value in changed.items():
            setattr(self.state, name, value)
