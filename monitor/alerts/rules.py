"""When what is the case becomes worth telling: a rule a kind, and when many become one message."""

from dataclasses import dataclass, field

from monitor.alerts.condition import KINDS

WORSE = 2.0  # so many times worse, and a cooldown counts no more


@dataclass(frozen=True, slots=True)
class Rule:
    """Of one kind."""

    tell: bool = True
    after_s: float = 60.0  # it must have lasted so long
    calm_s: float = 60.0  # and must have been absent so long to be over
    cooldown_min: float = 30.0  # after a word of it the same device is left alone so long
    remind_min: float = 0.0  # while nobody has acknowledged it; 0 never


@dataclass(frozen=True, slots=True)
class Group:
    """So many devices within so long are one message; a fleet with fewer devices never waits."""

    devices: int = 5
    within_s: float = 60.0


DEFAULTS = {
    "broker": Rule(after_s=30.0, calm_s=10.0),
    "store": Rule(after_s=30.0, calm_s=10.0),
    "anomaly": Rule(after_s=0.0),
    "sensor_fault": Rule(),
    "offline": Rule(calm_s=10.0),
    "silent": Rule(calm_s=10.0),
    "namesake": Rule(after_s=0.0),
    "missing": Rule(after_s=900.0),
    "advisory": Rule(tell=False, after_s=0.0),
}
assert tuple(DEFAULTS) == KINDS  # noqa: S101


@dataclass(frozen=True, slots=True)
class Rules:
    """All of them."""

    by_kind: dict[str, Rule] = field(default_factory=lambda: dict(DEFAULTS))
    group: Group = field(default_factory=Group)
