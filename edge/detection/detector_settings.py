"""What decides when a reading is an alarm; it travels in the bundle."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from edge.detection.advisory import Past
from edge.detection.budget import TAIL
from edge.detection.signals import SIGNALS


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What decides, calibrated by `convert`; travels in the bundle. C channels."""

    floor: tuple[float, ...]  # C, physical units: the smallest deviation that counts
    band: tuple[float, ...]  # C: half the 90 % band, in deviations
    change_rate: tuple[tuple[float, ...], ...]  # C x 24
    levels: dict[str, float]  # per signal: where the alarm begins
    budgets: dict[str, float]  # per signal: false alarms a week that it may cost
    past: Past  # what the history was like, for the advice on long shifts
    release: float = 0.6  # an event goes on while the score is above this
    calm_s: float = 1800.0  # and ends after so long below it

    def for_budget(self, false_alarms_per_week: float) -> "DetectorSettings":
        """The same for another budget: rarer alarms are further out on the same tails."""
        times = false_alarms_per_week / sum(self.budgets.values())
        levels = {name: level * times**-TAIL for name, level in self.levels.items()}
        budgets = {name: rate * times for name, rate in self.budgets.items()}
        return replace(self, levels=levels, budgets=budgets)

    def at_level(self, level: float) -> "DetectorSettings":
        """The same with all levels multiplied by it."""
        return replace(self, levels={name: value * level for name, value in self.levels.items()})

    def to_json(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: dict[str, Any], channels: int) -> "DetectorSettings":
        """From the manifest. Raises KeyError, TypeError or ValueError on a wrong shape."""
        settings = cls(
            floor=tuple(float(x) for x in table["floor"]),
            band=tuple(float(x) for x in table["band"]),
            change_rate=tuple(tuple(float(x) for x in row) for row in table["change_rate"]),
            levels={str(name): float(level) for name, level in table["levels"].items()},
            budgets={str(name): float(rate) for name, rate in table["budgets"].items()},
            past=Past.from_json(table["past"]),
            release=float(table["release"]),
            calm_s=float(table["calm_s"]),
        )
        of_each = (settings.floor, settings.band, settings.change_rate, settings.past.quantiles)
        shapes = {len(rows) for rows in of_each}
        if shapes != {channels} or any(len(row) != 24 for row in settings.change_rate):
            raise ValueError("the detector needs floor, band and change rates for each channel")
        if not settings.levels or settings.levels.keys() - SIGNALS.keys():
            raise ValueError(f"levels must be for some of {', '.join(SIGNALS)}")
        if settings.levels.keys() != settings.budgets.keys():
            raise ValueError("each level needs its share of the budget")
        rates = [rate for row in settings.change_rate for rate in row]
        positive = [
            *settings.floor,
            *settings.band,
            *settings.levels.values(),
            *settings.budgets.values(),
            settings.calm_s,
            settings.release,
        ]
        if not all(np.isfinite(positive)) or min(positive) <= 0 or not all(0 <= rate < 1 for rate in rates):
            raise ValueError(
                "levels, floors and bands must be finite and above zero, rates from 0 to below 1"
            )
        return settings
