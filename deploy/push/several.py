"""Hosts side by side, a bounded number of them: one host's failure does not stop the others."""

import io
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from deploy.push.progress import Progress
from edge.errors import PicanaryError

Say = Callable[[str], None]
Job = Callable[[str, Say], bool]  # to a host; whether anything changed
FAILED = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went with one host: `why` is empty unless it failed."""

    host: str
    changed: bool
    why: str = ""


def for_each(hosts: Sequence[str], job: Job, at_once: int, progress: Progress | None = None) -> list[Outcome]:
    """Do it to all of them, in the order in which they are named; all outcomes, in that order too."""
    shown = progress or Progress((), io.StringIO())

    def one(host: str) -> Outcome:
        try:
            outcome = Outcome(host, job(host, lambda line: shown.step(host, line)))
        except (PicanaryError, OSError) as error:
            outcome = Outcome(host, False, str(error).removeprefix(f"{host}: "))
        shown.done(host, _in_a_word(outcome))
        return outcome

    with shown, ThreadPoolExecutor(max_workers=at_once) as pool:
        return list(pool.map(one, hosts))


def _in_a_word(outcome: Outcome) -> str:
    if outcome.why:
        return f"failed: {outcome.why}"
    return "done" if outcome.changed else "nothing changed"


def sum_up(outcomes: Sequence[Outcome], say: Say) -> int:
    """The last lines, and the exit status."""
    failed = [each for each in outcomes if each.why]
    changed = sum(each.changed for each in outcomes)
    say(
        f"{len(outcomes)} hosts: {changed} changed, {len(outcomes) - changed - len(failed)} as they were, "
        f"{len(failed)} failed"
    )
    for each in failed:
        print(f"python -m deploy: {each.host}: {each.why}", file=sys.stderr)
    return FAILED if failed else 0
