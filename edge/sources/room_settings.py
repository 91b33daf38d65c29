"""What a room is made of: its air, walls, window, heater, habits and climate; and rooms worth watching."""

import math
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from edge.errors import ConfigError
from edge.sources.occupants import HABITS
from edge.sources.weather import Climate


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """A room of two thermal nodes, air and walls. The defaults are a living room."""

    volume_m3: float = 60.0
    air_heat: float = 300e3  # J/K, of the air and what stands lightly in it
    wall_heat: float = 9e6  # J/K
    air_to_wall: float = 170.0  # W/K
    air_to_outdoor: float = 6.0  # W/K, through the glass
    wall_to_outdoor: float = 12.0  # W/K
    wall_to_neighbour: float = 22.0  # W/K, to the rest of the house or the ground
    neighbour: float = 18.5  # °C
    air_changes_h: float = 0.45  # in mean wind
    window_m2: float = 3.0  # of glass, times what it lets through
    facing_deg: float = 200.0  # where the window looks; 180 is south
    heater_w: float = 1000.0  # full power; below zero it cools
    heater_lag_s: float = 400.0
    setpoint: float = 20.8  # °C by day
    setback: float = 18.8  # °C by night
    night: tuple[float, float] = (22.5, 5.8)  # hours of its beginning and its end
    hysteresis: float = 0.3  # °C between switching on and off
    idle_w: float = 60.0  # heat of what is always on
    moisture_g_h: float = 6.0  # water from plants, or from the ground
    buffer_rate_h: float = 0.8  # how fast surfaces and air exchange water, as air changes
    buffer_size: float = 25.0  # water in the surfaces over that in the air, for a change of humidity
    mixing: tuple[float, float] = (0.012, 0.08)  # °C and % that eddies move the sensor's place about
    habit: str = "home"
    climate: Climate = field(default_factory=Climate)

    def __post_init__(self) -> None:
        """Raises ConfigError when no such room can stand."""
        if self.habit not in HABITS:
            raise ConfigError(
                f"room habit {self.habit!r} is unknown; choose one of {', '.join(sorted(HABITS))}"
            )
        if min(self.volume_m3, self.air_heat, self.wall_heat, self.heater_lag_s, self.buffer_size) <= 0:
            raise ConfigError("a room's volume, heat capacities, heater lag and buffer size must be above 0")

    @staticmethod
    def random(rng: Random) -> "RoomSettings":
        """A room like no other: one of the presets, with every property drawn anew around it."""
        base = PRESETS[rng.choice(sorted(PRESETS))]

        def vary(value: float, spread: float = 0.25) -> float:
            return value * math.exp(rng.gauss(0.0, spread))

        scaled: dict[str, Any] = {name: vary(getattr(base, name)) for name in _SCALABLE}
        return replace(
            base,
            **scaled,
            facing_deg=rng.uniform(90.0, 270.0),
            setpoint=base.setpoint + rng.gauss(0.0, 1.0),
            setback=base.setback + rng.gauss(0.0, 1.0),
            neighbour=base.neighbour + rng.gauss(0.0, 1.5),
            hysteresis=vary(base.hysteresis, 0.4),
            climate=replace(
                base.climate,
                mean=base.climate.mean + rng.gauss(0.0, 2.0),
                front_spread=vary(base.climate.front_spread),
                dryness=vary(base.climate.dryness, 0.4),
                pressure=rng.uniform(940.0, 1015.0),
            ),
        )


_SCALABLE = (
    "volume_m3", "air_heat", "wall_heat", "air_to_wall", "air_to_outdoor", "wall_to_outdoor",
    "wall_to_neighbour", "air_changes_h", "window_m2", "heater_w", "heater_lag_s", "idle_w",
    "moisture_g_h", "buffer_rate_h", "buffer_size",
)  # fmt: skip

# A fridge and a server closet stand in a room of their own, which is their outdoors.
_INDOORS = Climate(
    mean=21.0, season_swing=1.5, day_swing=0.8, front_spread=0.5, dryness=9.0, dryness_swing=0.2
)

PRESETS: dict[str, RoomSettings] = {
    "living_room": RoomSettings(),
    "office": RoomSettings(habit="office", idle_w=150.0, window_m2=3.5, setback=19.5, night=(18.5, 6.5)),
    "cellar": RoomSettings(
        wall_heat=40e6, wall_to_outdoor=5.0, wall_to_neighbour=150.0, neighbour=12.0, air_changes_h=0.2,
        window_m2=0.1, heater_w=0.0, idle_w=0.0, moisture_g_h=25.0, habit="visits",
    ),
    "greenhouse": RoomSettings(
        volume_m3=40.0, air_heat=150e3, wall_heat=3e6, air_to_outdoor=60.0, wall_to_outdoor=5.0,
        wall_to_neighbour=40.0, neighbour=10.0, air_changes_h=1.2, window_m2=9.0, heater_w=3000.0,
        setpoint=12.0, setback=8.0, hysteresis=1.0, idle_w=0.0, moisture_g_h=150.0, mixing=(0.06, 0.3),
        habit="visits",
    ),
    "fridge": RoomSettings(
        volume_m3=0.3, air_heat=12e3, wall_heat=60e3, air_to_wall=8.0, air_to_outdoor=0.2,
        wall_to_outdoor=1.0, wall_to_neighbour=0.0, air_changes_h=0.3, window_m2=0.0, heater_w=-90.0,
        heater_lag_s=120.0, setpoint=5.0, setback=5.0, hysteresis=1.6, idle_w=0.0, moisture_g_h=0.15,
        habit="door", climate=_INDOORS,
    ),
    "server_closet": RoomSettings(
        volume_m3=12.0, air_heat=90e3, wall_heat=2e6, air_to_wall=60.0, air_to_outdoor=4.0,
        wall_to_outdoor=10.0, wall_to_neighbour=10.0, neighbour=21.0, air_changes_h=1.0, window_m2=0.0,
        heater_w=-1600.0, setpoint=24.0, setback=24.0, hysteresis=1.2, idle_w=700.0, moisture_g_h=0.0,
        habit="visits", climate=_INDOORS,
    ),
}  # fmt: skip
