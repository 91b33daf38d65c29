"""Who is there: what the broker has kept of each device, and whether the model could judge there at all."""

import time
from collections.abc import Callable
from contextlib import suppress

from deploy.rollout.air import Air
from deploy.rollout.member import Member
from edge.bundle.bundle import Bundle
from edge.errors import ConfigError

QUIET_S = 1.0
MOST_S = 20.0


def look_around(air: Air, clock: Callable[[], float] = time.monotonic) -> dict[str, Member]:
    """All devices by name: until nothing that the broker has kept comes any more."""
    members: dict[str, Member] = {}
    begun = quiet_since = clock()
    while (now := clock()) - quiet_since < QUIET_S and now - begun < MOST_S:
        for heard in air.hear(0.1):
            if heard.leaf in ("status", "info", "model"):
                member = members.setdefault(heard.device, Member(heard.device))
                with suppress(TypeError, ValueError, AttributeError):  # whatever it is, it is no agent's
                    member.hear(heard.leaf, heard.said, now, kept=heard.kept)
            if heard.kept:
                quiet_since = clock()
    return members


def check(members: list[Member], bundle: Bundle) -> None:
    """Raises ConfigError when a device is there that cannot have the model's channels."""
    wanted = {channel.key for channel in bundle.channels}
    unfit = []
    for member in members:
        channels = member.info.get("channels")
        keys = (
            {each.get("key") for each in channels if isinstance(each, dict)}
            if isinstance(channels, list)
            else set()
        )
        if channels is not None and not wanted <= keys:
            unfit.append((member.name, sorted(wanted - keys)))
    if unfit:
        name, missing = unfit[0]
        more = f" and {len(unfit) - 1} more" if len(unfit) > 1 else ""
        raise ConfigError(
            f"{bundle.label} judges by {', '.join(missing)}, which {name}{more} cannot measure: "
            "choose devices with --only PATTERN or --devices NAMES"
        )
