"""Where alarms begin in a fleet of rooms: what a device starts from that has seen little itself."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fleet:
    """Per signal: its level at one false alarm a week in all, and its share of the budget."""

    levels: dict[str, float]
    shares: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """As it stands beside the weights."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "Fleet":
        """Raises KeyError, TypeError or ValueError on a wrong shape."""
        fleet = cls(
            {str(name): float(level) for name, level in table["levels"].items()},
            {str(name): float(share) for name, share in table["shares"].items()},
        )
        if fleet.levels.keys() != fleet.shares.keys():
            raise ValueError("each level needs its share")
        return fleet


# Measured by `python -m trainer pretrain`; the shares are those that found most on the test bed.
FLEET = Fleet(
    levels={
        "surprise": 21.6,
        "vapour": 3.32,
        "slow_surprise": 20.2,
        "slow_vapour": 6.64,
        "noise": 8.57,
        "frozen": 49.7,
        "stuck": 152.0,
        "window_open": 1.6,
        "heater_failing": 1.85,
        "humidity_surge": 0.618,
        "strange": 7.8,
    },
    shares={
        "surprise": 0.26,
        "vapour": 0.06,
        "slow_surprise": 0.05,
        "slow_vapour": 0.04,
        "noise": 0.15,
        "frozen": 0.12,
        "stuck": 0.05,
        "window_open": 0.05,
        "heater_failing": 0.09,
        "humidity_surge": 0.03,
        "strange": 0.1,
    },
)
