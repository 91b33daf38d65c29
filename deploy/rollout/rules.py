"""When a rollout stops: exact one-sided tests on alarms, spent look by look, and a share of unwell devices.

**Against the others.** Alarms of a group are taken as Poisson with a rate a device-second. Given how many
there were in all, those of the new model are binomial with the new model's share of the device time, if it
alarms no more than the old one: the conditional test of Przyborowski and Wilenski, "Homogeneity of results
in testing samples from Poisson series", Biometrika 31 (1940), 313-323. The chance of as many or more is the
p-value, exact for any count. One-sided: a new model that alarms less stops nothing.

**Against a ceiling.** The chance of as many alarms or more if each device had `most_alarms` a week: the upper
tail of Poisson. It needs nobody to compare with.

**Looks.** A test that is looked at again and again stops some good rollout sooner or later. So each has
ALPHA for the whole rollout and spends it by the function a(t) = ALPHA ln(1 + (e - 1) t) of Lan and DeMets,
"Discrete sequential boundaries for clinical trials", Biometrika 70 (1983), 659-663 (their approximation of
Pocock's boundary), at a fixed number of looks, t being the share of them that is over. A look stops when its
p-value is at most what it spends, a(t) - a(t before). The sum over all looks is ALPHA: by Bonferroni's
inequality, however the looks depend on one another, a rollout of a model that alarms as the old one does is
stopped with a chance of at most ALPHA by each of the two tests.

The bound holds where alarms are Poisson. Rooms differ, and alarms come in bursts: bursts count once
(`member.py`); for rooms that differ, see the measured table in docs/rollout.md.
"""

import math
from dataclasses import dataclass

ALPHA = 0.01  # each of two tests, for the whole rollout
LOOKS = 6  # a wave
WEEK_S = 7 * 86_400.0
# A control group of fewer, or with less device time than this share of the new model's, is too small.
FEWEST_OTHERS = 3
LEAST_TIME = 0.1


@dataclass(frozen=True, slots=True)
class Group:
    """Alarms of some devices, and how long they were watched together."""

    devices: int = 0
    alarms: int = 0
    seconds: float = 0.0  # device-seconds

    @property
    def a_week(self) -> float:
        """Alarms a device and week; 0 before anything was watched."""
        return self.alarms / self.seconds * WEEK_S if self.seconds else 0.0


def chance_beside(new: Group, others: Group) -> float:
    """P(so many alarms or more of the new model | all alarms), if it alarms no more than the others."""
    count = new.alarms + others.alarms
    if not new.alarms:
        return 1.0
    share = new.seconds / (new.seconds + others.seconds)
    return min(1.0, math.fsum(_binomial(k, count, share) for k in range(new.alarms, count + 1)))


def chance_above(alarms: int, expected: float) -> float:
    """P(so many alarms or more), Poisson."""
    if not alarms:
        return 1.0
    if expected <= 0:
        return 0.0
    if alarms <= expected:  # the tail is the larger part: the other one is summed
        return max(0.0, 1.0 - math.fsum(_poisson(k, expected) for k in range(alarms)))
    terms, k = [_poisson(alarms, expected)], alarms
    while terms[-1] > 1e-18 * terms[0]:
        k += 1
        terms.append(terms[-1] * expected / k)
    return min(1.0, math.fsum(terms))


def _binomial(k: int, n: int, p: float) -> float:
    if p >= 1.0:
        return float(k == n)
    choices = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(choices + k * math.log(p) + (n - k) * math.log1p(-p))


def _poisson(k: int, expected: float) -> float:
    return math.exp(k * math.log(expected) - expected - math.lgamma(k + 1))


def spent(share: float) -> float:
    """What of ALPHA has been spent once that share of all looks is over."""
    return ALPHA * math.log(1.0 + (math.e - 1.0) * share)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the alarms: what was found, and what it may stop at."""

    number: int  # of all looks, from 1 on
    of: int
    new: Group
    beside: Group
    beside_whom: str  # "control", "before", or "" where there is nobody to compare with
    chance: float  # p-value beside the others; 1 without any
    chance_of_ceiling: float
    spends: float

    @property
    def why(self) -> str | None:
        """The sentence why the rollout stops, None when it goes on."""
        rate = (
            f"{self.new.alarms} alarms in {hours(self.new.seconds)} ({self.new.a_week:.3g} a device and week)"
        )
        if self.chance <= self.spends:
            whom = "devices with the old one" if self.beside_whom == "control" else "devices before"
            return (
                f"the new model alarms more: {rate}, {whom} {self.beside.alarms} in "
                f"{hours(self.beside.seconds)}; p = {self.chance:.2g}, stopped at {self.spends:.2g}"
            )
        if self.chance_of_ceiling <= self.spends:
            return (
                f"the new model alarms more often than the ceiling allows: {rate}; "
                f"p = {self.chance_of_ceiling:.2g}, stopped at {self.spends:.2g}"
            )
        return None


def look(
    number: int, before: int, of: int, new: Group, control: Group, earlier: Group, most_alarms: float
) -> Look:
    """The look of that number, after that of `before`; `earlier` is how devices were with the old model."""
    beside, whom = beside_whom(new, control, earlier)
    return Look(
        number,
        of,
        new,
        beside,
        whom,
        chance_beside(new, beside) if whom else 1.0,
        chance_above(new.alarms, most_alarms * new.seconds / WEEK_S),
        spent(number / of) - spent(before / of),
    )


def beside_whom(new: Group, control: Group, earlier: Group) -> tuple[Group, str]:
    """The control group, or how the devices were before where that is too small, or nobody."""
    enough = LEAST_TIME * new.seconds
    if control.devices >= FEWEST_OTHERS and control.seconds >= enough:
        return control, "control"
    return (earlier, "before") if earlier.seconds and earlier.seconds >= enough else (Group(), "")


def unwell(bad: int, given: int, others_bad: int, others: int, bad_share: float) -> bool:
    """Whether more of those that were given it are unwell than is borne, beyond what the others are."""
    if not given:
        return False
    return bad / given - (others_bad / others if others else 0.0) > bad_share


def hours(seconds: float) -> str:
    """Device time for people."""
    return f"{seconds / 3600:.3g} device-hours" if seconds >= 360 else f"{seconds:.3g} device-seconds"
