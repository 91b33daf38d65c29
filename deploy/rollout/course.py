"""The order of things: the canaries, wave by wave, who comes late; or back. One step at a time."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from deploy.rollout import recall, rules
from deploy.rollout.air import Heard
from deploy.rollout.desk import Desk
from deploy.rollout.looking import look_again
from deploy.rollout.member import OUT, Member, Stage
from deploy.rollout.progress import ON_ITS_WAY, follow
from deploy.rollout.state import ENDED, Phase

WATCHED = frozenset({Phase.BEFORE, Phase.WAVE, Phase.LATE})


class Course:
    """Goes on with a state, new or from disk. `keep` writes it down before anything is said to a device."""

    def __init__(self, desk: Desk, keep: Callable[[], None], wait_s: float = 0.0) -> None:
        """`wait_s`: so long at the end for devices that are asleep."""
        self._desk, self._keep, self._wait_s = desk, keep, wait_s
        self._waited_from: float | None = None

    def hear(self, heard: Iterable[Heard]) -> None:
        """What devices have said, in order."""
        desk = self._desk
        for each in heard:
            member = desk.state.members.get(each.device)
            if member is None:
                continue
            with suppress(TypeError, ValueError, AttributeError):  # whatever that is, it is no agent's
                self._understand(member, each)

    def _understand(self, member: Member, heard: Heard) -> None:
        desk, said = self._desk, heard.said
        if heard.leaf.startswith("res/"):
            why = str(said.get("why") or "it does not say why")
            recall.answered(desk, member, heard.leaf.removeprefix("res/"), said.get("ok") is True, why)
        elif heard.leaf == "event":
            in_wave = desk.state.phase in WATCHED
            if desk.state.watching.hear(member, said, desk.now, in_wave=in_wave):
                model = str(said.get("model"))
                new = model.startswith(desk.state.label)
                text = f"{member.name} alarms{' by the new model' if new else ''}: {said.get('why')}"
                desk.tell("alarm", text, device=member.name, model=model)
        else:
            member.hear(heard.leaf, said, desk.now, kept=heard.kept)

    def step(self, now: float, *, there: bool) -> bool:
        """Time has passed; whether it is over."""
        desk = self._desk
        if there and not desk.there:
            desk.there_since = now
            for member in desk.of(Stage.SENT, Stage.RECALLED):
                member.asked_at = None  # what was on its way may be lost
        desk.now, desk.there = now, there
        state = desk.state
        state.watching.tick(state.members.values(), now, there=there, in_wave=state.phase in WATCHED)
        for member in state.members.values():
            follow(member, desk)
        if there:
            self._say_troubles()
            _PHASES[state.phase](self)
        self._keep()
        desk.say_news()
        if there:
            self._send()
        return state.phase in ENDED

    def _send(self) -> None:
        """To whom it is due. That it is, stands on disk."""
        desk = self._desk
        for member in desk.of(Stage.SENT):
            if not member.online or member.story.get("state") in ON_ITS_WAY:
                continue
            due = member.asked_at is None or desk.now - member.asked_at > desk.state.plan.take_s / 3
            if due and desk.air.offer(member.name, desk.content):
                member.asked_at = desk.now
        if desk.state.phase == Phase.BACK:
            recall.ask(desk)

    def _before(self) -> None:
        state = self._desk.state
        if state.watching.elapsed_s >= state.plan.watch_s:
            self._begin_wave(0)

    def begin(self) -> None:
        """The first phase: at once, unless too few would be left to compare the canaries with."""
        desk, state = self._desk, self._desk.state
        others = sum(1 for each in state.members.values() if each.wave != 0 and each.online)
        if others >= rules.FEWEST_OTHERS:
            self._begin_wave(0)
            return
        text = (
            f"{others} devices are left to compare with, too few: first all are watched with the model that "
            f"they have, for {state.plan.watch_s:g} s, and compared with themselves"
        )
        desk.tell("before", text, others=others)

    def _begin_wave(self, number: int) -> None:
        desk, state = self._desk, self._desk.state
        self._waited_from = None
        desk.go_to(Phase.WAVE, wave=number)
        state.watching.begin_wave()
        for member in desk.control():
            member.begin(desk.now)
        size = sum(1 for each in state.members.values() if each.wave == number)
        text = f"wave {number + 1} of {state.waves}: {size} more devices"
        desk.tell("wave", text, wave=number + 1, of=state.waves, devices=size)
        self._call_up()

    def _call_up(self) -> None:
        """Whose turn has come, and who is awake."""
        desk = self._desk
        for member in desk.of(Stage.WAITING):
            follow(member, desk)  # it may have it already
            is_due = member.stage == Stage.WAITING and (member.wave or 0) <= desk.state.wave
            if member.online and is_due:
                member.before = member.installed
                member.stage, member.asked_at, member.taking_s = Stage.SENT, None, 0.0
                desk.tell("sent", f"{member.name}: sent", device=member.name)

    def _wave(self) -> None:
        self._call_up()
        if self._is_unwell():
            return
        desk, state = self._desk, self._desk.state
        given = [
            each for each in state.members.values() if each.wave == state.wave and each.stage != Stage.WAITING
        ]
        if not given and state.wave == 0:
            self._wait_for_anybody()
            return
        share = min((self._share(each) for each in given if self._is_awaited(each)), default=1.0)
        look_again(desk, state.wave * rules.LOOKS + int(share * rules.LOOKS))
        if share < 1.0 or state.phase != Phase.WAVE:
            return
        if state.wave + 1 < state.waves:
            self._begin_wave(state.wave + 1)
        else:
            desk.go_to(Phase.LATE)

    def _wait_for_anybody(self) -> None:
        """Not one canary is awake."""
        if self._has_waited():
            self._desk.go_to(Phase.DONE)

    def _share(self, member: Member) -> float:
        """How much of its watch is over."""
        plan = self._desk.state.plan
        if member.stage == Stage.SENT:
            return 0.0
        enough = member.records / plan.min_records if plan.min_records else 1.0
        return min(1.0, member.watched_s / plan.watch_s, enough)

    def _is_awaited(self, member: Member) -> bool:
        """Who is out or unwell is not waited for, as long as there are few of them."""
        return member.stage in (Stage.SENT, Stage.HAS) and not self._desk.troubles(member)

    def _is_unwell(self) -> bool:
        desk, state = self._desk, self._desk.state
        given = desk.of(Stage.SENT, Stage.HAS, *OUT)
        others = desk.control()
        bad = [each for each in given if desk.troubles(each)]
        others_bad = [each for each in others if desk.troubles(each)]
        if not rules.unwell(len(bad), len(given), len(others_bad), len(others), state.plan.bad_share):
            return False
        first = bad[0]
        recall.stop(
            desk,
            f"{len(bad)} of {len(given)} devices that were given it are unwell, "
            f"{len(others_bad)} of {len(others)} that were not; {first.name}: {desk.troubles(first)}",
        )
        return True

    def _say_troubles(self) -> None:
        desk = self._desk
        for member in desk.of(Stage.SENT, Stage.HAS):
            trouble = desk.troubles(member)
            if trouble != desk.said.get(member.name, ""):
                desk.said[member.name] = trouble
                desk.tell(
                    "trouble", f"{member.name}: {trouble or 'well again'}", device=member.name, why=trouble
                )

    def _has_waited(self) -> bool:
        """Whether those who are asleep have been waited for."""
        now = self._desk.now
        self._waited_from = now if self._waited_from is None else self._waited_from
        return now - self._waited_from >= self._wait_s

    def _late(self) -> None:
        self._call_up()
        desk = self._desk
        if self._is_unwell():
            return
        watched = [each for each in desk.of(Stage.SENT, Stage.HAS) if self._is_awaited(each)]
        if any(self._share(each) < 1.0 for each in watched):
            return
        if not desk.of(Stage.WAITING) or self._has_waited():
            desk.go_to(Phase.DONE)

    def _back(self) -> None:
        if recall.is_over(self._desk, self._wait_s):
            self._desk.go_to(Phase.STOPPED)

    def _ended(self) -> None:
        """Nothing to do."""


_PHASES: dict[Phase, Callable[[Course], None]] = {
    Phase.BEFORE: Course._before,
    Phase.WAVE: Course._wave,
    Phase.LATE: Course._late,
    Phase.BACK: Course._back,
    Phase.DONE: Course._ended,
    Phase.STOPPED: Course._ended,
}
