"""Whether memory and descriptors of a process stay flat: a straight line through what was measured.

The criterion. A life is judged when it lasted at least five minutes. Its first third, at most ten minutes,
is warm-up. Through the rest goes a line by least squares. Where it covers half an hour or more it may rise by
`MOST_RISE_MB_H` an hour; in a shorter life by `MOST_RISE_MB`, since an agent that gets to know its room loads
the interpreter with its first verdict. Descriptors: the median of the last fifth may lie
`MOST_DESCRIPTORS` above that of the first fifth after the warm-up.
"""

from dataclasses import dataclass
from itertools import pairwise
from statistics import linear_regression, median

from tests.soak.supervised import Life

JUDGED_S = 300.0
WARM_UP_S = 600.0
LONG_S = 1800.0
MOST_RISE_MB = 20.0
MOST_RISE_MB_H = 6.0
MOST_DESCRIPTORS = 3


@dataclass(frozen=True, slots=True)
class Vitals:
    """One life: memory in MiB, `slope` in MiB an hour (None: too short to judge), descriptors."""

    name: str
    pid: int
    seconds: float
    memory: tuple[float, float, float]  # first after the warm-up, last, greatest of all
    slope: float | None
    descriptors: tuple[int, int, int]  # first after the warm-up, last, greatest of all
    faults: tuple[str, ...]


def judge(name: str, life: Life) -> Vitals | None:
    """None for a life without measurements."""
    if not life.samples:
        return None
    seconds = life.samples[-1][0]
    warm_up_s = min(WARM_UP_S, seconds / 3.0)
    after = [sample for sample in life.samples if sample[0] >= warm_up_s]
    times, memory, descriptors = zip(*after, strict=True)
    is_judged = seconds >= JUDGED_S and len(after) >= 10 and all(a < b for a, b in pairwise(times))
    slope = 3600.0 * linear_regression(times, memory).slope if is_judged else None
    return Vitals(
        name,
        life.pid,
        seconds,
        (memory[0], memory[-1], max(sample[1] for sample in life.samples)),
        slope,
        (descriptors[0], descriptors[-1], max(sample[2] for sample in life.samples)),
        () if slope is None else _faults(slope, times[-1] - times[0], list(descriptors)),
    )


def _faults(slope: float, seconds: float, descriptors: list[int]) -> tuple[str, ...]:
    found = []
    rise = slope * seconds / 3600.0
    if slope > MOST_RISE_MB_H if seconds >= LONG_S else rise > MOST_RISE_MB:
        found.append(f"memory rises by {slope:.1f} MiB an hour, {rise:.1f} MiB in {seconds:.0f} s")
    fifth = max(1, len(descriptors) // 5)
    more = median(descriptors[-fifth:]) - median(descriptors[:fifth])
    if more > MOST_DESCRIPTORS:
        found.append(f"{more:g} descriptors more at the end than after the warm-up")
    return tuple(found)
