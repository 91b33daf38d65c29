"""The weather outside: seasons, days, and fronts that pass in their own time.

It advances in knots of ten minutes, whatever the step of the room, so that one seed has one weather.
"""

import math
from dataclasses import dataclass
from random import Random

from edge.sources.moist_air import mixing_ratio

KNOT_S = 600.0
DAY_S = 86_400.0
_KNOT_H = KNOT_S / 3600.0
_WARMEST_DAY = 200  # of the year: mid July on the northern half of the earth
_WARMEST_HOUR = 15.0
_CLEAR_BEAM = 950.0  # W/m2, the sun high above; thinned by the air's path below


@dataclass(frozen=True, slots=True)
class Climate:
    """What is usual outside. Swings are half of peak to peak; spreads are standard deviations."""

    latitude_deg: float = 48.0
    mean: float = 10.0  # °C over the year
    season_swing: float = 9.0  # °C
    day_swing: float = 3.5  # °C, under a half clouded sky
    front_spread: float = 3.5  # °C
    dryness: float = 2.5  # °C from the temperature down to the dew point
    dryness_swing: float = 0.5  # how much that varies, as a logarithm
    pressure: float = 985.0  # hPa, at the height of the place
    pressure_spread: float = 8.0  # hPa


@dataclass(frozen=True, slots=True)
class Sky:
    """The weather at one knot: °C, g/kg, hPa, W/m2 on the window, and wind relative to its mean."""

    temperature: float
    ratio: float
    pressure: float
    sun: float
    wind: float


class Wander:
    """A stationary random process: correlated over `hours`, and rounded off by `smooth_hours`."""

    def __init__(self, rng: Random, spread: float, hours: float, smooth_hours: float) -> None:
        self._rng = rng
        self._keep = math.exp(-_KNOT_H / hours)
        self._follow = 1.0 - math.exp(-_KNOT_H / smooth_hours)
        # Smoothing costs variance; this gives it back.
        gain = spread * math.sqrt((hours + smooth_hours) / hours)
        self._kick = gain * math.sqrt(1.0 - self._keep**2)
        self._raw = rng.gauss(0.0, gain)
        self._value = self._raw * hours / (hours + smooth_hours)

    def advance(self) -> float:
        """The value one knot on."""
        self._raw = self._keep * self._raw + self._kick * self._rng.gauss(0.0, 1.0)
        self._value += self._follow * (self._raw - self._value)
        return self._value


class Weather:
    """Knots of weather from `start_s` (Unix seconds, read as local solar time) onwards."""

    def __init__(self, climate: Climate, facing_deg: float, start_s: float, seed: int) -> None:
        """`facing_deg` is where the window looks: 180 is south."""
        rng = Random(f"weather {seed}")  # noqa: S311 - weather, not cryptography
        self._climate = climate
        self._facing = math.radians(facing_deg)
        self._latitude = math.radians(climate.latitude_deg)
        self._front = Wander(rng, climate.front_spread, 50.0, 8.0)
        self._pressure = Wander(rng, climate.pressure_spread, 50.0, 10.0)
        self._cover = Wander(rng, 1.2, 14.0, 1.0)
        self._passing = Wander(rng, 0.7, 0.6, 0.1)
        self._drying = Wander(rng, climate.dryness_swing, 30.0, 4.0)
        self._wind = Wander(rng, 0.35, 6.0, 0.5)
        self._gust = Wander(rng, 0.15, 0.3, 0.1)
        self.knot_s = start_s - start_s % KNOT_S - KNOT_S

    def advance(self) -> Sky:
        """The sky at the next knot, whose time stands in `knot_s` afterwards."""
        self.knot_s += KNOT_S
        climate = self._climate
        hour = self.knot_s % DAY_S / 3600.0
        day = self.knot_s / DAY_S % 365.2425
        pressure = self._pressure.advance()
        cloud = 1.0 / (
            1.0 + math.exp(0.08 * pressure - 0.4 - 2.0 * (self._cover.advance() + self._passing.advance()))
        )
        season = climate.season_swing * math.cos(2.0 * math.pi * (day - _WARMEST_DAY) / 365.2425)
        daily = math.cos(2.0 * math.pi * (hour - _WARMEST_HOUR) / 24.0)
        slow = climate.mean + season + self._front.advance()
        temperature = slow + climate.day_swing * (1.4 - 0.8 * cloud) * daily
        dew_point = slow - climate.dryness * math.exp(self._drying.advance()) * (1.3 - 0.6 * cloud)
        pressure += climate.pressure + 0.5 * math.cos(
            4.0 * math.pi * (hour - 10.0) / 24.0
        )  # the tide of the air
        return Sky(
            temperature,
            mixing_ratio(min(dew_point, temperature), 100.0, pressure),
            pressure,
            self._sun(hour, day, cloud),
            max(0.1, 1.0 + self._wind.advance() + self._gust.advance()),
        )

    def _sun(self, hour: float, day: float, cloud: float) -> float:
        """W/m2 on an upright window: beam and diffuse light under `cloud` (0 to 1)."""
        declination = math.radians(-23.44) * math.cos(2.0 * math.pi * (day + 10.0) / 365.2425)
        angle = math.radians(15.0 * (hour - 12.0))
        north, south = math.sin(self._latitude), math.cos(self._latitude)
        height = north * math.sin(declination) + south * math.cos(declination) * math.cos(angle)
        if height <= 0.01:
            return 0.0
        level = math.sqrt(1.0 - height**2)
        cosine = (height * north - math.sin(declination)) / (level * south)
        azimuth = math.pi + math.copysign(math.acos(max(-1.0, min(1.0, cosine))), angle)
        beam = _CLEAR_BEAM * math.exp(-0.14 / height) * (1.0 - cloud) * level
        diffuse = 130.0 * height * (0.6 + 0.6 * cloud)
        return diffuse + beam * max(0.0, math.cos(azimuth - self._facing))
