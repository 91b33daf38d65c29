"""What tests of single canaries share: a small crowd, quick flags, and what stands on disk."""

import json

from deploy.rollout.cohort import in_turn
from edge.swap.store import digest_of
from tests.deploy.rollout.crowd import House

SOME = 20
QUICK = ("--watch", "2s", "--min-records", 2, "--canary", 2, "--waves", "100%", "--most-alarms", 1e9)


def stages(house: House) -> dict[str, str]:
    """Each device's, as they stand on disk."""
    told = json.loads((house.folder / "new.canary.rollout").read_text())
    return {member["name"]: member["stage"] for member in told["members"]}


def first_ones(house: House) -> set[str]:
    """Who tries the good model first, where all are awake."""
    names = [f"room-{number:03d}" for number in range(SOME)]
    return set(in_turn(names, digest_of(house.models.good))[:2])
