"""How a rollout begins: the bundle looked at, the devices found, the state of the last time read."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.rollout.air import Air
from deploy.rollout.cohort import chosen, in_turn, wave_of
from deploy.rollout.desk import Desk, Tell
from deploy.rollout.discovery import check, look_around
from deploy.rollout.member import Member, Stage
from deploy.rollout.plan import Plan
from deploy.rollout.state import Phase, State
from deploy.rollout.watching import Watching
from edge.bundle.archive import SIGNATURE, unpack_archive
from edge.bundle.bundle import Bundle, read, unpack
from edge.bundle.keys import read_publics
from edge.errors import BundleError, ConfigError
from edge.swap.store import digest_of


@dataclass(frozen=True, slots=True)
class Offer:
    """The model that is rolled out."""

    bundle: Bundle
    content: bytes
    digest: str

    @property
    def budget_a_week(self) -> float:
        """False alarms that it allows itself."""
        return sum(self.bundle.detector.budgets.values())


def read_offer(path: Path, trusted: Sequence[Path]) -> Offer:
    """The bundle. Raises BundleError for what no device would take."""
    content = read(path)
    bundle = unpack(content, str(path), read_publics(trusted))
    if SIGNATURE not in unpack_archive(content, str(path)):
        raise BundleError(
            f"{path} is not signed, and no device takes that over MQTT: python -m convert RUN --key maker.key"
        )
    return Offer(bundle, content, digest_of(content))


def goes_on(state: State, offer: Offer, plan: Plan, path: Path, withdraw: bool) -> str | None:
    """The last word where there is nothing to go on with. Raises ConfigError where it is another rollout."""
    if state.digest != offer.digest:
        raise ConfigError(
            f"{path} is of {state.label}: another place with --state FILE, or --fresh for this one"
        )
    if state.plan != plan and not withdraw:
        changed = next(name for name in Plan.__slots__ if getattr(plan, name) != getattr(state.plan, name))
        flag = changed.removesuffix("_s").replace("_", "-")
        raise ConfigError(
            f"{path}: this rollout was begun with another {flag}; go on with the same flags, or begin anew "
            "with --fresh"
        )
    if state.phase == Phase.STOPPED:
        if any(member.stage == Stage.RECALLED for member in state.members.values()):
            state.phase = Phase.BACK
            return None
        return f"{state.label} was stopped, and taken back: {state.reason}; --fresh tries it anew"
    if state.phase == Phase.DONE:
        state.phase = Phase.LATE  # who was asleep may be there now
    return None


def begin(air: Air, offer: Offer, plan: Plan, known: State | None, tell: Tell) -> tuple[Desk, bool]:
    """What is worked with, and whether it is new. Raises ConfigError when there is nobody to give it to."""
    found = look_around(air)
    state = known or _new(found, offer, plan)
    if known is not None:
        _meet_again(state, found)
    desk = Desk(
        state, air, offer.content, tell, now=time.monotonic(), there=True, there_since=time.monotonic()
    )
    desk.seen.update(member.name for member in state.members.values() if member.online)
    in_waves = [member for member in state.members.values() if member.wave is not None]
    asleep = sum(1 for member in in_waves if not member.online)
    text = f"{state.label} for {len(in_waves)} devices in {state.waves} waves, {asleep} of them asleep"
    text += "" if known is None else f"; going on: {state.phase}"
    tell("begin", text, model=state.label, devices=len(in_waves), asleep=asleep, resumed=known is not None)
    return desk, known is None


def _new(found: dict[str, Member], offer: Offer, plan: Plan) -> State:
    names = chosen(found, plan)
    members = [found[name] for name in names]
    if not members:
        whom = " that is meant" if found else ""
        raise ConfigError(
            f"the broker knows no device{whom}: look at --only and --devices, and whether this certificate "
            "may listen (python -m deploy broker DIR add-rollout NAME)"
        )
    check(members, offer.bundle)
    asleep = frozenset(member.name for member in members if not member.online)
    turn = in_turn(names, offer.digest, asleep)
    for name, wave in wave_of(turn, plan).items():
        found[name].wave = wave
    return State(
        digest=offer.digest,
        label=offer.bundle.label,
        plan=plan,
        members={name: found[name] for name in turn},
        watching=Watching(offer.bundle.label),
        waves=len(plan.sizes(len(names))),
    )


def _meet_again(state: State, found: dict[str, Member]) -> None:
    """What the broker has kept, for the members as they were."""
    for name, member in state.members.items():
        seen = found.get(name)
        if seen is None:
            continue
        member.info, member.story = seen.info, seen.story
        if member.session and seen.session and member.session != seen.session:
            member.restarts += 1
        member.session, member.online, member.away_since = seen.session, seen.online, seen.away_since
