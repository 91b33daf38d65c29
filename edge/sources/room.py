"""A room: what happens to its air when the weather, the heater and the people act on it.

Air and walls are two thermal nodes. Water is balanced as a mixing ratio between the air, the
outdoors, the people and surfaces that take it up and give it back. Each node is moved by the exact
exponential towards what the others pull it to, so that no step can make the room unstable.
"""

from dataclasses import dataclass
from math import ceil, exp, sqrt
from random import Random

from edge.errors import ConfigError
from edge.sources.moist_air import mixing_ratio, relative_humidity, saturation_hpa
from edge.sources.occupants import Occupants
from edge.sources.room_settings import PRESETS, RoomSettings
from edge.sources.weather import DAY_S, KNOT_S, Sky, Weather

__all__ = ["CALM", "MONDAY_S", "PRESETS", "Disturbance", "Room", "RoomSettings"]

# A Monday in winter, when a heated room has most to tell: 6 January 2025.
MONDAY_S = 1_736_121_600.0
_SUBSTEP_S = 60.0  # fine enough for the thermostat
_AIR_KG_M3 = 1.2
_AIR_W_PER_CHANGE = 0.335  # W/K of one cubic metre changed in an hour
_SUN_TO_AIR = 0.3  # the walls get the rest
_EDDY_S = 90.0
_COIL_CHANGES_H = 3.0  # air that a running cooler leads over its coil
_COIL_BELOW = 12.0  # °C below the air


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What a fault does to the room itself."""

    ventilation: float = 1.0  # times the usual change of air
    heating: float = 1.0  # what is left of the heater's power
    moistening: float = 0.0  # water set free, in % relative humidity per hour of the whole room


CALM = Disturbance()


class Room:
    """One room in its weather. Deterministic by settings, seed, start and the steps taken."""

    def __init__(
        self, settings: RoomSettings | None = None, seed: int = 0, start_s: float = MONDAY_S
    ) -> None:
        """`start_s` is Unix time, read as the room's local time."""
        self.settings = s = settings or RoomSettings()
        self.clock_s = start_s
        self.disturbance = CALM
        self._weather = Weather(s.climate, s.facing_deg, start_s, seed)
        self._occupants = Occupants(s.habit, seed)
        self._rng = Random(f"eddies {seed}")  # noqa: S311 - air, not cryptography
        self._before, self._after = self._weather.advance(), self._weather.advance()
        self._present, self._until_s = self._occupants.at(start_s)
        self._air = self._wall = s.setpoint if s.heater_w else s.neighbour
        self._ratio = min(self._before.ratio * 1.2, mixing_ratio(self._air, 70.0))
        self._buffer = relative_humidity(self._air, self._ratio)  # % at which the surfaces rest
        self._power = 0.0
        self._heating = False
        self._eddy_air = self._eddy_water = 0.0

    def settle(self, days: float = 6.0) -> None:
        """Let time pass until the beginning is forgotten. The clock moves on by `days`."""
        for _ in range(round(days * DAY_S / _SUBSTEP_S)):
            self._advance(_SUBSTEP_S)

    def step(self, dt_s: float) -> tuple[float, float, float]:
        """Advance by `dt_s`; the true temperature (°C), humidity (%) and pressure (hPa) at the sensor.

        Raises ConfigError when `dt_s` is not above 0.
        """
        if not dt_s > 0:
            raise ConfigError(f"a room's step must be above 0 s, not {dt_s}")
        parts = ceil(dt_s / _SUBSTEP_S)
        for _ in range(parts):
            self._advance(dt_s / parts)
        pressure = self._outdoors(self._before.pressure, self._after.pressure)
        keep = exp(-dt_s / _EDDY_S)
        kick = sqrt(1.0 - keep * keep)
        self._eddy_air = keep * self._eddy_air + kick * self._rng.gauss(0.0, 1.0)
        self._eddy_water = keep * self._eddy_water + kick * self._rng.gauss(0.0, 1.0)
        stir = 1.0 + (self._present.heat_w > 0) + 0.1 * (self.disturbance.ventilation - 1.0)
        spread_air, spread_water = self.settings.mixing
        temperature = self._air + stir * spread_air * self._eddy_air
        humidity = (
            relative_humidity(temperature, self._ratio, pressure) + stir * spread_water * self._eddy_water
        )
        return temperature, min(100.0, max(0.0, humidity)), pressure

    def outdoors(self) -> Sky:
        """The weather outside at the room's clock."""
        pairs = ((getattr(self._before, name), getattr(self._after, name)) for name in Sky.__slots__)
        return Sky(*(self._outdoors(before, after) for before, after in pairs))

    def _outdoors(self, before: float, after: float) -> float:
        """Between the two knots around the clock."""
        return after + (after - before) * (self.clock_s - self._weather.knot_s) / KNOT_S

    def _advance(self, dt_s: float) -> None:
        """One sub-step of at most a minute."""
        self.clock_s += dt_s
        while self.clock_s > self._weather.knot_s:
            self._before, self._after = self._after, self._weather.advance()
        if self.clock_s >= self._until_s:
            self._present, self._until_s = self._occupants.at(self.clock_s)
        before, after = self._before, self._after
        outdoor = self._outdoors(before.temperature, after.temperature)
        changes_h = self.settings.air_changes_h * after.wind + self._present.air_changes_h
        changes_h *= self.disturbance.ventilation
        self._heat(dt_s)
        self._move_heat(dt_s, outdoor, changes_h, self._outdoors(before.sun, after.sun))
        self._move_water(dt_s, self._outdoors(before.ratio, after.ratio), changes_h)

    def _heat(self, dt_s: float) -> None:
        """The thermostat switches, and the radiator (or the evaporator) follows it slowly."""
        s = self.settings
        evening, morning = s.night
        hour = self.clock_s % DAY_S / 3600.0
        target = s.setback if hour >= evening or hour < morning else s.setpoint
        want = target - self._air if s.heater_w > 0 else self._air - target
        if want > s.hysteresis / 2:
            self._heating = True
        elif want < -s.hysteresis / 2:
            self._heating = False
        aim = s.heater_w * self.disturbance.heating if self._heating else 0.0
        self._power = aim + (self._power - aim) * exp(-dt_s / s.heater_lag_s)

    def _move_heat(self, dt_s: float, outdoor: float, changes_h: float, sun: float) -> None:
        s = self.settings
        sun *= s.window_m2
        loss = s.air_to_outdoor + _AIR_W_PER_CHANGE * s.volume_m3 * changes_h
        gain = self._power + s.idle_w + self._present.heat_w + _SUN_TO_AIR * sun
        pull = loss + s.air_to_wall
        rest = (loss * outdoor + s.air_to_wall * self._wall + gain) / pull
        self._air = rest + (self._air - rest) * exp(-pull * dt_s / s.air_heat)
        pull = s.air_to_wall + s.wall_to_outdoor + s.wall_to_neighbour
        rest = s.air_to_wall * self._air + s.wall_to_outdoor * outdoor + s.wall_to_neighbour * s.neighbour
        rest = (rest + (1.0 - _SUN_TO_AIR) * sun) / pull
        self._wall = rest + (self._wall - rest) * exp(-pull * dt_s / s.wall_heat)

    def _move_water(self, dt_s: float, outdoor_ratio: float, changes_h: float) -> None:
        s = self.settings
        full = (
            622.0 * saturation_hpa(self._air) / 1013.25
        )  # g/kg; within a few % of the exact, for exchange only
        source = self._present.moisture_g_h + s.moisture_g_h
        gain = source / (_AIR_KG_M3 * s.volume_m3) + self.disturbance.moistening / 100.0 * full
        pull = changes_h + s.buffer_rate_h
        rest = (changes_h * outdoor_ratio + s.buffer_rate_h * self._buffer / 100.0 * full + gain) / pull
        if self._power < 0.0:  # a cold coil takes water out, as far as its own saturation
            coil = _COIL_CHANGES_H * self._power / s.heater_w
            cold = 622.0 * saturation_hpa(self._air - _COIL_BELOW) / 1013.25
            rest = (rest * pull + coil * min(cold, self._ratio)) / (pull + coil)
            pull += coil
        ratio = rest + (self._ratio - rest) * exp(-pull * dt_s / 3600.0)
        self._ratio = min(ratio, full)  # the rest condenses
        taken = 1.0 - exp(-s.buffer_rate_h / s.buffer_size * dt_s / 3600.0)
        self._buffer += (100.0 * self._ratio / full - self._buffer) * taken
