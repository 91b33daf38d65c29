"""What is to go wrong in a soak, when and for how long: drawn from a seed before anything starts."""

import math
import random
from collections.abc import Collection
from dataclasses import dataclass

MOST_AT_ONCE = 3
SHORTEST_S = 0.5


@dataclass(frozen=True, slots=True)
class Kind:
    """One fault. No two of one target overlap; `lasts` is its longest time, as a share of the longest."""

    name: str
    target: str
    weight: float = 1.0
    lasts: float = 1.0


KINDS = (
    Kind("broker killed, back with its last database", "broker"),
    Kind("broker killed, back with an empty database", "broker"),
    Kind("broker killed, back without persistence", "broker"),
    Kind("broker stopped in order and back", "broker", 0.5),
    Kind("broker frozen (SIGSTOP)", "broker"),
    Kind("agents' line reset", "agents' line", lasts=0.0),
    Kind("agents' line reset every 3 s", "agents' line"),
    Kind("agents' line stalls", "agents' line"),
    Kind("agents' line slow, late and lossy", "agents' line"),
    Kind("agents' line out", "agents' line"),
    Kind("monitors' line reset", "monitors' line", lasts=0.0),
    Kind("monitors' line stalls", "monitors' line", lasts=0.5),
    Kind("monitors' line out", "monitors' line", lasts=0.5),
    Kind("agent SIGKILL", "cellar", 2.0, lasts=0.2),
    Kind("agent SIGTERM", "cellar", lasts=0.2),
    Kind("agent told to restart", "cellar", lasts=0.0),
    Kind("cellar's disk full", "cellar's disk", lasts=0.7),
    Kind("attic's disk full", "attic's disk", lasts=0.7),
    Kind("monitor SIGKILL", "hall", lasts=0.5),
    Kind("monitor SIGTERM", "hall", 0.5, lasts=0.5),
    Kind("consumer away", "consumer"),
    Kind("good commands", "nothing", lasts=0.0),
    Kind("hostile commands", "nothing", lasts=0.0),
    Kind("new bundle offered", "nothing", lasts=0.0),
    Kind("bad bundle offered", "nothing", lasts=0.0),
)
DISKS = ("cellar's disk", "attic's disk")


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault at its time; `seed` is for what is random within it."""

    at_s: float
    seconds: float
    kind: Kind
    seed: int


def longest_s(duration_s: float) -> float:
    """No fault lasts longer in a soak of that length."""
    return min(90.0, duration_s / 9.0)


def draw(seed: int, duration_s: float, without: Collection[str] = ()) -> list[Injection]:
    """Faults in the order of their times, all over by `duration_s`; none of the targets in `without`."""
    chance = random.Random(f"soak {seed}")
    most_s = longest_s(duration_s)
    kinds = [kind for kind in KINDS if kind.target not in without]
    weights = [kind.weight for kind in kinds]
    busy: dict[str, float] = {}
    drawn: list[Injection] = []
    at_s = 0.0
    while (at_s := at_s + chance.expovariate(1.0 / (2.0 + most_s / 10.0))) < duration_s - SHORTEST_S:
        (kind,) = chance.choices(kinds, weights)
        seconds = _lasting(chance, kind, min(most_s, duration_s - at_s))
        number = chance.getrandbits(32)
        under_way = [target for target, until in busy.items() if until > at_s]
        if kind.target in under_way or len(under_way) >= MOST_AT_ONCE:
            continue
        if kind.target != "nothing":
            busy[kind.target] = at_s + seconds
        drawn.append(Injection(at_s, seconds, kind, number))
    return drawn


def _lasting(chance: random.Random, kind: Kind, most_s: float) -> float:
    """Short ones are as likely as long ones, by their order of magnitude."""
    most_s = most_s * kind.lasts
    if most_s <= SHORTEST_S:
        return min(SHORTEST_S, most_s)
    return SHORTEST_S * math.exp(chance.uniform(0.0, math.log(most_s / SHORTEST_S)))
