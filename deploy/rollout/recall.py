"""Taking it back: whoever was sent the model goes back to the one before, which the device has kept."""

from deploy.rollout.desk import Desk
from deploy.rollout.member import Member, Stage
from deploy.rollout.state import Phase

AGAIN_S = 10.0
MOST_REFUSALS = 3


def stop(desk: Desk, reason: str) -> None:
    """From now on back, whatever comes."""
    desk.go_to(Phase.BACK, reason=reason)
    desk.tell("stop", f"stopped: {reason}", reason=reason)
    for member in desk.state.members.values():
        if member.stage in (Stage.SENT, Stage.HAS):
            member.stage, member.asked_at, member.taking_s, member.refusals = Stage.RECALLED, None, 0.0, 0
            member.story_at = 0.0  # what it has told so far is not about that


def ask(desk: Desk) -> None:
    """Ask those who have it, and again who has not heard."""
    for member in desk.of(Stage.RECALLED):
        late = member.asked_at is None or desk.now - member.asked_at > AGAIN_S
        if not (member.online and member.has(desk.state.label) and late):
            continue
        request = desk.air.withdraw(member.name, desk.state.label)
        if request is not None:
            member.asked_at = desk.now
            desk.requests[request] = member.name


def answered(desk: Desk, member: Member, request: str, ok: bool, why: str) -> None:
    """Its answer on `res/...`; whether it did it is told by its story."""
    if desk.requests.pop(request, None) != member.name or ok or member.stage != Stage.RECALLED:
        return
    member.refusals += 1
    member.asked_at = desk.now - AGAIN_S + 1.0  # it may have been in the middle of something
    if member.refusals >= MOST_REFUSALS and member.has(desk.state.label):
        member.stage, member.why = Stage.KEEPS, why
        desk.tell("keeps", f"{member.name} keeps it: {why}", device=member.name)


def is_over(desk: Desk, waited_s: float) -> bool:
    """Whether all who are there have gone back; who is away is waited for so long."""
    left = desk.of(Stage.RECALLED)
    patience = max(waited_s, desk.state.plan.offline_s)

    def is_away(member: Member) -> bool:
        return not member.online and desk.now - max(member.away_since, desk.there_since) > patience

    return desk.there and all(is_away(member) for member in left)
