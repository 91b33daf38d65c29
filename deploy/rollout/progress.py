"""How far each device has come, by its own word: what its `model` topic means for the rollout.

A story that was told before we asked is not about what we have sent; one that a restart of ours has missed
comes again with the next try.
"""

from deploy.rollout.desk import Desk
from deploy.rollout.member import Member, Stage

ON_ITS_WAY = frozenset({"verifying", "warming"})


def follow(member: Member, desk: Desk) -> None:
    """Change its stage, if its story has changed."""
    if member.online:
        desk.seen.add(member.name)
    _BY_STAGE.get(member.stage, _leave)(member, desk)


def _leave(_: Member, __: Desk) -> None:
    """Nothing to do."""


def _waiting(member: Member, desk: Desk) -> None:
    if member.wave is not None and member.has(desk.state.label):
        _take_over(member, desk, "it had it already")


def _sent(member: Member, desk: Desk) -> None:
    label = desk.state.label
    if member.has(label):
        _take_over(member, desk, "")
        return
    fresh = member.asked_at is not None and member.story_at >= member.asked_at
    if not fresh or member.story.get("latest") not in (None, label):
        return
    if member.story.get("state") == "refused":
        _out(member, desk, Stage.REFUSED)
    elif member.story.get("state") == "rolled_back":
        _out(member, desk, Stage.ROLLED_BACK)


def _has(member: Member, desk: Desk) -> None:
    if not member.story or member.has(desk.state.label):
        return
    if member.story.get("state") == "rolled_back":
        _out(member, desk, Stage.ROLLED_BACK)
    else:
        member.story["why"] = f"{member.installed or 'no model'} judges there now"
        _out(member, desk, Stage.OTHER)


def _recalled(member: Member, desk: Desk) -> None:
    if not member.online or not member.story or member.has(desk.state.label):
        return
    # who had it and has it no more is back, though it was told while a rollout that was cut off was away
    told = member.story.get("state") in ("rolled_back", "refused") and (member.story_at > 0.0 or member.had)
    quiet = member.story.get("state") not in ON_ITS_WAY and member.taking_s > desk.state.plan.take_s
    if told or quiet:
        member.stage, member.why = Stage.WITHDRAWN, ""
        desk.tell(
            "withdrawn", f"{member.name} is back at {member.installed or 'no model'}", device=member.name
        )


def _take_over(member: Member, desk: Desk, why: str) -> None:
    member.stage, member.why, member.watched_s, member.records = Stage.HAS, why, 0.0, 0
    member.had = True
    member.begin(desk.now)
    how = why or ("on trial" if member.story.get("state") == "trial" else "at work")
    desk.tell("has", f"{member.name} has it: {how}", device=member.name)


def _out(member: Member, desk: Desk, stage: Stage) -> None:
    member.stage, member.why = stage, str(member.story.get("why") or "it does not say why")
    desk.tell(stage.value.replace(" ", "_"), f"{member.name} {stage}: {member.why}", device=member.name)


_BY_STAGE = {Stage.WAITING: _waiting, Stage.SENT: _sent, Stage.HAS: _has, Stage.RECALLED: _recalled}
