"""What the inputs of a window are, told the slow and obvious way."""

import math
from itertools import pairwise

from edge.detection.windowing import View, Windowing

Values = list[float]  # one trace of a stretch, the newest last


def naive_traces(setup: Windowing, samples: list[list[float]]) -> list[Values]:
    """Samples of all channels to one list a trace, rounded to whole quanta."""
    rows = [list(sample) for sample in samples]
    if "temperature" in setup.channels and "humidity" in setup.channels:
        for row in rows:
            t, h = (row[setup.channels.index(name)] for name in ("temperature", "humidity"))
            row.append(100 * (math.log(max(h, 1.0)) + 17.62 * t / (243.12 + t)))
    return [
        [centre + round((row[k] - centre) / quantum) * quantum for row in rows]
        for k, (centre, quantum) in enumerate(zip(setup.centre, setup.quantum.tolist(), strict=True))
    ]


def mean(values: Values) -> float:
    return math.fsum(values) / len(values)


def now(view: View, x: Values) -> float:
    return mean(x[-view.block :])


def levels(view: View, x: Values) -> Values:
    """Level k is the mean of the samples block * 2^(k-1) to block * 2^k - 1 back, or of what there is."""
    means: Values = []
    for k in range(1, view.levels + 1):
        there = [x[-1 - lag] for lag in range(view.block * 2 ** (k - 1), view.block * 2**k) if lag < len(x)]
        means.append(mean(there) if there else means[-1])
    return means


def last_changes(x: Values, most: int) -> Values:
    return [abs(b - a) for a, b in pairwise(x)][-most:]


def log_volatility(x: Values, step: float) -> float:
    return math.log(mean(last_changes(x, 16)) / step + 0.005)


def signed_log(ratio: float) -> float:
    return math.copysign(math.log(1 + abs(ratio)), ratio)


def naive_expectation(view: View, channel: int, x: Values, usual_step: float) -> Values:
    newest, (before, *older) = now(view, x), levels(view, x)
    return [
        (newest - before) / view.step[channel],
        *((level - before) / spread for level, spread in zip(older, view.spread[channel], strict=True)),
        log_volatility(x[: -view.block], usual_step),
    ]


def naive_trace(setup: Windowing, trace: int, x: Values) -> Values:
    out: Values = []
    for view in (setup.views[0], setup.views[-1]):
        for level, reach in zip(levels(view, x), view.reach[trace], strict=True):
            out.append(signed_log((now(view, x) - level) / reach))
    step, swing = setup.views[0].step[trace], setup.swing[trace]
    half_an_hour = max(5, round(1800 / setup.period_s))
    calm = mean([min(change, 4 * step) for change in last_changes(x, half_an_hour)])
    still = 0
    while still + 1 < len(x) and x[-2 - still] == x[-1]:
        still += 1
    surprise = still * setup.period_s / 60 * still * setup.stillness[trace]
    return [
        *out,
        math.log(calm / step + 0.1),
        log_volatility(x, step),
        signed_log((x[-1] - setup.centre[trace]) / swing),
        signed_log(math.sqrt(surprise) / 10),
        math.log(swing / step),
    ]


def naive_inputs(setup: Windowing, samples: list[list[float]]) -> Values:
    """The obvious way, from all the samples of a stretch, the newest last."""
    traces = naive_traces(setup, samples)
    out: Values = []
    for each in setup.views:
        for c in range(len(setup.channels)):
            out += naive_expectation(each, c, traces[c], setup.views[0].step[c])
    for k, x in enumerate(traces):
        out += naive_trace(setup, k, x)
    humid = 1.0 if len(traces) > len(setup.channels) else 0.0
    out += [humid, math.log(setup.period_s / 60), math.log(setup.history_days)]
    return [min(max(number, -12.0), 12.0) for number in out]
