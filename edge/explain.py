"""Verdicts in a sentence that a person would say."""

from edge.reading import channel
from edge.signals import Observation, Strange


def quantity(name: str, value: float) -> str:
    """A value with its unit, as exact as a common sensor: `temperature 21.4 °C`."""
    return f"{name} {number(name, value)}"


def number(name: str, value: float, spread: float | None = None) -> str:
    """A value with its unit: `21.4 °C` or `21.4 ± 0.3 °C`; channels that we do not know get four digits."""
    unit = channel(name).unit
    if not unit:
        return f"{value:.4g}" + ("" if spread is None else f" ± {spread:.2g}")
    return f"{value:.1f} " + ("" if spread is None else f"± {max(spread, 0.1):.1f} ") + unit


def explain(
    signal: str, strange: Strange, seen: Observation, names: tuple[str, ...], band: tuple[float, ...]
) -> str:
    """Why a reading is strange; `band` (C,) is half the 90 % band, in deviations."""
    c = strange.channel
    name, view = names[c], seen.views[strange.view]
    observed = quantity(name, seen.values[c])
    if signal == "noise":
        return f"{name} has been {strange.value:.1f} times as restless as usual for a while"
    if signal == "frozen":
        return f"{observed}: it has stood still for far longer than it does at this hour"
    if signal.endswith("vapour"):
        more = "more" if view.residual[c] > 0 else "less"
        when = "all at once" if strange.view == 0 else "in a few minutes"
        return f"{observed}: {more} water in the air, {when}, than the temperature explains"
    expected = number(name, view.expected[c], band[c] * view.deviation[c])
    if strange.view == 0:
        return f"{observed}, expected {expected}"
    lately = number(name, view.expected[c] + view.residual[c])
    return f"{name} {lately} in the last minutes, expected {expected}"
