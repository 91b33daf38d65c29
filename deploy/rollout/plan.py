"""What was asked for: how many first, how long to look, what is borne. A resumed rollout asks the same."""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from edge.errors import ConfigError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)([smhd]?)", re.ASCII)
_SHARE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(%?)", re.ASCII)
# What has judged for longer can no longer be withdrawn (edge/swap/withdrawal.py)
LONGEST_S = 7 * 86_400.0


def seconds_of(text: str, flag: str) -> float:
    """`90`, `90s`, `30m`, `2h`, `1d` to seconds. Raises ConfigError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ConfigError(f"{flag} {text!r} must be a time such as 90s, 30m, 2h or 1d")
    return float(match[1]) * _UNITS[match[2] or "s"]


def share_of(text: str, total: int, flag: str) -> int:
    """`5%` or `3` to how many of `total`: at least one, at most all. Raises ConfigError."""
    match = _SHARE.fullmatch(text)
    if match is None or not float(match[1]) or (match[2] and float(match[1]) > 100):
        raise ConfigError(f"{flag} {text!r} must be a share such as 5%, or a number of devices from 1 on")
    if not match[2] and "." in match[1]:
        raise ConfigError(f"{flag} {text!r} must be a whole number of devices, or a share such as 5%")
    wanted = math.ceil(float(match[1]) * total / 100 - 1e-9) if match[2] else int(match[1])
    return max(1, min(total, wanted))


@dataclass(frozen=True, slots=True)
class Plan:
    """Of one rollout. Shares are cumulative; times in seconds."""

    canary: str = "5%"
    waves: tuple[str, ...] = ("25%", "100%")  # after the canaries
    watch_s: float = 1800.0  # each wave, at least
    min_records: int = 30  # of each device in it, at least
    bad_share: float = 0.1  # of those that have it may be unwell, beyond what the others are
    most_alarms: float = 20.0  # a device and week: a ceiling whatever the others do
    take_s: float = 600.0  # a device that is awake takes the model within this, or is stuck
    offline_s: float = 120.0  # away for longer is unwell
    silent_s: float = 200.0  # health comes every minute
    devices: tuple[str, ...] = ()  # by name
    only: tuple[str, ...] = ()  # by pattern

    def __post_init__(self) -> None:
        """Raises ConfigError for what makes no sense."""
        for flag, share in (("--canary", self.canary), *(("--waves", each) for each in self.waves)):
            share_of(share, 100, flag)
        if not 0 < self.watch_s <= LONGEST_S / (2 + len(self.waves)):
            most = LONGEST_S / (2 + len(self.waves)) / 3600
            raise ConfigError(
                f"--watch must be above 0 and at most {most:.0f} hours for {1 + len(self.waves)} waves: "
                "what has judged for a week cannot be withdrawn"
            )
        if self.min_records < 0:
            raise ConfigError(f"--min-records {self.min_records} must be 0 or more")
        if not 0 <= self.bad_share < 1:
            raise ConfigError(f"--bad-share {100 * self.bad_share:g}% must be below 100%")
        if not 0 < self.most_alarms < math.inf:
            raise ConfigError(f"--most-alarms {self.most_alarms:g} must be above 0")
        if not (self.take_s > 0 and self.offline_s > 0 and self.silent_s > 0):
            raise ConfigError("--take and --offline must be above 0 seconds")

    def sizes(self, total: int) -> list[int]:
        """How many devices have it after each wave, growing; the last is what the last share says."""
        sizes: list[int] = []
        for flag, share in (("--canary", self.canary), *(("--waves", each) for each in self.waves)):
            size = share_of(share, total, flag)
            if not sizes or size > sizes[-1]:
                sizes.append(size)
        return sizes

    def to_json(self) -> dict[str, Any]:
        """For the state file."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> "Plan":
        """From the state file. Raises TypeError, KeyError or ValueError."""
        values: dict[str, Any] = {field.name: table[field.name] for field in fields(cls)}
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**{**values, **lists})
