"""One soak from its first process to its report."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.soak.account import Sent, peek
from tests.soak.faults import Undo, inject
from tests.soak.plan import DISKS, Injection, draw, longest_s
from tests.soak.verdict import Outcome, balances, conclude, got_by_consumer, held
from tests.soak.vitals import LONG_S
from tests.soak.world import AGENTS, READINGS_PER_S, STOP_S, World, hears, world

TICK_S = 0.25
MEASURE_S = 5.0
LEAST_QUIET_S = 120.0


def soak(folder: Path, seconds: float, seed: int, say: Callable[[str], None]) -> Outcome:
    """Let everything run for so long with faults, heal, wait until all is accounted for, and judge."""
    # more than one absence and the pause before the next try, less than several in a row
    most_records = round(READINGS_PER_S * (60.0 + 2.0 * longest_s(seconds)))
    with world(folder, seed, most_records) as made:
        without = [] if made.disks else list(DISKS)
        injections = draw(seed, seconds, without)
        outcome = Outcome(seed, seconds, Counter(injection.kind.name for injection in injections))
        if without:
            outcome.notes["left out"] = "full disks: mounting a small one needs root"
        outcome.notes["journal"] = f"at most {most_records} records of each agent"
        _begin(made, seconds)
        _endure(made, injections, seconds, say)
        outcome.healed_s = _heal(made, seconds, say)
        conclude(made, outcome)
    return outcome


def _until(made: World, condition: Callable[[], bool], deadline: float) -> bool:
    measure_at = 0.0
    while not condition():
        if time.monotonic() > deadline:
            return False
        made.look()
        if time.monotonic() >= measure_at:
            made.measure()
            measure_at = time.monotonic() + MEASURE_S
        time.sleep(TICK_S)
    return True


def _begin(made: World, seconds: float) -> None:
    """Who is to hear comes first, so that each number counts from the first one."""

    def listening() -> bool:
        return made.consumer.listens and all(hears(port) for port in made.pages.values())

    def known() -> bool:
        heard = {device for device, _ in made.consumer.accounts}
        seen = [{device for device, _ in held(made.store(name))} for name in made.monitors]
        return all(each == set(AGENTS) for each in (heard, *seen))

    def judging() -> bool:
        return made.consumer.judging == set(AGENTS)

    made.consumer.come()
    for monitor in made.monitors.values():
        monitor.start()
    _must(made, listening, "consumer and monitors do not hear the broker")
    for agent in made.agents.values():
        agent.start()
    _must(made, known, "the parts of the soak did not find each other")
    # the interpreter comes with the first verdict, and is not to be taken for a leak
    if seconds >= LONG_S and not _until(made, judging, time.monotonic() + 300.0):
        raise TimeoutError(f"no verdict from every agent within five minutes: see {made.folder}")


def _must(made: World, condition: Callable[[], bool], otherwise: str) -> None:
    if not _until(made, condition, time.monotonic() + 120.0):
        raise TimeoutError(f"{otherwise}: see {made.folder}")


def _endure(made: World, injections: list[Injection], seconds: float, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    waiting, ending = list(injections), list[tuple[float, Undo]]()
    measure_at = 0.0
    while (now := time.monotonic() - began) < seconds or ending:
        for end_s, undo in [one for one in ending if one[0] <= now or now >= seconds]:
            undo()
            ending.remove((end_s, undo))
        while waiting and waiting[0].at_s <= now < seconds:
            next_one = waiting.pop(0)
            say(f"{now:7.1f} s  {next_one.kind.name}, {next_one.seconds:.1f} s")
            ending.append((next_one.at_s + next_one.seconds, inject(made, next_one)))
        made.look()
        if now >= measure_at:
            made.measure()
            measure_at = now + MEASURE_S
        time.sleep(TICK_S)


def _heal(made: World, seconds: float, say: Callable[[str], None]) -> float:
    """No more faults: wait until nobody lacks anything, stop the agents in order, and wait again."""
    began = time.monotonic()
    deadline = began + max(LEAST_QUIET_S, seconds / 3.0)
    say("all is healed; waiting until it is quiet")
    sent = {device: peek(made.journal(device)).epochs for device in AGENTS}
    quiet = _until(made, lambda: _is_quiet(made, sent), deadline)
    healed_s = time.monotonic() - began
    if not quiet:
        made.surprises.append(f"not quiet {healed_s:.0f} s after the last fault")
    for agent in made.agents.values():
        agent.terminate(STOP_S)
    sent = {device: peek(made.journal(device)).epochs for device in AGENTS}

    def gone() -> bool:
        return all(made.consumer.status.get(device) == "disconnected" for device in AGENTS)

    _until(made, lambda: gone() and _is_quiet(made, sent), time.monotonic() + 30.0)
    return healed_s


def _is_quiet(made: World, sent: dict[str, dict[str, Sent]]) -> bool:
    """Whether everybody has what had been sent, or knows that it is gone."""
    for got in (got_by_consumer(made), *(held(made.store(name)) for name in made.monitors)):
        for device, epochs in sent.items():
            rows = balances(made, "", device, epochs, got)
            if any(row.missing for row in rows):
                return False
    return True
