"""Who is in the room and when: people, meals and opened doors, with their heat and moisture.

Each day is drawn from its own seed, so that the plan does not depend on how the room is stepped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

DAY_S = 86_400.0
PERSON_W = 80.0  # sensible heat of one seated person
PERSON_G_H = 45.0  # water that one seated person breathes and sweats out


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody or something in the room, in seconds since midnight, and what it gives off."""

    start_s: float
    end_s: float
    heat_w: float = 0.0
    moisture_g_h: float = 0.0
    air_changes_h: float = 0.0


Habit = Callable[[Random, bool], list[Presence]]


def _around(rng: Random, hour: float, minutes: float) -> float:
    return min(DAY_S, max(0.0, (hour + rng.gauss(0.0, minutes) / 60.0) * 3600.0))


def _people(rng: Random, start_s: float, end_s: float, people: int) -> Presence:
    effort = people * rng.uniform(0.8, 1.4)
    # Where there are people, doors move.
    return Presence(start_s, end_s, PERSON_W * effort, PERSON_G_H * effort, 0.1 * people)


def _meal(rng: Random, hour: float) -> Presence:
    start = _around(rng, hour, 25.0)
    return Presence(
        start, start + rng.uniform(900.0, 2400.0), rng.uniform(100.0, 350.0), rng.uniform(80.0, 250.0)
    )


def _home(rng: Random, weekend: bool) -> list[Presence]:
    people = rng.randint(1, 3)
    if not weekend:
        morning = _people(rng, _around(rng, 6.7, 15.0), _around(rng, 8.0, 15.0), people)
        evening = _people(rng, _around(rng, 17.7, 35.0), _around(rng, 22.7, 25.0), people)
        return [morning, evening, _meal(rng, 18.8)]
    away = sorted((_around(rng, 13.0, 80.0), _around(rng, 17.0, 80.0)))
    if rng.random() < 0.3:  # a day at home
        away = [away[0], away[0]]
    morning = _people(rng, _around(rng, 8.8, 35.0), away[0], people)
    evening = _people(rng, away[1], _around(rng, 23.2, 30.0), people + rng.choice((0, 0, 2)))
    return [morning, evening, _meal(rng, 12.3), _meal(rng, 19.0)]


def _office(rng: Random, weekend: bool) -> list[Presence]:
    if weekend and rng.random() < 0.9:
        return []
    day: list[Presence] = []
    for _ in range(1 if weekend else rng.randint(1, 4)):
        lunch = _around(rng, 12.2, 15.0)
        day.append(_people(rng, _around(rng, 8.6, 30.0), lunch, 1))
        day.append(_people(rng, lunch + rng.uniform(1500.0, 3600.0), _around(rng, 17.6, 35.0), 1))
    return day


def _visits(rng: Random, weekend: bool) -> list[Presence]:
    starts = [rng.uniform(7.0, 22.0) * 3600.0 for _ in range(rng.randint(0, 5 if weekend else 3))]
    return [Presence(s, s + rng.uniform(60.0, 600.0), PERSON_W, PERSON_G_H, 2.0) for s in starts]


def _door(rng: Random, weekend: bool) -> list[Presence]:
    starts = [
        rng.gauss(rng.choice((7.3, 12.5, 18.8)), 1.0) * 3600.0
        for _ in range(rng.randint(8, 22 if weekend else 15))
    ]
    return [Presence(s, s + rng.uniform(8.0, 45.0), 10.0, 0.0, 60.0) for s in starts]


HABITS: dict[str, Habit] = {
    "home": _home,
    "office": _office,
    "visits": _visits,
    "door": _door,
    "nobody": lambda _rng, _weekend: [],
}


class Occupants:
    """Those who live by one habit. Deterministic by seed and day."""

    def __init__(self, habit: str, seed: int) -> None:
        self._habit = HABITS[habit]
        self._seed = seed

    def at(self, clock_s: float) -> tuple[Presence, float]:
        """What all together give off at `clock_s` (Unix seconds), and until when that holds."""
        day, second = divmod(clock_s, DAY_S)
        rng = Random(f"occupants {self._seed} {day:.0f}")  # noqa: S311 - people, not cryptography
        plan = self._habit(rng, (day + 3) % 7 >= 5)  # 1970 began on a Thursday
        here = [p for p in plan if p.start_s <= second < p.end_s]
        changes = [s for p in plan if p.end_s > p.start_s for s in (p.start_s, p.end_s) if second < s < DAY_S]
        end = min(changes, default=DAY_S)
        sums = (
            sum(p.heat_w for p in here),
            sum(p.moisture_g_h for p in here),
            sum(p.air_changes_h for p in here),
        )
        return Presence(second, end, *sums), day * DAY_S + end
