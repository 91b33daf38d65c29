"""Which devices, and which of them first: the same for the same model and house, and nobody's choice.

The order is by a hash of model and device id: so it is not always the same rooms that try first, and
rooms that have something in common (the name, the cellar, the maker) do not come together.
"""

import fnmatch
import hashlib
from collections.abc import Iterable, Sequence

from deploy.rollout.plan import Plan
from edge.errors import ConfigError


def chosen(known: Iterable[str], plan: Plan) -> list[str]:
    """Those of the known devices that are meant. Raises ConfigError for a name that nobody has."""
    names = sorted(known)
    if missing := sorted(set(plan.devices) - set(names)):
        raise ConfigError(f"the broker knows no device {', '.join(missing[:5])}; there is {_some(names)}")
    if not plan.devices and not plan.only:
        return names
    return [
        name
        for name in names
        if name in plan.devices or any(fnmatch.fnmatchcase(name, pattern) for pattern in plan.only)
    ]


def in_turn(names: Iterable[str], digest: str, asleep: frozenset[str] = frozenset()) -> list[str]:
    """First to last; who is asleep comes after all who are awake. `digest` is the model's."""

    def turn(name: str) -> tuple[bool, str]:
        return name in asleep, hashlib.sha256(f"{digest} {name}".encode()).hexdigest()

    return sorted(names, key=turn)


def wave_of(names: Sequence[str], plan: Plan) -> dict[str, int]:
    """The number of each device's wave, from 0 (the canaries) on; who is beyond the last share is in none."""
    waves: dict[str, int] = {}
    before = 0
    for number, size in enumerate(plan.sizes(len(names))):
        waves.update(dict.fromkeys(names[before:size], number))
        before = size
    return waves


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5]) or "none"
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
