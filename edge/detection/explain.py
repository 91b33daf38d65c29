"""Verdicts in a sentence that a person would say."""

from edge.detection.advisory import Shift
from edge.detection.observation import Observation, Strange
from edge.detection.vapour import change
from edge.reading import HUMIDITY, TEMPERATURE, channel


def quantity(name: str, value: float) -> str:
    """A value with its unit, as exact as a common sensor: `temperature 21.4 °C`."""
    return f"{name} {number(name, value)}"


def number(name: str, value: float, spread: float | None = None) -> str:
    """A value with its unit: `21.4 °C` or `21.4 ± 0.3 °C`; channels that we do not know get four digits."""
    unit = channel(name).unit
    if not unit:
        return f"{value:.4g}" + ("" if spread is None else f" ± {spread:.2g}")
    return f"{value:.1f} " + ("" if spread is None else f"± {max(spread, 0.1):.1f} ") + unit


# What a shape that the model knows is called by people.
_LIKE = {
    "strange": "the last hours do not look like this room",
    "window_open": "this looks like an open window",
    "heater_failing": "this looks like heating that has failed",
    "humidity_surge": "this looks like a shower, a boiling pot or a leak",
    "decorrelated": "it no longer follows the rest of the room",
    "noise_burst": "it jumps about as a loose wire makes it do",
}


def explain_shift(name: str, shift: Shift) -> str:
    """Why the slow channel says something."""
    return (
        f"{name} has been about {number(name, shift.lately)} for hours; "
        f"in the last weeks it was mostly about {number(name, shift.usual)}"
    )


def explain(
    signal: str,
    strange: Strange[float],
    seen: Observation[float],
    names: tuple[str, ...],
    band: tuple[float, ...],
) -> str:
    """Why a reading is strange; `band` (C,) is half the 90 % band, in deviations."""
    c = strange.channel
    name, view = names[c], seen.views[strange.view]
    observed = quantity(name, seen.values[c])
    if signal == "noise":
        return f"{name} has been {strange.value:.1f} times as restless as usual for a while"
    if signal == "stuck":
        return f"{observed}: it has stood still for far longer than it does at this hour"
    if signal == "frozen":
        return f"{observed}: nothing has moved for far longer than it does at this hour"
    expected = number(name, view.expected[c], band[c] * view.deviation[c])
    if strange.view > 0:
        # what a view of the last minutes expected is no measure of this reading
        observed = f"{name} {number(name, view.expected[c] + view.residual[c])} in the last minutes"
    if signal in _LIKE:
        return f"{observed} (expected {expected}): {_LIKE[signal]}"
    water = f": {_water(strange, seen, names)}" if signal.endswith("vapour") else ""
    return f"{observed}, expected {expected}{water}"


def _water(strange: Strange[float], seen: Observation[float], names: tuple[str, ...]) -> str:
    """What an unexpected change says of the water in the air."""
    at = names.index(TEMPERATURE.name), names.index(HUMIDITY.name)
    residual = seen.views[strange.view].residual
    t, h = at
    more = change(seen.values[t], seen.values[h], residual[t], residual[h]) > 0
    return f"{'more' if more else 'less'} water in the air than the temperature explains"
