"""How often the rules stop the rollout of a good model, and how soon that of a bad one.

`python -m tests.bench.rollouts`. Simulated houses, the product's own rules. Each device alarms by itself:
Poisson, with a rate that is the same for all rooms or differs between them (gamma, of that shape: the smaller
the more). The model under test alarms `times` as often. As in a real rollout, an alarm within half an hour of
the device's last is not counted again.
"""

import argparse
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deploy.rollout.member import BURST_S
from deploy.rollout.plan import Plan
from deploy.rollout.rules import LOOKS, WEEK_S, Group, look

STEP_S = 300.0


@dataclass(frozen=True, slots=True)
class House:
    """What is simulated."""

    devices: int = 200
    a_week: float = 1.0  # alarms of the old model, a device, on average
    times: float = 1.0  # as often does the new one
    shape: float = inf  # of the gamma distribution of rates; infinite: all rooms alike
    watch_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Result:
    """Of many rollouts."""

    stopped: float  # share
    at_canaries: float  # share
    minutes: float  # median, of those stopped
    had_it: float  # median share of the devices that had the model when it stopped


def main() -> None:
    """Print the tables of docs/rollout.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="of each row (%(default)s)")
    runs = parser.parse_args().runs
    print("| devices | old alarms a week | rooms | watch | good rollouts stopped |\n|---|---|---|---|---|")
    for house in good_ones():
        found = simulate(house, 5 * runs)
        row = (house.devices, f"{house.a_week:g}", _rooms(house), _watch(house), f"{found.stopped:.2%}")
        print("| " + " | ".join(map(str, row)) + " |")
    print("\n| devices | times as many alarms | watch | stopped | at the canaries | after, median | had it |")
    print("|---|---|---|---|---|---|---|")
    for house in bad_ones():
        found = simulate(house, runs)
        after, had = (f"{found.minutes:.0f} min", f"{found.had_it:.0%}") if found.stopped else ("", "")
        shares = (f"{found.stopped:.0%}", f"{found.at_canaries:.0%}")
        cells = (house.devices, f"{house.times:g}", _watch(house), *shares, after, had)
        print("| " + " | ".join(map(str, cells)) + " |")


def good_ones() -> list[House]:
    """Rows of the first table."""
    rates = [(1.0, inf), (1.0, 0.3), (15.0, inf), (15.0, 1.0), (15.0, 0.3)]
    return [
        *(House(200, rate, 1.0, shape, watch) for rate, shape in rates for watch in (1800.0, 6 * 3600.0)),
        House(20, 15.0, 1.0, 0.3, 6 * 3600.0),
    ]


def bad_ones() -> list[House]:
    """Rows of the second table."""
    many = [
        House(200, 1.0, times, 1.0, watch)
        for watch in (1800.0, 6 * 3600.0)
        for times in (5.0, 20.0, 100.0, 500.0)
    ]
    return [
        *many,
        *(House(20, 1.0, times, 1.0, watch) for watch in (1800.0, 6 * 3600.0) for times in (100.0, 500.0)),
    ]


def _rooms(house: House) -> str:
    return "alike" if house.shape == inf else f"differ (gamma {house.shape:g})"


def _watch(house: House) -> str:
    return f"{house.watch_s / 60:g} min" if house.watch_s < 3600 else f"{house.watch_s / 3600:g} h"


def simulate(house: House, runs: int, seed: int = 1) -> Result:
    """So many rollouts."""
    chance = np.random.default_rng(seed)
    ends = [end for end in (one(house, chance) for _ in range(runs)) if end is not None]
    canaries = Plan().sizes(house.devices)[0]
    return Result(
        len(ends) / runs,
        sum(had == canaries for _, had in ends) / runs,
        float(np.median([seconds for seconds, _ in ends]) / 60) if ends else 0.0,
        float(np.median([had for _, had in ends]) / house.devices) if ends else 0.0,
    )


def one(house: House, chance: np.random.Generator) -> tuple[float, int] | None:
    """Seconds until it stopped and how many had it by then; None when it went through."""
    sizes = Plan().sizes(house.devices)
    steps = max(LOOKS, round(house.watch_s / STEP_S))
    step_s = house.watch_s / steps
    new = np.repeat(sizes, steps)  # how many have it at each step: the first ones of the random order
    alarms = counted(house, new, step_s, chance)
    time_new = (new * step_s).reshape(len(sizes), steps).cumsum(axis=1)
    time_old = ((house.devices - new) * step_s).reshape(len(sizes), steps).cumsum(axis=1)
    has = np.arange(house.devices)[:, None] < new[None, :]
    by_new = (alarms & has).sum(axis=0).reshape(len(sizes), steps).cumsum(axis=1)
    by_old = (alarms & ~has).sum(axis=0).reshape(len(sizes), steps).cumsum(axis=1)
    earlier_alarms, earlier_s = 0, 0.0
    for wave, size in enumerate(sizes):
        for number in range(1, LOOKS + 1):
            at = number * steps // LOOKS - 1
            groups = (
                Group(size, int(by_new[wave, at]), float(time_new[wave, at])),
                Group(house.devices - size, int(by_old[wave, at]), float(time_old[wave, at])),
                Group(0, earlier_alarms + int(by_old[wave, at]), earlier_s + float(time_old[wave, at])),
            )
            total = wave * LOOKS + number
            if look(total, total - 1, LOOKS * len(sizes), *groups, Plan().most_alarms).why is not None:
                return (wave * steps + at + 1) * step_s, size
        earlier_alarms += int(by_old[wave, -1])
        earlier_s += float(time_old[wave, -1])
    return None


def counted(house: House, new: NDArray[Any], step_s: float, chance: np.random.Generator) -> NDArray[np.bool_]:
    """(devices, steps): whether an alarm began there that counts."""
    mean = house.a_week / WEEK_S * step_s
    rates = np.full(house.devices, mean)
    if house.shape != inf:
        rates = chance.gamma(house.shape, mean / house.shape, house.devices)
    has = np.arange(house.devices)[:, None] < new[None, :]
    alarms = chance.random(has.shape) < -np.expm1(-rates[:, None] * np.where(has, house.times, 1.0))
    quiet = max(1, round(BURST_S / step_s))
    before = np.cumsum(alarms, axis=1) - alarms
    gone = np.concatenate([np.zeros((house.devices, quiet), dtype=int), before[:, :-quiet]], axis=1)
    recent = before - gone[:, : before.shape[1]]
    fresh: NDArray[np.bool_] = alarms & (recent == 0)
    return fresh


if __name__ == "__main__":
    main()
