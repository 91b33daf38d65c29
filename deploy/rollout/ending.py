"""How a rollout ended: the exit status, and the last word."""

from deploy.rollout.member import OUT, Member, Stage
from deploy.rollout.state import Phase, State

ALL, STOPPED, PENDING = 0, 1, 3
_SHOWN = 10


def outcome(state: State) -> tuple[int, str]:
    """(exit status, sentence)."""
    members = [member for member in state.members.values() if member.wave is not None]
    if state.phase == Phase.STOPPED:
        return STOPPED, _stopped(state, members)
    has = [member for member in members if member.stage == Stage.HAS]
    if len(has) == len(members):
        return ALL, f"{state.label} is on all {len(members)} devices"
    asleep = [member for member in members if member.stage == Stage.WAITING]
    text = f"{state.label} is on {len(has)} of {len(members)} devices"
    return PENDING, text + (f"; asleep: {_names(asleep)}" if asleep else "") + _rest(members)


def _stopped(state: State, members: list[Member]) -> str:
    back = sum(1 for member in members if member.stage == Stage.WITHDRAWN)
    text = f"{state.label} was stopped: {state.reason}. Taken back from {back} devices{_rest(members)}"
    if any(member.stage == Stage.RECALLED for member in members):
        text += "; the same command takes it back from those who were away"
    return text


def _rest(members: list[Member]) -> str:
    """Who else there is, and why."""
    words = {
        "sent, not taken": [member for member in members if member.stage == Stage.SENT],
        "away before they could go back": [member for member in members if member.stage == Stage.RECALLED],
        "cannot go back": [member for member in members if member.stage == Stage.KEEPS],
        "do without": [member for member in members if member.stage in OUT],
    }
    return "".join(f"; {word}: {_names(found)}" for word, found in words.items() if found)


def _names(members: list[Member]) -> str:
    shown = ", ".join(f"{each.name} ({each.why})" if each.why else each.name for each in members[:_SHOWN])
    return f"{shown} and {len(members) - _SHOWN} more" if len(members) > _SHOWN else shown
